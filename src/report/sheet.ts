import type { OverlayOptions, Sharp } from 'sharp';
import { formatPercent } from './format.js';
import { fitLettering, type LetteringStyle, lettering } from './lettering.js';
import { isWrong, type Sample } from './samples.js';
import { colour } from './theme.js';

const TILE = 96;
const CELL = 120;
const LINE = 17;
const MARGIN = 24;
const HEADER = 58;
/** Pixels of the file for a unit of the layout, so that it is sharp on fine screens. */
const DENSITY = 2;

const loadSharp = async () => (await import('sharp')).default;

/** Pixels [C, H, W] as a sharp image; other than 1 or 3 channels shows the first as grey. */
function picture(sharp: Awaited<ReturnType<typeof loadSharp>>, { image, shape }: Sample): Sharp {
  const [channels, height, width] = shape;
  const kept = channels === 3 ? 3 : 1;
  const area = height * width;
  const pixels = new Uint8Array(area * kept);
  for (let i = 0; i < area; i++) for (let c = 0; c < kept; c++) pixels[i * kept + c] = image[c * area + i]!;
  return sharp(pixels, { raw: { width, height, channels: kept } });
}

/** The image as a PNG file of its own size. */
export async function samplePng(sample: Sample): Promise<Buffer> {
  const sharp = await loadSharp();
  return picture(sharp, sample).png().toBuffer();
}

/**
 * One PNG with all samples: the image, what was predicted and how surely, and below it the true class where it was
 * another; those are framed and crossed.
 */
export async function sampleSheet(
  samples: readonly Sample[],
  classes: readonly string[],
  title: string,
): Promise<Buffer> {
  const sharp = await loadSharp();
  const columns = Math.min(8, Math.max(4, samples.length));
  const rows = Math.ceil(samples.length / columns);
  const rowHeight = TILE + 3 * LINE + 14;
  const width = 2 * MARGIN + columns * CELL;
  const height = 2 * MARGIN + HEADER + rows * rowHeight;
  const wrong = samples.filter(isWrong).length;
  const left = MARGIN + (CELL - TILE) / 2;
  const count = `${samples.length} images, ${wrong} of them wrong (framed)`;
  const parts = [
    line(left, MARGIN + 20, title, { size: 20, colour: colour('ink'), bold: true }, width - 2 * left),
    line(left, MARGIN + 43, count, { size: 13, colour: colour('muted') }, width - 2 * left),
  ];
  const tiles: OverlayOptions[] = [];
  for (const [i, sample] of samples.entries()) {
    const x = left + (i % columns) * CELL;
    const y = MARGIN + HEADER + Math.floor(i / columns) * rowHeight;
    const bad = isWrong(sample);
    const frame = bad ? 3 : 1;
    const name = (c: number) => classes[c] ?? String(c);
    parts.push(
      `<rect x="${x - frame}" y="${y - frame}" width="${TILE + 2 * frame}" height="${TILE + 2 * frame}" rx="${frame}" fill="${colour(bad ? 'bad' : 'grid')}"/>`,
      mark(x + TILE - 7, y + TILE + LINE - 5, bad),
      // Beside the mark.
      line(
        x,
        y + TILE + LINE,
        name(sample.predicted),
        { size: 13, colour: colour(bad ? 'bad' : 'ink'), bold: true },
        TILE - 20,
      ),
      line(x, y + TILE + 2 * LINE, formatPercent(sample.probability, 1), { size: 12, colour: colour('muted') }, TILE),
    );
    if (bad)
      parts.push(
        line(x, y + TILE + 3 * LINE, `true: ${name(sample.truth!)}`, { size: 12, colour: colour('ink') }, TILE + 12),
      );
    const side = TILE * DENSITY;
    const small = Math.max(...sample.shape.slice(1)) < TILE;
    const input = await picture(sharp, sample)
      .resize(side, side, {
        fit: 'contain',
        background: colour('surface'),
        kernel: small ? 'nearest' : 'lanczos3',
      })
      .png()
      .toBuffer();
    tiles.push({ input, left: Math.round(x * DENSITY), top: Math.round(y * DENSITY) });
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width * DENSITY}" height="${height * DENSITY}" viewBox="0 0 ${width} ${height}"><rect width="${width}" height="${height}" fill="${colour('surface')}"/>${parts.join('')}</svg>`;
  return sharp(Buffer.from(svg)).composite(tiles).png({ compressionLevel: 9 }).toBuffer();
}

type Style = Omit<LetteringStyle, 'x' | 'y'>;

const line = (x: number, y: number, text: string, style: Style, width: number) =>
  lettering(fitLettering(text, style.size, width), { x, y, ...style });

/** A cross or a tick, drawn as a path: fonts differ, and colour alone does not reach everybody. */
function mark(x: number, y: number, bad: boolean): string {
  const path = bad ? `M${x - 4},${y - 4}l8,8m0,-8l-8,8` : `M${x - 5},${y}l4,4l6,-8`;
  return `<path d="${path}" fill="none" stroke="${colour(bad ? 'bad' : 'good')}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>`;
}

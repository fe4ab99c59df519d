import type { OverlayOptions } from 'sharp';
import type { Image } from '../data/dataset.js';
import { fitLettering, type LetteringStyle, lettering, letteringWidth } from './lettering.js';
import { classColour, overlay } from './overlay.js';
import { colour } from './theme.js';

/** An image with its mask, if it has one. */
export interface Masked {
  readonly image: Image;
  /** Class numbers, H x W. */
  readonly mask?: Uint8Array;
}

/** A row of the sheet: an image as it is, and what augmentation makes of it. */
export interface AugmentRow {
  /** What stands beside it: its number, its class. */
  readonly label: string;
  readonly plain: Masked;
  readonly augmented: readonly Masked[];
}

export interface AugmentSheetOptions {
  readonly title: string;
  /** Below the title. */
  readonly subtitle: string;
  /** Names by class number, for the legend. */
  readonly classes: readonly string[];
  readonly ignoreIndex?: number;
}

const TILE = 150;
const GAP = 8;
const MARGIN = 28;
const HEADER = 92;
const LABEL = 22;
const DENSITY = 2;

type Style = Omit<LetteringStyle, 'x' | 'y'>;

/**
 * One PNG: a row for each image, with the image as it is, its mask laid over it, and the augmented pairs. Without masks
 * only images are shown.
 */
export async function augmentSheet(rows: readonly AugmentRow[], options: AugmentSheetOptions): Promise<Buffer> {
  const sharp = (await import('sharp')).default;
  const masked = rows.some(({ plain }) => plain.mask);
  const heads = ['image', ...(masked ? ['mask'] : [])];
  const columns = heads.length + Math.max(...rows.map(({ augmented }) => augmented.length));
  const [, h, w] = rows[0]!.plain.image.shape;
  // Tiles keep the images' aspect and have one area, whatever it is.
  const height = Math.round(TILE * Math.sqrt(h / w));
  const width = Math.round(TILE * Math.sqrt(w / h));
  const x = (column: number) => MARGIN + column * (width + GAP) + (column >= heads.length ? GAP : 0);
  const y = (row: number) => MARGIN + HEADER + row * (height + LABEL + GAP);
  const total = { width: x(columns) - GAP + MARGIN, height: y(rows.length) - GAP + MARGIN };
  const room = total.width - 2 * MARGIN;
  const line = (left: number, top: number, text: string, style: Style, within: number) =>
    lettering(fitLettering(text, style.size, within), { x: left, y: top, ...style });
  const parts = [
    line(MARGIN, MARGIN + 16, options.title, { size: 20, colour: colour('ink'), bold: true }, room),
    line(MARGIN, MARGIN + 39, options.subtitle, { size: 13, colour: colour('muted') }, room),
    ...[...heads, 'augmented'].map((text, i) =>
      line(x(i), MARGIN + HEADER - 8, text, { size: 12, colour: colour('muted') }, width),
    ),
    ...(masked ? legend(options.classes, MARGIN, MARGIN + 61, room) : []),
  ];
  const tiles: OverlayOptions[] = [];
  const place = async (image: Image, column: number, row: number) => {
    const [channels, ih, iw] = image.shape;
    const area = ih * iw;
    const kept = channels === 3 ? 3 : 1;
    const pixels = new Uint8Array(kept * area);
    for (let c = 0; c < kept; c++) for (let i = 0; i < area; i++) pixels[i * kept + c] = image.data[c * area + i]!;
    const side = { width: width * DENSITY, height: height * DENSITY };
    const kernel = Math.max(ih, iw) < 2 * TILE ? 'nearest' : 'lanczos3';
    const input = await sharp(pixels, { raw: { width: iw, height: ih, channels: kept } })
      .resize({ ...side, fit: 'contain', background: colour('surface'), kernel })
      .png()
      .toBuffer();
    tiles.push({ input, left: x(column) * DENSITY, top: y(row) * DENSITY });
  };
  for (const [r, { label, plain, augmented }] of rows.entries()) {
    parts.push(line(MARGIN, y(r) + height + 15, label, { size: 11, colour: colour('muted') }, room));
    const { ignoreIndex } = options;
    const over = ({ image, mask }: Masked) => (mask ? overlay(image, mask, { ignoreIndex }) : image);
    await place(plain.image, 0, r);
    if (masked) await place(over(plain), 1, r);
    for (const [k, one] of augmented.entries()) await place(over(one), heads.length + k, r);
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${total.width * DENSITY}" height="${total.height * DENSITY}" viewBox="0 0 ${total.width} ${total.height}"><rect width="${total.width}" height="${total.height}" fill="${colour('surface')}"/>${parts.join('')}</svg>`;
  return sharp(Buffer.from(svg)).composite(tiles).png({ compressionLevel: 9 }).toBuffer();
}

/** A swatch and a name for each class but the background, as many as there is room for. */
function legend(classes: readonly string[], left: number, top: number, room: number): string[] {
  const parts: string[] = [];
  let x = left;
  for (const [i, name] of classes.entries()) {
    if (i === 0) continue;
    const text = fitLettering(name, 12, 160);
    const wide = 16 + letteringWidth(text, 12) + 18;
    if (x + wide > left + room) break;
    parts.push(
      `<rect x="${x}" y="${top - 10}" width="11" height="11" rx="2" fill="${classColour(i)}"/>`,
      lettering(text, { x: x + 16, y: top, size: 12, colour: colour('ink') }),
    );
    x += wide;
  }
  return parts;
}

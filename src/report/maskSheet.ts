import type { OverlayOptions } from 'sharp';
import type { Image } from '../data/dataset.js';
import { formatPercent } from './format.js';
import { fitLettering, lettering, letteringWidth } from './lettering.js';
import type { MaskSample } from './maskSamples.js';
import { classColour, overlay } from './overlay.js';
import { colour } from './theme.js';

/** What a sheet shows beside the samples. */
export interface MaskSheetOptions {
  readonly title: string;
  /** Below the title. */
  readonly subtitle: string;
  /** Names by class number. */
  readonly classes: readonly string[];
  readonly ignoreIndex?: number;
}

/** Pictures of one sample, PNG or WebP of the sheet's tile size. */
export interface MaskTiles {
  readonly photo: Buffer;
  readonly truth: Buffer;
  readonly predicted: Buffer;
  readonly overlay: Buffer;
}

const AREA = 132;
const GAP = 6;
const MARGIN = 28;
const HEADER = 78;
const LABEL = 30;
const BETWEEN = 34;
const DENSITY = 2;
const HEADS = ['photo', 'true mask', 'prediction', 'overlay'] as const;
/** The true border in overlays: apart from all colours of classes. */
const TRUE_BORDER = [255, 255, 255] as const;

const loadSharp = async () => (await import('sharp')).default;

/** Size of a tile in units of the layout: the image's aspect, one area for all. */
function tileSize([, h, w]: Image['shape']): { width: number; height: number } {
  return { width: Math.round(AREA * Math.sqrt(w / h)), height: Math.round(AREA * Math.sqrt(h / w)) };
}

/** Where things lie on a sheet of `count` samples of one shape. */
function layout(count: number, shape: Image['shape']) {
  const tile = tileSize(shape);
  const card = { width: 4 * tile.width + 3 * GAP, height: tile.height + LABEL };
  const columns = count > 3 ? 2 : 1;
  const rows = Math.ceil(count / columns);
  const x = (i: number, column: number) =>
    MARGIN + (i % columns) * (card.width + BETWEEN) + column * (tile.width + GAP);
  const y = (i: number) => MARGIN + HEADER + Math.floor(i / columns) * (card.height + 10);
  return {
    tile,
    columns,
    x,
    y,
    width: 2 * MARGIN + columns * card.width + (columns - 1) * BETWEEN,
    height: 2 * MARGIN + HEADER + rows * (card.height + 10) - 10,
  };
}

/** Draws the four pictures of a sample. */
export async function maskTiles(
  sample: MaskSample,
  ignoreIndex?: number,
  format: 'png' | 'webp' = 'png',
): Promise<MaskTiles> {
  const sharp = await loadSharp();
  const { image, truth, predicted } = sample;
  const [channels, h, w] = image.shape;
  const size = tileSize(image.shape);
  const side = { width: size.width * DENSITY, height: size.height * DENSITY };
  const file = (data: Uint8Array, flat: boolean) => {
    const picture = sharp(data, { raw: { ...side, channels: 3 } });
    // Flat colours compress best without loss.
    return (format === 'png' ? picture.png() : picture.webp(flat ? { lossless: true } : { quality: 84 })).toBuffer();
  };
  const kept = channels === 3 ? 3 : 1;
  const scaled = await sharp(interleaved(image, kept), { raw: { width: w, height: h, channels: kept } })
    .resize({ ...side, fit: 'fill', kernel: Math.max(h, w) < 48 ? 'nearest' : 'cubic' })
    .raw()
    .toBuffer();
  // Masks are enlarged first and then drawn, so that borders are fine lines.
  const large = (mask: Uint8Array) => enlarge(mask, h, w, side.height, side.width);
  const [trueMask, ours] = [large(truth), large(predicted)];
  const planes: Image = { data: planar(scaled, side.height, side.width), shape: [3, side.height, side.width] };
  const photo = interleaved(planes, 3);
  const drawn = overlay(planes, ours, { ignoreIndex });
  border(drawn, trueMask);
  return {
    photo: await file(photo, false),
    truth: await file(painted(trueMask, ignoreIndex), true),
    predicted: await file(painted(ours, ignoreIndex), true),
    overlay: await file(interleaved(drawn, 3), false),
  };
}

/**
 * One PNG with all samples: photo, true mask, prediction, and the prediction laid over the photo with its border in
 * colour and the true border in white; the IoU of each.
 */
export async function maskSheet(samples: readonly MaskSample[], options: MaskSheetOptions): Promise<Buffer> {
  const sharp = await loadSharp();
  const place = layout(samples.length, samples[0]!.image.shape);
  const room = place.width - 2 * MARGIN;
  const line = (x: number, y: number, text: string, size: number, tone: 'ink' | 'muted', bold = false, within = room) =>
    lettering(fitLettering(text, size, within), { x, y, size, colour: colour(tone), bold });
  const parts = [
    line(MARGIN, MARGIN + 16, options.title, 20, 'ink', true),
    line(MARGIN, MARGIN + 39, options.subtitle, 13, 'muted'),
  ];
  for (let i = 0; i < Math.min(place.columns, samples.length); i++)
    for (const [c, head] of HEADS.entries())
      parts.push(line(place.x(i, c), MARGIN + HEADER - 8, head, 11.5, 'muted', false, place.tile.width));
  const tiles: OverlayOptions[] = [];
  for (const [i, sample] of samples.entries()) {
    const pictures = await maskTiles(sample, options.ignoreIndex);
    for (const [c, input] of [pictures.photo, pictures.truth, pictures.predicted, pictures.overlay].entries())
      tiles.push({ input, left: place.x(i, c) * DENSITY, top: place.y(i) * DENSITY });
    const base = place.y(i) + place.tile.height + 15;
    const score = iouText(sample.iou);
    parts.push(
      line(place.x(i, 0), base, `photo ${sample.index}`, 11.5, 'muted'),
      line(place.x(i, 3) + place.tile.width - letteringWidth(score, 12), base, score, 12, 'ink', true),
    );
  }
  if (options.classes.length > 2) parts.push(...legend(options.classes, room));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${place.width * DENSITY}" height="${place.height * DENSITY}" viewBox="0 0 ${place.width} ${place.height}"><rect width="${place.width}" height="${place.height}" fill="${colour('surface')}"/>${parts.join('')}</svg>`;
  return sharp(Buffer.from(svg)).composite(tiles).png({ compressionLevel: 9 }).toBuffer();
}

/** "IoU 71.2 %", or that there is none. */
export const iouText = (iou: number): string => (Number.isNaN(iou) ? 'IoU undefined' : `IoU ${formatPercent(iou, 1)}`);

/** The overlays of the first `count` samples, cut out of a sheet of `total`; undefined if it is laid out otherwise. */
export async function overlaysOf(
  sheet: Uint8Array,
  count: number,
  total: number,
  shape: Image['shape'],
): Promise<Buffer[] | undefined> {
  const sharp = await loadSharp();
  const place = layout(total, shape);
  const { width, height } = await sharp(sheet).metadata();
  if (width !== place.width * DENSITY || height !== place.height * DENSITY) return undefined;
  const tile = { width: place.tile.width * DENSITY, height: place.tile.height * DENSITY };
  return Promise.all(
    Array.from({ length: Math.min(count, total) }, (_, i) =>
      sharp(sheet)
        .extract({ left: place.x(i, 3) * DENSITY, top: place.y(i) * DENSITY, ...tile })
        .webp({ quality: 84 })
        .toBuffer(),
    ),
  );
}

function legend(classes: readonly string[], room: number): string[] {
  const parts: string[] = [];
  let x = MARGIN;
  for (const [i, name] of classes.entries()) {
    if (i === 0) continue;
    const text = fitLettering(name, 11.5, 140);
    if (x + 40 + letteringWidth(text, 11.5) > MARGIN + room) break;
    parts.push(
      `<rect x="${x}" y="${MARGIN + 47}" width="10" height="10" rx="2" fill="${classColour(i)}"/>`,
      lettering(text, { x: x + 15, y: MARGIN + 56, size: 11.5, colour: colour('ink') }),
    );
    x += 33 + letteringWidth(text, 11.5);
  }
  return parts;
}

/** Planes as interleaved pixels; other than 3 channels shows the first as grey. */
function interleaved({ data, shape: [, h, w] }: Image, kept: 1 | 3): Uint8Array {
  const area = h * w;
  const out = new Uint8Array(kept * area);
  for (let c = 0; c < kept; c++) for (let i = 0; i < area; i++) out[i * kept + c] = data[c * area + i]!;
  return out;
}

function planar(pixels: Uint8Array, h: number, w: number): Uint8Array {
  const area = h * w;
  const channels = pixels.length / area;
  const out = new Uint8Array(3 * area);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < area; i++) out[c * area + i] = pixels[i * channels + Math.min(c, channels - 1)]!;
  return out;
}

/** A mask at another size: the nearest pixel. */
function enlarge(mask: Uint8Array, h: number, w: number, height: number, width: number): Uint8Array {
  const out = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * h) / height) * w;
    for (let x = 0; x < width; x++) out[y * width + x] = mask[row + Math.floor(((x + 0.5) * w) / width)]!;
  }
  return out;
}

/** A mask in the colours of its classes on dark ground, RGB. */
function painted(mask: Uint8Array, ignoreIndex?: number): Uint8Array {
  const out = new Uint8Array(3 * mask.length);
  for (let i = 0; i < mask.length; i++) {
    const value = mask[i]!;
    const rgb =
      value === 0 ? 0x1c2430 : value === ignoreIndex ? 0x5d6675 : Number.parseInt(classColour(value).slice(1), 16);
    for (let c = 0; c < 3; c++) out[3 * i + c] = (rgb >> (16 - 8 * c)) & 255;
  }
  return out;
}

/** Draws the border of a mask into an image, in white. */
function border({ data, shape: [, h, w] }: Image, mask: Uint8Array): void {
  const area = h * w;
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const at = y * w + x;
      const value = mask[at]!;
      const edge = (x + 1 < w && mask[at + 1] !== value) || (y + 1 < h && mask[at + w] !== value);
      if (edge) for (let c = 0; c < 3; c++) data[c * area + at] = TRUE_BORDER[c]!;
    }
}

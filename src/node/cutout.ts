import { extname } from 'node:path';
import { deflateSync } from 'node:zlib';
import { pngParts } from '../io/png.js';
import { classRgb, overlay, photoReach } from '../report/overlay.js';
import { type PhotoMask, photoPlanes } from './segmentPhoto.js';
import { loadSharp } from './sharp.js';
import { writeFileAtomic } from './storage.js';

/** What is written of a photo: its mask, the mask over the photo, or the foreground on nothing. */
export type CutMode = 'mask' | 'overlay' | 'cutout';

const FORMATS: Readonly<Record<string, CutFormat>> = {
  '.png': 'png',
  '.webp': 'webp',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
};

/** Throws one sentence unless `mode` can be written as a file with that ending. */
export function checkCutFile(file: string, mode: CutMode): void {
  const format = FORMATS[extname(file).toLowerCase()];
  if (!format) throw new Error(`${file}: masks are written as .png, .webp or .jpg`);
  if (mode === 'mask' && format !== 'png') throw new Error(`${file}: a mask keeps its exact values as .png only`);
  if (mode === 'cutout' && format === 'jpeg')
    throw new Error(`${file}: a JPEG has no transparency; write the cut-out as .png or .webp`);
}

/** Formats of pictures of a photo's mask. */
export type CutFormat = 'png' | 'webp' | 'jpeg';

/** What a picture is encoded as. */
export interface CutStyle {
  readonly mode: CutMode;
  readonly format: CutFormat;
  /** Classes of the network, with the background. */
  readonly classes: number;
}

/**
 * The bytes of a picture of a photo's mask, at the photo's size. A mask is a PNG always.
 *
 * - `mask`: for two classes grey, 0 and 255; for more a palette PNG whose indices are the class numbers;
 * - `overlay`: the photo with each class tinted in its colour and bordered;
 * - `cutout`: the photo with everything transparent that is not foreground, with a soft edge.
 */
export async function encodeCut(
  photo: string | Uint8Array,
  mask: PhotoMask,
  { mode, format, classes }: CutStyle,
): Promise<Uint8Array> {
  if (mode !== 'mask') return picture(mode, photo, mask, format);
  return classes > 2 ? palettePng(mask, classes) : greyPng(mask);
}

/** Writes a picture of a photo's mask, whole or not at all; see {@link encodeCut}. */
export async function writeCut(
  file: string,
  mode: CutMode,
  photo: string,
  mask: PhotoMask,
  classes: number,
): Promise<void> {
  checkCutFile(file, mode);
  const format = FORMATS[extname(file).toLowerCase()]!;
  await writeFileAtomic(file, await encodeCut(photo, mask, { mode, format, classes }));
}

async function greyPng({ classes, height, width }: PhotoMask): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const grey = classes.map((c) => (c === 0 ? 0 : 255));
  return sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}

async function picture(
  mode: Exclude<CutMode, 'mask'>,
  photo: string | Uint8Array,
  mask: PhotoMask,
  format: CutFormat,
): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const { height, width } = mask;
  const area = height * width;
  const planes = await photoPlanes(photo);
  const { data } = mode === 'cutout' ? planes : overlay(planes, mask.classes, { reach: photoReach(height, width) });
  const channels = mode === 'cutout' ? 4 : 3;
  const pixels = new Uint8Array(channels * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) pixels[i * channels + c] = data[c * area + i]!;
    if (mode === 'cutout') pixels[i * 4 + 3] = mask.alpha[i]!;
  }
  const image = sharp(pixels, { raw: { width, height, channels } });
  if (format === 'jpeg') return image.jpeg({ quality: 92 }).toBuffer();
  return format === 'webp' ? image.webp({ quality: 92 }).toBuffer() : image.png().toBuffer();
}

/** A PNG whose palette indices are class numbers: shown in colours, and read as a mask again. */
function palettePng({ classes, height, width }: PhotoMask, count: number): Uint8Array {
  const palette = new Uint8Array(3 * count);
  for (let k = 1; k < count; k++) {
    const rgb = classRgb(k);
    for (let c = 0; c < 3; c++) palette[3 * k + c] = (rgb >> (16 - 8 * c)) & 255;
  }
  // A filter byte of 0 before each row: palettes compress best unfiltered.
  const rows = new Uint8Array(height * (width + 1));
  for (let y = 0; y < height; y++) rows.set(classes.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return Buffer.concat(pngParts({ width, height, pixels: 'palette', palette, packed: deflateSync(rows) }));
}

import { extname } from 'node:path';
import { deflateSync } from 'node:zlib';
import { classColour } from '../report/overlay.js';
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
  const { data } = await photoPlanes(photo);
  const area = height * width;
  const channels = mode === 'cutout' ? 4 : 3;
  const pixels = new Uint8Array(channels * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) pixels[i * channels + c] = data[c * area + i]!;
    if (mode === 'cutout') pixels[i * 4 + 3] = mask.alpha[i]!;
  }
  if (mode === 'overlay') tint(pixels, mask);
  const image = sharp(pixels, { raw: { width, height, channels } });
  if (format === 'jpeg') return image.jpeg({ quality: 92 }).toBuffer();
  return format === 'webp' ? image.webp({ quality: 92 }).toBuffer() : image.png().toBuffer();
}

/** Tints each class but 0 and draws its border, as wide as the picture is large. */
function tint(pixels: Uint8Array, { classes, height, width }: PhotoMask): void {
  const reach = Math.max(1, Math.round(Math.max(height, width) / 400));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const value = classes[at]!;
      if (value === 0) continue;
      const differs = (dy: number, dx: number) =>
        y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width && classes[at + dy * width + dx] !== value;
      const edge = differs(-reach, 0) || differs(reach, 0) || differs(0, -reach) || differs(0, reach);
      const part = edge ? 1 : 0.35;
      const rgb = Number.parseInt(classColour(value).slice(1), 16);
      for (let c = 0; c < 3; c++) {
        const i = 3 * at + c;
        pixels[i] = pixels[i]! + (((rgb >> (16 - 8 * c)) & 255) - pixels[i]!) * part;
      }
    }
}

/** A PNG whose palette indices are class numbers: shown in colours, and read as a mask again. */
export function palettePng({ classes, height, width }: PhotoMask, count: number): Uint8Array {
  const palette = new Uint8Array(3 * count);
  for (let k = 1; k < count; k++) {
    const rgb = Number.parseInt(classColour(k).slice(1), 16);
    for (let c = 0; c < 3; c++) palette[3 * k + c] = (rgb >> (16 - 8 * c)) & 255;
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, 3);
  // A filter byte of 0 before each row: palettes compress best unfiltered.
  const rows = new Uint8Array(height * (width + 1));
  for (let y = 0; y < height; y++) rows.set(classes.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', new Uint8Array(header.buffer)),
    chunk('PLTE', palette),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = CRC[(c ^ byte) & 255]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

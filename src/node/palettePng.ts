import { inflateSync } from 'node:zlib';
import { PNG_SIGNATURE } from '../io/png.js';

/** A palette PNG before its colours are looked up. */
export interface PaletteImage {
  readonly height: number;
  readonly width: number;
  /** H x W palette indices. */
  readonly indices: Uint8Array;
  /** Red, green and blue of each entry. */
  readonly palette: Uint8Array;
}

/** First column and row, and the steps between them, of the seven passes of an interlaced PNG. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** The file is a PNG with a palette. */
export const isPalettePng = (bytes: Uint8Array): boolean =>
  bytes.length > 25 && PNG_SIGNATURE.every((b, i) => bytes[i] === b) && bytes[25] === 3;

/**
 * Reads the palette indices of a PNG (W3C PNG, third edition): in masks such as PASCAL VOC's they are the class numbers,
 * which general image libraries turn into colours. Throws one sentence that names the file: cut short, damaged, too large.
 *
 * @param maxPixels larger images are refused before anything is unpacked
 */
export function decodePalettePng(bytes: Uint8Array, name: string, maxPixels: number): PaletteImage {
  const damaged = (what: string) => new Error(`${name} is damaged and cannot be read as an image (${what})`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const depth = bytes[24]!;
  const interlaced = bytes[28] === 1;
  if (width === 0 || height === 0) throw damaged('it has no pixels');
  if (![1, 2, 4, 8].includes(depth)) throw damaged(`a palette image of ${depth} bits`);
  if (width * height > maxPixels)
    throw new Error(
      `${name} says it has ${width} x ${height} pixels, more than the ${Math.floor(maxPixels / 1e6)} million that are read; scale it down`,
    );
  let palette: Uint8Array | undefined;
  const packed: Uint8Array[] = [];
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw damaged('it is cut short');
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) throw damaged('it is cut short');
    const chunk = bytes.subarray(at + 8, at + 8 + length);
    if (type === 'PLTE') palette = chunk.slice();
    else if (type === 'IDAT') packed.push(chunk);
    else if (type === 'IEND') break;
    at += 12 + length;
  }
  if (!palette || palette.length === 0 || palette.length % 3 !== 0) throw damaged('it has no palette');
  const passes = (interlaced ? ADAM7 : ([[0, 0, 1, 1]] as const))
    .map(([x0, y0, dx, dy]) => ({
      x0,
      y0,
      dx,
      dy,
      w: Math.ceil(Math.max(0, width - x0) / dx),
      h: Math.ceil(Math.max(0, height - y0) / dy),
    }))
    .filter((pass) => pass.w > 0 && pass.h > 0);
  const lineBytes = (w: number) => Math.ceil((w * depth) / 8);
  const total = passes.reduce((sum, { w, h }) => sum + h * (1 + lineBytes(w)), 0);
  let raw: Uint8Array;
  try {
    raw = inflateSync(Buffer.concat(packed), { maxOutputLength: total });
  } catch (error) {
    throw damaged((error as Error).message);
  }
  if (raw.length !== total) throw damaged(`${raw.length} bytes of pixels in place of ${total}`);
  const indices = new Uint8Array(width * height);
  const mask = (1 << depth) - 1;
  let at = 0;
  for (const { x0, y0, dx, dy, w, h } of passes) {
    const size = lineBytes(w);
    let above: Uint8Array | undefined;
    for (let y = 0; y < h; y++) {
      const filter = raw[at]!;
      const line = raw.subarray(at + 1, at + 1 + size);
      if (filter > 4) throw damaged(`filter ${filter}`);
      unfilter(filter, line, above);
      for (let x = 0; x < w; x++) {
        const bit = x * depth;
        const index = (line[bit >> 3]! >> (8 - depth - (bit & 7))) & mask;
        if (3 * index >= palette.length) throw damaged(`the index ${index} of ${palette.length / 3} colours`);
        indices[(y0 + y * dy) * width + x0 + x * dx] = index;
      }
      above = line;
      at += 1 + size;
    }
  }
  return { height, width, indices, palette };
}

/** Undoes a line's filter in place; palette images have one byte from pixel to pixel. */
function unfilter(filter: number, line: Uint8Array, above: Uint8Array | undefined): void {
  if (filter === 0) return;
  for (let i = 0; i < line.length; i++) {
    const left = i > 0 ? line[i - 1]! : 0;
    const up = above ? above[i]! : 0;
    let predicted: number;
    if (filter === 1) predicted = left;
    else if (filter === 2) predicted = up;
    else if (filter === 3) predicted = (left + up) >> 1;
    else {
      const corner = above && i > 0 ? above[i - 1]! : 0;
      const p = left + up - corner;
      const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
      predicted = a <= b && a <= c ? left : b <= c ? up : corner;
    }
    line[i] = line[i]! + predicted;
  }
}

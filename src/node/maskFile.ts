import { readFile } from 'node:fs/promises';
import type { Image } from '../data/dataset.js';
import type { Fit } from '../data/open.js';
import { nearestIndices } from '../data/transforms/resize.js';
import { fileError } from './errors.js';
import { readPixels } from './image.js';
import { decodePalettePng, isPalettePng } from './palettePng.js';

/** How the pixels of a mask file are meant to be read. */
export type MaskForm =
  /** One brightness a pixel, whatever the file's number of channels. */
  | 'grey'
  /** Indices into a coloured palette. */
  | 'palette'
  | 'colour';

/** A mask as one byte a pixel: its grey value, its palette index, or the number that the colour table gives. */
export interface MaskCodes {
  readonly form: MaskForm;
  readonly codes: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** Which codes occur: 256 flags. */
  readonly present: Uint8Array;
  /** Some colours of a coloured mask, where there is no table. */
  readonly colours: readonly string[];
  /** The largest value of a file with 16 bits, if it is above 255; then `codes` are the upper bytes. */
  readonly largest?: number;
}

/** A mask holds a colour or a number that is no class. Such masks are never left out in silence: the user has to decide. */
export class MaskValueError extends Error {
  override readonly name = 'MaskValueError';
}

/** Numbers of colours, by red * 65536 + green * 256 + blue. */
export interface ColourTable {
  readonly numbers: ReadonlyMap<number, number>;
  /** Other colours count as the nearest one; else they do in JPEG files only, which blur colours. */
  readonly nearest: boolean;
}

const MAX_PIXELS = 2 ** 27;

/**
 * Reads a mask. With a table all masks are read as coloured ones. Throws one sentence that names the file: missing, damaged,
 * a colour that the table does not have.
 */
export async function readMask(path: string, table?: ColourTable): Promise<MaskCodes> {
  const bytes = await readFile(path).catch((error) => {
    throw fileError(error, path, 'read');
  });
  if (isPalettePng(bytes)) {
    const { indices, palette, height, width } = decodePalettePng(bytes, path, MAX_PIXELS);
    const isGrey = everyPixel(palette, 0);
    if (!table && !isGrey) return withPresence('palette', indices, height, width);
    if (!table)
      return withPresence(
        'grey',
        indices.map((i) => palette[3 * i]!),
        height,
        width,
      );
    const colours = new Uint8Array(3 * indices.length);
    for (let i = 0; i < indices.length; i++)
      for (let c = 0; c < 3; c++) colours[3 * i + c] = palette[3 * indices[i]! + c]!;
    return withPresence('colour', numbersOf(colours, table, false, path), height, width);
  }
  const { data, channels, height, width, lossy } = await readPixels(bytes, path, MAX_PIXELS);
  if (data instanceof Uint16Array) {
    const largest = data.reduce((a, b) => Math.max(a, b), 0);
    const codes = Uint8Array.from(data, largest > 255 ? (v) => v >> 8 : (v) => v);
    const read = withPresence('grey', codes, height, width);
    return largest > 255 ? { ...read, largest } : read;
  }
  if (table) {
    const rgb = channels === 3 ? data : spread(data);
    return withPresence('colour', numbersOf(rgb, table, lossy, path), height, width);
  }
  // Colours of a JPEG may stray from grey by a step or two.
  if (channels === 1) return withPresence('grey', data, height, width);
  if (everyPixel(data, lossy ? 24 : 0)) {
    const codes = new Uint8Array(data.length / 3);
    for (let i = 0; i < codes.length; i++) codes[i] = data[3 * i + 1]!;
    return withPresence('grey', codes, height, width);
  }
  const codes = new Uint8Array(height * width);
  return { form: 'colour', codes, height, width, present: new Uint8Array(256), colours: someColours(data) };
}

function withPresence(form: MaskForm, codes: Uint8Array, height: number, width: number): MaskCodes {
  const present = new Uint8Array(256);
  for (const code of codes) present[code] = 1;
  return { form, codes, height, width, present, colours: [] };
}

/** Red, green and blue of every pixel differ by no more than `tolerance`. */
function everyPixel(rgb: Uint8Array, tolerance: number): boolean {
  for (let i = 0; i + 2 < rgb.length; i += 3) {
    const [r, g, b] = [rgb[i]!, rgb[i + 1]!, rgb[i + 2]!];
    if (Math.max(r, g, b) - Math.min(r, g, b) > tolerance) return false;
  }
  return true;
}

function spread(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(3 * grey.length);
  for (let i = 0; i < grey.length; i++) rgb.fill(grey[i]!, 3 * i, 3 * i + 3);
  return rgb;
}

/** Red, green and blue as `#rrggbb`. */
export const hexColour = (colour: number): string => `#${colour.toString(16).padStart(6, '0')}`;

function someColours(rgb: Uint8Array): string[] {
  const found = new Set<number>();
  for (let i = 0; i < rgb.length && found.size < 6; i += 3)
    found.add((rgb[i]! << 16) | (rgb[i + 1]! << 8) | rgb[i + 2]!);
  return [...found].map(hexColour);
}

function numbersOf(rgb: Uint8Array, table: ColourTable, lossy: boolean, path: string): Uint8Array {
  const known = new Map(table.numbers);
  const out = new Uint8Array(rgb.length / 3);
  let last = -1;
  let number = 0;
  for (let i = 0, p = 0; i < out.length; i++, p += 3) {
    const colour = (rgb[p]! << 16) | (rgb[p + 1]! << 8) | rgb[p + 2]!;
    if (colour !== last) {
      let found = known.get(colour);
      if (found === undefined) {
        if (!table.nearest && !lossy)
          throw new MaskValueError(
            `${path} holds the colour ${hexColour(colour)}, which is no class; the classes have ` +
              `${[...table.numbers.keys()].slice(0, 8).map(hexColour).join(', ')}${table.numbers.size > 8 ? ', ...' : ''}; ` +
              'add it, or let colours count as the nearest one (nearest)',
          );
        found = nearestNumber(colour, table.numbers);
        known.set(colour, found);
      }
      last = colour;
      number = found;
    }
    out[i] = number;
  }
  return out;
}

function nearestNumber(colour: number, numbers: ReadonlyMap<number, number>): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [other, number] of numbers) {
    const distance = [16, 8, 0].reduce((sum, s) => sum + (((colour >> s) & 255) - ((other >> s) & 255)) ** 2, 0);
    if (distance < least) [best, least] = [number, distance];
  }
  return best;
}

/** Turns and mirrors a mask as the EXIF orientation (1 to 8) of its photo says. */
export function orientMask(codes: Uint8Array, height: number, width: number, orientation: number): Image {
  if (orientation <= 1 || orientation > 8) return { data: codes, shape: [1, height, width] };
  const swaps = orientation >= 5;
  const [h, w] = swaps ? [width, height] : [height, width];
  const out = new Uint8Array(codes.length);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      // The stored pixel that is shown at (x, y).
      const across = swaps ? y : x;
      const down = swaps ? x : y;
      const mirrored = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8;
      const flipped = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7;
      const sx = mirrored ? width - 1 - across : across;
      const sy = flipped ? height - 1 - down : down;
      out[y * w + x] = codes[sy * width + sx]!;
    }
  }
  return { data: out, shape: [1, h, w] };
}

/** Sizes of a photo as it is shown. */
export interface PhotoSize {
  readonly height: number;
  readonly width: number;
}

/** Where a photo that is brought to `size` lies in it: it may hang over (cover) or leave a border (contain). */
export function photoBox(
  photo: PhotoSize,
  [height, width]: readonly [number, number],
  fit: Fit,
): { top: number; left: number; height: number; width: number } {
  const ratios = [height / photo.height, width / photo.width] as const;
  const scale = fit === 'cover' ? Math.max(...ratios) : Math.min(...ratios);
  const side = (n: number) => Math.max(1, Math.round(n * scale));
  const [h, w] = fit === 'fill' ? [height, width] : [side(photo.height), side(photo.width)];
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}

/**
 * Brings a mask to `size` as its photo is brought there, by the nearest pixel. What `contain` adds around the photo is
 * `outside`.
 */
export function placeMask(
  { data, shape: [, h, w] }: Image,
  photo: PhotoSize,
  size: readonly [number, number],
  fit: Fit,
  outside: number,
): Uint8Array {
  const [height, width] = size;
  const box = photoBox(photo, size, fit);
  const rows = nearestIndices(h, box.height);
  const columns = nearestIndices(w, box.width);
  const out = new Uint8Array(height * width).fill(outside);
  for (let y = 0; y < height; y++) {
    const row = rows[y - box.top];
    if (row === undefined) continue;
    for (let x = 0; x < width; x++) {
      const column = columns[x - box.left];
      if (column !== undefined) out[y * width + x] = data[row * w + column]!;
    }
  }
  return out;
}

/** Gives what lies around the photo of a mask of `size` the number `outside`. */
export function fillBorder(
  mask: Uint8Array,
  photo: PhotoSize,
  size: readonly [number, number],
  fit: Fit,
  outside: number,
): void {
  const [height, width] = size;
  const box = photoBox(photo, size, fit);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const within = y >= box.top && y < box.top + box.height && x >= box.left && x < box.left + box.width;
      if (!within) mask[y * width + x] = outside;
    }
}

import { readFile } from 'node:fs/promises';
import type { Metadata } from 'sharp';
import type { Image } from '../data/dataset.js';
import type { Fit } from '../data/open.js';
import { checkPair } from '../util/check.js';
import { fileError } from './errors.js';
import { loadSharp } from './sharp.js';
import { writeFileAtomic } from './storage.js';

/** Endings of the files that count as images in a folder. */
export const IMAGE_ENDINGS: readonly string[] = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif'];

/** Pixels of a side that an image is scaled to at most. */
export const MAX_SIDE = 16384;

const FORMATS = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']);

/** Why an image cannot be read: it is none, or of a type that is not read; it says it is too large; it is broken. */
export type ImageFault = 'type' | 'size' | 'damaged';

/** A sentence about an image that cannot be read, which names it. */
export class ImageError extends Error {
  constructor(
    message: string,
    readonly fault: ImageFault,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ImageError';
  }
}

const damaged = (name: string, error: unknown): ImageError => {
  // libvips keeps one text for the whole process: another thread's error may have taken the place of this one's.
  const why = reason(error).replace(/^Unknown error$/, '');
  return new ImageError(`${name} is damaged and cannot be read as an image${why && ` (${why})`}`, 'damaged', {
    cause: error,
  });
};

/** How {@link loadImage} reads an image. */
export interface LoadImageOptions {
  /** 1 (grey) or 3 (RGB). Default 3. Transparent parts show white. */
  readonly channels?: 1 | 3;
  /** Side, or [height, width], in pixels. Default: the image's own. */
  readonly size?: number | readonly [number, number];
  /** How it becomes that size. Default 'cover': scaled, then cut at the centre. */
  readonly fit?: Fit;
  /** Swap black and white: for dark digits on light paper shown to a network that learnt the reverse. Default false. */
  readonly invert?: boolean;
  /** Larger images are refused. Default 2^27 (134 megapixels). */
  readonly maxPixels?: number;
  /** What the image is called in errors when bytes are given. Default 'the image'. */
  readonly name?: string;
  /** What {@link imageHeader} said of it, within its limit of pixels: it is not read again. */
  readonly header?: ImageHeader;
}

/**
 * Reads a JPEG, PNG, WebP, GIF (first frame), TIFF or AVIF file, or its bytes, as CHW bytes; upright, as its EXIF
 * orientation says. Scaling is bilinear and antialiased.
 *
 * Throws one sentence that names the file: missing, not an image, truncated, corrupt, too large.
 */
export async function loadImage(source: string | Uint8Array, options: LoadImageOptions = {}): Promise<Image> {
  const { channels = 3, size, fit = 'cover', invert = false, maxPixels = 2 ** 27 } = options;
  const name = options.name ?? (typeof source === 'string' ? source : 'the image');
  if (channels !== 1 && channels !== 3) throw new RangeError(`an image is read with 1 or 3 channels, got ${channels}`);
  const bytes = typeof source === 'string' ? await readBytes(source) : source;
  if (!options.header) await inspect(bytes, name, maxPixels);
  const sharp = await loadSharp();
  try {
    // failOn 'error': pixels that are missing or wrong fail, mere warnings of untidy writers do not.
    let pipeline = sharp(bytes, { failOn: 'error', limitInputPixels: false }).rotate();
    if (size !== undefined) {
      const [height, width] = checkPair('the size', size, { integer: true, min: 1, max: MAX_SIDE });
      pipeline = pipeline.resize({ width, height, fit, kernel: 'linear', background: '#000' });
    }
    pipeline = pipeline.flatten({ background: '#fff' }).toColourspace(channels === 1 ? 'b-w' : 'srgb');
    const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return toPlanes(data, info.channels, channels, info.height, info.width, invert);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw damaged(name, error);
  }
}

/** Width and height of an image file as it is shown (EXIF orientation applied), from its header alone. */
export async function imageSize(path: string, maxPixels = 2 ** 27): Promise<{ height: number; width: number }> {
  const { height, width } = await inspect(await readBytes(path), path, maxPixels);
  return { height, width };
}

/** What an image file's header says. */
export interface ImageHeader {
  /** As it is shown: EXIF orientation applied. */
  readonly height: number;
  readonly width: number;
  /** EXIF orientation, 1 (upright as stored) to 8. */
  readonly orientation: number;
  readonly grey: boolean;
}

/** Reads the header of an image file (or of its bytes) and no more of it. Throws as {@link loadImage} does. */
export async function imageHeader(
  source: string | Uint8Array,
  maxPixels = 2 ** 27,
  name = typeof source === 'string' ? source : 'the image',
): Promise<ImageHeader> {
  const { height, width, orientation, grey } = await inspect(source, name, maxPixels);
  return { height, width, orientation, grey };
}

/**
 * The pixels of an image as they are stored, for files whose values are numbers and not light: no colour profile is applied,
 * transparency is left out. Upright. `data` is interleaved; grey files of 16 bits keep them.
 */
export async function readPixels(
  bytes: Uint8Array,
  name: string,
  maxPixels = 2 ** 27,
): Promise<{ data: Uint8Array | Uint16Array; channels: 1 | 3; height: number; width: number; lossy: boolean }> {
  const { grey, depth, format } = await inspect(bytes, name, maxPixels);
  const sharp = await loadSharp();
  const wide = grey && depth === 'ushort';
  try {
    const { data, info } = await sharp(bytes, { failOn: 'error', limitInputPixels: false, ignoreIcc: true })
      .rotate()
      .removeAlpha()
      .toColourspace(grey ? (wide ? 'grey16' : 'b-w') : 'srgb')
      .raw({ depth: wide ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const { height, width } = info;
    const from = info.channels;
    const channels = from >= 3 ? 3 : 1;
    const values = wide ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
    if (from !== 1 && from !== 3) throw new Error(`${from} channels`);
    return { data: values, channels, height, width, lossy: format === 'jpeg' };
  } catch (error) {
    throw damaged(name, error);
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(error, path, 'read');
  }
}

async function inspect(
  source: Uint8Array | string,
  name: string,
  maxPixels: number,
): Promise<ImageHeader & { readonly format: string; readonly depth: string | undefined }> {
  if (source.length === 0) throw new ImageError(`${name} is empty; expected an image`, 'type');
  const sharp = await loadSharp();
  let meta: Metadata;
  try {
    meta = await sharp(source, { limitInputPixels: false }).metadata();
  } catch (error) {
    const bytes = typeof source === 'string' ? await readBytes(source) : source;
    if (bytes.length === 0) throw new ImageError(`${name} is empty; expected an image`, 'type');
    const broken = looksLikeImage(bytes);
    const what = broken ? 'is damaged and cannot be read as an image' : 'is not an image that can be read';
    throw new ImageError(
      `${name} ${what} (${reason(error)}); expected JPEG, PNG, WebP, GIF, TIFF or AVIF`,
      broken ? 'damaged' : 'type',
      { cause: error },
    );
  }
  // A drawing may refer to other files and takes whatever time and memory it likes.
  if (!FORMATS.has(meta.format ?? ''))
    throw new ImageError(
      `${name} is a file of type ${meta.format}; expected JPEG, PNG, WebP, GIF, TIFF or AVIF`,
      'type',
    );
  const { width, height } = meta.autoOrient;
  if (width * height > maxPixels)
    throw new ImageError(
      `${name} says it has ${width} x ${height} pixels, more than the ${Math.floor(maxPixels / 1e6)} million that are read; scale it down`,
      'size',
    );
  return {
    width,
    height,
    orientation: meta.orientation ?? 1,
    // One channel, with or without transparency.
    grey: (meta.channels ?? 3) < 3,
    format: meta.format ?? '',
    depth: meta.depth,
  };
}

const SIGNATURES: readonly (readonly number[])[] = [
  [0xff, 0xd8, 0xff],
  [0x89, 0x50, 0x4e, 0x47],
  [0x52, 0x49, 0x46, 0x46],
  [0x47, 0x49, 0x46, 0x38],
  [0x49, 0x49, 0x2a, 0x00],
  [0x4d, 0x4d, 0x00, 0x2a],
];

const looksLikeImage = (bytes: Uint8Array): boolean => SIGNATURES.some((s) => s.every((byte, i) => bytes[i] === byte));

/** The first line of what libvips says, without its repetition and the final full stop. */
function reason(error: unknown): string {
  const text = (error as Error).message ?? String(error);
  return text.split('\n')[0]!.trim().replace(/\.$/, '');
}

/** Interleaved pixels of `from` channels as planes of `to`. */
function toPlanes(data: Uint8Array, from: number, to: 1 | 3, h: number, w: number, invert: boolean): Image {
  const n = h * w;
  const out = new Uint8Array(to * n);
  const flip = invert ? 255 : 0;
  for (let c = 0; c < to; c++) {
    const source = Math.min(c, from - 1);
    for (let i = 0, j = source; i < n; i++, j += from) out[c * n + i] = data[j]! ^ flip;
  }
  return { data: out, shape: [to, h, w] };
}

/** The bytes of a PNG of a CHW image with 1 or 3 channels. */
export async function encodePng({ data, shape: [c, h, w] }: Image): Promise<Uint8Array> {
  if (c !== 1 && c !== 3) throw new RangeError(`a PNG is written from 1 or 3 channels, got ${c}`);
  const n = h * w;
  const interleaved = new Uint8Array(c * n);
  for (let k = 0; k < c; k++) for (let i = 0; i < n; i++) interleaved[i * c + k] = data[k * n + i]!;
  const sharp = await loadSharp();
  const image = sharp(interleaved, { raw: { width: w, height: h, channels: c } });
  return (c === 1 ? image.toColourspace('b-w') : image).png().toBuffer();
}

/** Writes a CHW image as a PNG file, whole or not at all. */
export async function saveImage(path: string, image: Image): Promise<void> {
  await writeFileAtomic(path, await encodePng(image));
}

import { checkNumber } from '../../util/check.js';
import type { Image, ImageShape } from '../dataset.js';
import type { RandomStream } from '../rng.js';
import { type CropSize, crop, sizeOf } from './crop.js';
import type { Transform } from './types.js';

/** Weights of one output pixel: source pixels `first..first + weights.length - 1`. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** A triangle filter, widened when shrinking so that every source pixel counts (Pillow's "bilinear"). */
function taps(from: number, to: number): Taps[] {
  const scale = from / to;
  const support = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(from, Math.trunc(centre + support + 0.5));
    const weights = Float64Array.from({ length: last - first }, (_, k) =>
      Math.max(0, 1 - Math.abs((first + k + 0.5 - centre) / support)),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((w) => w / sum) };
  });
}

/** Bilinear scaling with antialiasing to exactly `height` x `width`. */
export function resizeImage({ data, shape: [c, h, w] }: Image, height: number, width: number): Image {
  if (h === height && w === width) return { data: data.slice(), shape: [c, h, w] };
  const columns = taps(w, width);
  const rows = taps(h, height);
  const wide = new Float32Array(c * h * width);
  for (let line = 0; line < c * h; line++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = columns[x]!;
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * data[line * w + first + k]!;
      wide[line * width + x] = sum;
    }
  }
  const out = new Uint8Array(c * height * width);
  const sums = new Float64Array(width);
  for (let plane = 0; plane < c; plane++) {
    for (let y = 0; y < height; y++) {
      const { first, weights } = rows[y]!;
      sums.fill(0);
      for (let k = 0; k < weights.length; k++) {
        const start = (plane * h + first + k) * width;
        const weight = weights[k]!;
        for (let x = 0; x < width; x++) sums[x]! += weight * wide[start + x]!;
      }
      const start = (plane * height + y) * width;
      for (let x = 0; x < width; x++) out[start + x] = Math.min(255, Math.round(sums[x]!));
    }
  }
  return { data: out, shape: [c, height, width] };
}

/** The source pixel that lies under the centre of each of `to` pixels. */
export const nearestIndices = (from: number, to: number): Int32Array =>
  Int32Array.from({ length: to }, (_, i) => Math.min(from - 1, Math.floor(((i + 0.5) * from) / to)));

/** Scaling to exactly `height` x `width` by the nearest pixel (Pillow's and PyTorch's "nearest-exact"): values are not mixed. */
export function resizeNearest({ data, shape: [c, h, w] }: Image, height: number, width: number): Image {
  const rows = nearestIndices(h, height);
  const columns = nearestIndices(w, width);
  const out = new Uint8Array(c * height * width);
  for (let plane = 0, i = 0; plane < c; plane++)
    for (let y = 0; y < height; y++)
      for (let x = 0, line = (plane * h + rows[y]!) * w; x < width; x++) out[i++] = data[line + columns[x]!]!;
  return { data: out, shape: [c, height, width] };
}

const positive = { integer: true, min: 1, max: 65536 } as const;

/**
 * Bilinear, antialiased. A number scales the shorter side to it and keeps the aspect (PyTorch's `Resize(size)`);
 * `[height, width]` is exact.
 */
export function resize(size: number | readonly [number, number]): Transform {
  for (const n of typeof size === 'number' ? [size] : size) checkNumber('the size of resize', n, positive);
  const target = (shape: ImageShape): [number, number] => {
    if (typeof size !== 'number') return [size[0], size[1]];
    const [, h, w] = shape;
    return h <= w ? [size, Math.max(1, Math.trunc((size * w) / h))] : [Math.max(1, Math.trunc((size * h) / w)), size];
  };
  return {
    spec: { name: 'resize', size },
    outputShape: (shape) => [shape[0], ...target(shape)],
    apply: (image) => resizeImage(image, ...target(image.shape)),
    applyMask: (mask) => resizeNearest(mask, ...target(mask.shape)),
  };
}

/**
 * A random part of `scale` times the area with an aspect ratio (width / height) within `ratio`, scaled to `size`
 * (Szegedy et al. 2015; PyTorch's `RandomResizedCrop`). Without random numbers: the whole image, scaled.
 */
export function randomResizedCrop(
  size: CropSize = 'same',
  { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] }: { scale?: readonly number[]; ratio?: readonly number[] } = {},
): Transform {
  const wanted = sizeOf('the size of randomResizedCrop', size);
  const [least, most] = scale as [number, number];
  const [narrow, broad] = ratio as [number, number];
  if (!(least > 0 && least <= most && most <= 1 && narrow > 0 && narrow <= broad))
    throw new RangeError(`randomResizedCrop takes 0 < scale <= 1 and rising ranges, got [${scale}] and [${ratio}]`);
  const take = (image: Image, random: RandomStream | undefined, scaled: typeof resizeImage): Image => {
    const [height, width] = wanted(image.shape);
    if (!random) return scaled(image, height, width);
    const [, h, w] = image.shape;
    for (let attempt = 0; attempt < 10; attempt++) {
      const area = h * w * random.between(least, most);
      const aspect = Math.exp(random.between(Math.log(narrow), Math.log(broad)));
      const cw = Math.round(Math.sqrt(area * aspect));
      const ch = Math.round(Math.sqrt(area / aspect));
      if (cw < 1 || ch < 1 || cw > w || ch > h) continue;
      const part = crop(image, random.below(h - ch + 1), random.below(w - cw + 1), ch, cw);
      return scaled(part, height, width);
    }
    // No part of that shape fits: the largest central one whose aspect is within bounds.
    const aspect = Math.min(Math.max(w / h, narrow), broad);
    const cw = Math.min(w, Math.max(1, Math.round(h * aspect)));
    const ch = Math.min(h, Math.max(1, Math.round(w / aspect)));
    return scaled(crop(image, (h - ch) >> 1, (w - cw) >> 1, ch, cw), height, width);
  };
  return {
    spec: { name: 'randomResizedCrop', size, scale, ratio },
    outputShape: (shape) => [shape[0], ...wanted(shape)],
    apply: (image, random) => take(image, random, resizeImage),
    applyMask: (mask, random) => take(mask, random, resizeNearest),
  };
}

import { checkNumber } from '../../util/check.js';
import type { Image } from '../dataset.js';
import type { Transform } from './types.js';

/** Gaussian blur of `sigma` pixels; beyond the edge lie the edge pixels. */
export function gaussianBlur({ data, shape }: Image, sigma: number): Image {
  const [channels, h, w] = shape;
  const radius = Math.ceil(3 * sigma);
  if (radius < 1) return { data: data.slice(), shape };
  const kernel = Float32Array.from({ length: 2 * radius + 1 }, (_, k) =>
    Math.exp(-((k - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = kernel.reduce((a, b) => a + b, 0);
  for (let k = 0; k < kernel.length; k++) kernel[k]! /= sum;
  const out = new Uint8Array(data.length);
  const wide = new Float32Array(h * w);
  const line = new Float32Array(w);
  for (let c = 0; c < channels; c++) {
    const plane = data.subarray(c * h * w, (c + 1) * h * w);
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        let v = 0;
        for (let k = -radius; k <= radius; k++) {
          const from = x + k < 0 ? 0 : x + k >= w ? w - 1 : x + k;
          v += kernel[k + radius]! * plane[y * w + from]!;
        }
        wide[y * w + x] = v;
      }
    }
    for (let y = 0; y < h; y++) {
      line.fill(0.5);
      for (let k = -radius; k <= radius; k++) {
        const from = (y + k < 0 ? 0 : y + k >= h ? h - 1 : y + k) * w;
        const weight = kernel[k + radius]!;
        for (let x = 0; x < w; x++) line[x]! += weight * wide[from + x]!;
      }
      for (let x = 0; x < w; x++) out[(c * h + y) * w + x] = line[x]!;
    }
  }
  return { data: out, shape };
}

/** Blurs with probability `p`, `sigma` pixels drawn from a range; masks stay. Without random numbers: nothing. */
export function blur({
  sigma = [0.1, 1.5],
  p = 0.5,
}: {
  sigma?: readonly [number, number];
  p?: number;
} = {}): Transform {
  const [low, high] = sigma;
  for (const s of sigma) checkNumber('the sigma of blur', s, { min: 0, max: 100 });
  if (low > high) throw new RangeError(`the sigma of blur must be a rising range, got [${sigma}]`);
  checkNumber('the probability of blur', p, { min: 0, max: 1 });
  return {
    spec: { name: 'blur', sigma, p },
    outputShape: (shape) => shape,
    applyMask: 'keep',
    apply: (image, random) =>
      random?.chance(p)
        ? gaussianBlur(image, random.between(low, high))
        : { data: image.data.slice(), shape: image.shape },
  };
}

/**
 * Adds noise with probability `p`, its standard deviation drawn from 0 to `std` (a fraction of the full range); masks stay.
 * Without random numbers: nothing.
 */
export function noise({ std = 0.05, p = 0.5 }: { std?: number; p?: number } = {}): Transform {
  checkNumber('the std of noise', std, { min: 0, max: 1 });
  checkNumber('the probability of noise', p, { min: 0, max: 1 });
  return {
    spec: { name: 'noise', std, p },
    outputShape: (shape) => shape,
    applyMask: 'keep',
    apply(image, random) {
      const out = image.data.slice();
      if (!random?.chance(p)) return { data: out, shape: image.shape };
      // The sum of four random bytes is close to normal with variance 4 * (256^2 - 1) / 12.
      const scale = (255 * random.between(0, std)) / Math.sqrt((4 * (65536 - 1)) / 12);
      for (let i = 0; i < out.length; i++) {
        const word = random.uint32();
        const bytes = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
        out[i] = Math.min(255, Math.max(0, Math.round(out[i]! + (bytes - 510) * scale)));
      }
      return { data: out, shape: image.shape };
    },
  };
}

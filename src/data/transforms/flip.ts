import { checkNumber } from '../../util/check.js';
import type { Image } from '../dataset.js';
import type { RandomStream } from '../rng.js';
import type { Transform } from './types.js';

/** Left becomes right. */
export function flipHorizontally({ data, shape }: Image): Image {
  const [c, h, w] = shape;
  const out = data.slice();
  for (let line = 0; line < c * h; line++) out.subarray(line * w, (line + 1) * w).reverse();
  return { data: out, shape };
}

/** Top becomes bottom. */
export function flipVertically({ data, shape }: Image): Image {
  const [c, h, w] = shape;
  const out = new Uint8Array(data.length);
  for (let plane = 0; plane < c; plane++)
    for (let y = 0; y < h; y++) {
      const from = (plane * h + y) * w;
      out.set(data.subarray(from, from + w), (plane * h + h - 1 - y) * w);
    }
  return { data: out, shape };
}

function flip(name: string, p: number, apply: (image: Image) => Image): Transform {
  checkNumber(`the probability of ${name}`, p, { min: 0, max: 1 });
  const once = (image: Image, random: RandomStream | undefined): Image =>
    random?.chance(p) ? apply(image) : { data: image.data.slice(), shape: image.shape };
  return {
    spec: { name, p },
    outputShape: (shape) => shape,
    apply: (image, random) => once(image, random),
    applyMask: (mask, random) => once(mask, random),
  };
}

/** Flips left to right with probability `p`. Without random numbers: nothing. */
export const hflip = ({ p = 0.5 }: { p?: number } = {}): Transform => flip('hflip', p, flipHorizontally);

/** Flips upside down with probability `p`. Without random numbers: nothing. */
export const vflip = ({ p = 0.5 }: { p?: number } = {}): Transform => flip('vflip', p, flipVertically);

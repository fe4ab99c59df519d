import { checkNumber } from '../../util/check.js';
import type { Image } from '../dataset.js';
import type { Transform } from './types.js';

/** Where an output point comes from, both relative to the image's centre: x' = a x + b y + c, y' = d x + e y + f. */
export type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** One affine change. Angles in degrees. */
export interface AffineParameters {
  /** Clockwise. */
  readonly angle?: number;
  /** To the right and down, in pixels. */
  readonly translate?: readonly [number, number];
  readonly scale?: number;
  /** Along x and along y. */
  readonly shear?: readonly [number, number];
}

/**
 * Inverse of the map that first shears, then rotates, scales and translates around the centre, as torchvision
 * composes it: M = T R(angle) Shear(y) Shear(x) Scale.
 */
export function inverseAffine({ angle = 0, translate = [0, 0], scale = 1, shear = [0, 0] }: AffineParameters): Matrix {
  const radians = Math.PI / 180;
  const turn = angle * radians;
  const sx = shear[0] * radians;
  const sy = shear[1] * radians;
  const a = Math.cos(turn - sy) / Math.cos(sy);
  const b = -a * Math.tan(sx) - Math.sin(turn);
  const c = Math.sin(turn - sy) / Math.cos(sy);
  const d = -c * Math.tan(sx) + Math.cos(turn);
  // The linear part has determinant 1 before scaling, so its inverse is the adjugate.
  const m = [d / scale, -b / scale, -c / scale, a / scale] as const;
  const [tx, ty] = translate;
  return [m[0], m[1], -m[0] * tx - m[1] * ty, m[2], m[3], -m[2] * tx - m[3] * ty];
}

/** Samples the image bilinearly at the mapped points; outside lies `fill`. */
export function warp({ data, shape }: Image, [a, b, c, d, e, f]: Matrix, fill = 0): Image {
  const [channels, h, w] = shape;
  const out = new Uint8Array(data.length);
  const cx = (w - 1) / 2;
  const cy = (h - 1) / 2;
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const px = a * (x - cx) + b * (y - cy) + c + cx;
      const py = d * (x - cx) + e * (y - cy) + f + cy;
      const x0 = Math.floor(px);
      const y0 = Math.floor(py);
      const fx = px - x0;
      const fy = py - y0;
      const left = x0 >= 0 && x0 < w;
      const right = x0 >= -1 && x0 < w - 1;
      const above = y0 >= 0 && y0 < h;
      const below = y0 >= -1 && y0 < h - 1;
      for (let plane = 0; plane < channels; plane++) {
        const at = (plane * h + y0) * w + x0;
        const p00 = left && above ? data[at]! : fill;
        const p01 = right && above ? data[at + 1]! : fill;
        const p10 = left && below ? data[at + w]! : fill;
        const p11 = right && below ? data[at + w + 1]! : fill;
        const top = p00 + (p01 - p00) * fx;
        const bottom = p10 + (p11 - p10) * fx;
        out[(plane * h + y) * w + x] = Math.round(top + (bottom - top) * fy);
      }
    }
  }
  return { data: out, shape };
}

/** A number means from -n to n. */
type Range = number | readonly [number, number];

function range(what: string, value: Range): readonly [number, number] {
  const pair = typeof value === 'number' ? ([-value, value] as const) : value;
  for (const n of pair) checkNumber(what, n);
  if (pair[0] > pair[1])
    throw new RangeError(`${what} must be a number from 0 or a rising range, got [${pair.join(', ')}]`);
  return pair;
}

const byte = { integer: true, min: 0, max: 255 } as const;

/** Turns by a random angle of `degrees`, counter-clockwise, around the centre. Without random numbers: nothing. */
export function rotate(degrees: Range, { fill = 0 }: { fill?: number } = {}): Transform {
  const [low, high] = range('the degrees of rotate', degrees);
  checkNumber('fill', fill, byte);
  return {
    spec: { name: 'rotate', degrees, fill },
    outputShape: (shape) => shape,
    apply: (image, random) =>
      random
        ? warp(image, inverseAffine({ angle: -random.between(low, high) }), fill)
        : { ...image, data: image.data.slice() },
  };
}

/** Ranges of {@link affine}. */
export interface AffineOptions {
  /** Clockwise turn. */
  readonly degrees?: Range;
  /** Largest shift, as fractions of width and height. */
  readonly translate?: readonly [number, number];
  readonly scale?: readonly [number, number];
  /** Shear along x, in degrees. */
  readonly shear?: Range;
  readonly fill?: number;
}

/** A random turn, shift, scale and shear (PyTorch's `RandomAffine`). Without random numbers: nothing. */
export function affine(options: AffineOptions = {}): Transform {
  const { degrees = 0, translate = [0, 0], scale = [1, 1], shear = 0, fill = 0 } = options;
  const turn = range('the degrees of affine', degrees);
  const lean = range('the shear of affine', shear);
  for (const n of translate) checkNumber('the translation of affine', n, { min: 0, max: 1 });
  for (const n of scale) checkNumber('the scale of affine', n, { above: 0 });
  if (scale[0] > scale[1])
    throw new RangeError(`the scale of affine must be a rising range, got [${scale.join(', ')}]`);
  if (lean[0] <= -90 || lean[1] >= 90)
    throw new RangeError(`the shear of affine must be between -90 and 90 degrees, got [${lean}]`);
  checkNumber('fill', fill, byte);
  return {
    spec: { name: 'affine', degrees, translate, scale, shear, fill },
    outputShape: (shape) => shape,
    apply(image, random) {
      if (!random) return { ...image, data: image.data.slice() };
      const [, h, w] = image.shape;
      const dx = Math.round(random.between(-translate[0] * w, translate[0] * w));
      const dy = Math.round(random.between(-translate[1] * h, translate[1] * h));
      const matrix = inverseAffine({
        angle: random.between(turn[0], turn[1]),
        translate: [dx, dy],
        scale: random.between(scale[0], scale[1]),
        shear: [random.between(lean[0], lean[1]), 0],
      });
      return warp(image, matrix, fill);
    },
  };
}

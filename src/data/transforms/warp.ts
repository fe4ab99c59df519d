import { checkNumber } from '../../util/check.js';
import type { Image, ImageShape } from '../dataset.js';
import type { RandomStream } from '../rng.js';
import { type Border, type Coordinates, checkBorder, type SampleOptions, sample } from './sample.js';
import type { Transform, TransformSpec } from './types.js';

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

/** Samples the image at the mapped points: bilinearly and with `fill` outside, unless the options say otherwise. */
export function warp(image: Image, [a, b, c, d, e, f]: Matrix, options: SampleOptions = {}): Image {
  const [, h, w] = image.shape;
  const cx = (w - 1) / 2;
  const cy = (h - 1) / 2;
  const coordinates: Coordinates = (y, xs, ys) => {
    for (let x = 0; x < w; x++) {
      xs[x] = a * (x - cx) + b * (y - cy) + c + cx;
      ys[x] = d * (x - cx) + e * (y - cy) + f + cy;
    }
  };
  return sample(image, coordinates, options);
}

/** A transform whose move is an affine one, drawn for each image. */
function warping(
  spec: TransformSpec,
  draw: (shape: ImageShape, random: RandomStream) => Matrix,
  fill: number,
  border: Border,
): Transform {
  const copy = (image: Image): Image => ({ ...image, data: image.data.slice() });
  return {
    spec,
    outputShape: (shape) => shape,
    apply: (image, random) => (random ? warp(image, draw(image.shape, random), { fill, border }) : copy(image)),
    applyMask: (mask, random, outside) =>
      random ? warp(mask, draw(mask.shape, random), { nearest: true, fill: outside, border }) : copy(mask),
  };
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

/** What lies outside an image that is moved. */
export interface BorderOptions {
  /** Value of what lies outside, if `border` is 'fill'. Default 0. */
  readonly fill?: number;
  /** Default 'fill'. */
  readonly border?: Border;
}

/** Turns by a random angle of `degrees`, counter-clockwise, around the centre. Without random numbers: nothing. */
export function rotate(degrees: Range, { fill = 0, border = 'fill' }: BorderOptions = {}): Transform {
  const [low, high] = range('the degrees of rotate', degrees);
  checkNumber('fill', fill, byte);
  checkBorder('rotate', border);
  const draw = (_: ImageShape, random: RandomStream) => inverseAffine({ angle: -random.between(low, high) });
  return warping({ name: 'rotate', degrees, fill, border }, draw, fill, border);
}

/**
 * Zooms in or out around the centre by a factor drawn evenly on a logarithmic scale; the size stays. A number s means
 * from 1 - s to 1 + s. Without random numbers: nothing.
 */
export function scale(factor: number | readonly [number, number], options: BorderOptions = {}): Transform {
  const { fill = 0, border = 'fill' } = options;
  const [low, high] = typeof factor === 'number' ? ([1 - factor, 1 + factor] as const) : factor;
  for (const n of [low, high]) checkNumber('the factor of scale', n, { above: 0 });
  if (low > high) throw new RangeError(`the factor of scale must be a rising range, got [${low}, ${high}]`);
  checkNumber('fill', fill, byte);
  checkBorder('scale', border);
  const draw = (_: ImageShape, random: RandomStream) =>
    inverseAffine({ scale: Math.exp(random.between(Math.log(low), Math.log(high))) });
  return warping({ name: 'scale', factor, fill, border }, draw, fill, border);
}

/** Ranges of {@link affine}. */
export interface AffineOptions extends BorderOptions {
  /** Clockwise turn. */
  readonly degrees?: Range;
  /** Largest shift, as fractions of width and height. */
  readonly translate?: readonly [number, number];
  readonly scale?: readonly [number, number];
  /** Shear along x, in degrees. */
  readonly shear?: Range;
}

/** A random turn, shift, scale and shear (PyTorch's `RandomAffine`). Without random numbers: nothing. */
export function affine(options: AffineOptions = {}): Transform {
  const { degrees = 0, translate = [0, 0], scale = [1, 1], shear = 0, fill = 0, border = 'fill' } = options;
  const turn = range('the degrees of affine', degrees);
  const lean = range('the shear of affine', shear);
  for (const n of translate) checkNumber('the translation of affine', n, { min: 0, max: 1 });
  for (const n of scale) checkNumber('the scale of affine', n, { above: 0 });
  if (scale[0] > scale[1])
    throw new RangeError(`the scale of affine must be a rising range, got [${scale.join(', ')}]`);
  if (lean[0] <= -90 || lean[1] >= 90)
    throw new RangeError(`the shear of affine must be between -90 and 90 degrees, got [${lean}]`);
  checkNumber('fill', fill, byte);
  checkBorder('affine', border);
  const draw = ([, h, w]: ImageShape, random: RandomStream) => {
    const dx = Math.round(random.between(-translate[0] * w, translate[0] * w));
    const dy = Math.round(random.between(-translate[1] * h, translate[1] * h));
    return inverseAffine({
      angle: random.between(turn[0], turn[1]),
      translate: [dx, dy],
      scale: random.between(scale[0], scale[1]),
      shear: [random.between(lean[0], lean[1]), 0],
    });
  };
  return warping({ name: 'affine', degrees, translate, scale, shear, fill, border }, draw, fill, border);
}

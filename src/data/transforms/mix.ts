import { checkNumber } from '../../util/check.js';
import type { Image } from '../dataset.js';
import type { RandomStream } from '../rng.js';
import type { MaskedImage, Mix, Transform } from './types.js';
import { type Matrix, warp } from './warp.js';

/** Ranges of {@link copyPaste}. */
export interface CopyPasteOptions {
  /** How often. Default 0.5. */
  readonly p?: number;
  /** Factor of the size of what is pasted, drawn evenly on a logarithmic scale. Default [0.5, 1.25]. */
  readonly scale?: readonly [number, number];
  /** Largest shift, as a fraction of width and height. Default 0.3. */
  readonly shift?: number;
}

/** Ranges of {@link cutMix}. */
export interface CutMixOptions {
  /** How often. Default 0.5. */
  readonly p?: number;
  /** Part of the picture that the box takes. Default [0.1, 0.5]. */
  readonly area?: readonly [number, number];
  /** Width / height of the box on a square picture. Default [0.5, 2]. */
  readonly ratio?: readonly [number, number];
}

/** A transform that only mixes: alone it leaves an image as it is. */
function mixing(spec: Transform['spec'], p: number, mix: Mix['mix']): Transform {
  checkNumber(`the probability of ${spec.name}`, p, { min: 0, max: 1 });
  return {
    spec,
    outputShape: (shape) => shape,
    apply: ({ data, shape }) => ({ data: data.slice(), shape }),
    applyMask: 'keep',
    mix: { p, mix },
  };
}

function checkRange(what: string, [low, high]: readonly [number, number], max?: number): void {
  for (const n of [low, high]) checkNumber(what, n, { above: 0, ...(max === undefined ? {} : { max }) });
  if (low > high) throw new RangeError(`${what} must be a rising range, got [${low}, ${high}]`);
}

const logarithmic = (random: RandomStream, [low, high]: readonly [number, number]): number =>
  Math.exp(random.between(Math.log(low), Math.log(high)));

/**
 * Pastes the foreground (every class but 0) of another training image, flipped, scaled and shifted at random, over the image
 * and its mask, with an edge that is soft over about a pixel (Ghiasi et al., Simple Copy-Paste is a Strong Data Augmentation
 * Method for Instance Segmentation, 2021). Both images come as the transforms before this one leave them, each with random
 * numbers of its own: put it last. What a border of the other image cuts off is placed so that a border cuts it off again.
 * Pixels that the other mask ignores are not pasted. Without random numbers: nothing.
 *
 *     transformed(train, [...augmentations(['strong']), copyPaste({ p: 0.5 })]);
 */
export function copyPaste(options: CopyPasteOptions = {}): Transform {
  const { p = 0.5, scale = [0.5, 1.25], shift = 0.3 } = options;
  checkRange('the scale of copyPaste', scale);
  checkNumber('the shift of copyPaste', shift, { min: 0, max: 1 });
  return mixing({ name: 'copyPaste', p, scale, shift }, p, (own, other, random, ignoreIndex) => {
    const classes = other.mask.data.map((c) => (c === ignoreIndex ? 0 : c));
    const [, h, w] = other.image.shape;
    const move = placement(
      sidesCut(classes, h, w),
      {
        flip: random.chance(0.5),
        scale: logarithmic(random, scale),
        shift: [random.between(-shift, shift), random.between(-shift, shift)],
      },
      [h, w],
    );
    const pasted = warp({ data: classes, shape: [1, h, w] }, move, { nearest: true }).data;
    const opacity = soften(pasted, h, w);
    // Its colours are drawn out at the edge: beyond it there is nothing to show through.
    const colours = warp(other.image, move, { border: 'edge' });
    return {
      image: blend(own.image, colours, opacity),
      mask: { data: own.mask.data.map((c, i) => pasted[i] || c), shape: own.mask.shape },
    };
  });
}

/** Left, right, top, bottom: whether the foreground reaches over that side, by a twentieth of its length at least. */
function sidesCut(classes: Uint8Array, h: number, w: number): readonly [boolean, boolean, boolean, boolean] {
  let [left, right, top, bottom] = [0, 0, 0, 0];
  for (let y = 0; y < h; y++) {
    if (classes[y * w]) left++;
    if (classes[y * w + w - 1]) right++;
  }
  for (let x = 0; x < w; x++) {
    if (classes[x]) top++;
    if (classes[(h - 1) * w + x]) bottom++;
  }
  return [left > 0.05 * h, right > 0.05 * h, top > 0.05 * w, bottom > 0.05 * w];
}

/** The move of the other image, as the inverse map that {@link warp} takes. Sides that are cut off stay at the border or beyond. */
function placement(
  [left, right, top, bottom]: readonly [boolean, boolean, boolean, boolean],
  { flip, scale, shift }: { flip: boolean; scale: number; shift: readonly [number, number] },
  [h, w]: readonly [number, number],
): Matrix {
  // What goes from border to border cannot be smaller than the picture.
  const s = (left && right) || (top && bottom) ? Math.max(1, scale) : scale;
  const held = (t: number, low: boolean, high: boolean, n: number): number => {
    const slack = ((s - 1) * n) / 2;
    const most = low ? Math.min(t, slack) : t;
    return high ? Math.max(most, -slack) : most;
  };
  const dx = held(shift[0] * w, flip ? right : left, flip ? left : right, w);
  const dy = held(shift[1] * h, top, bottom, h);
  const mirrored = flip ? -1 : 1;
  return [mirrored / s, 0, (-mirrored * dx) / s, 0, 1 / s, -dy / s];
}

/** How much of the foreground shows at each pixel: 0 to 1, from 0.25 to 0.75 across a straight edge. */
function soften(classes: Uint8Array, h: number, w: number): Float32Array {
  const wide = new Float32Array(h * w);
  const out = new Float32Array(h * w);
  for (let y = 0, i = 0; y < h; y++)
    for (let x = 0; x < w; x++, i++) {
      const here = classes[i]! ? 1 : 0;
      const before = x === 0 ? here : classes[i - 1]! ? 1 : 0;
      const after = x === w - 1 ? here : classes[i + 1]! ? 1 : 0;
      wide[i] = (before + 2 * here + after) / 4;
    }
  for (let y = 0, i = 0; y < h; y++)
    for (let x = 0; x < w; x++, i++)
      out[i] = (wide[y === 0 ? i : i - w]! + 2 * wide[i]! + wide[y === h - 1 ? i : i + w]!) / 4;
  return out;
}

function blend(below: Image, above: Image, opacity: Float32Array): Image {
  const data = below.data.slice();
  const area = opacity.length;
  for (let i = 0; i < area; i++) {
    const a = opacity[i]!;
    if (a === 0) continue;
    // Bytes are not negative: adding a half and cutting rounds.
    for (let k = i; k < data.length; k += area) data[k] = data[k]! + a * (above.data[k]! - data[k]!) + 0.5;
  }
  return { data, shape: below.shape };
}

/**
 * Replaces a random box by the same box of another training image, mask included (Yun et al., CutMix, 2019; for segmentation
 * French et al., Semi-supervised semantic segmentation needs strong, varied perturbations, 2020). As with {@link copyPaste}
 * both images come as the transforms before this one leave them. Without random numbers: nothing.
 */
export function cutMix(options: CutMixOptions = {}): Transform {
  const { p = 0.5, area = [0.1, 0.5], ratio = [0.5, 2] } = options;
  checkRange('the area of cutMix', area, 1);
  checkRange('the ratio of cutMix', ratio);
  return mixing({ name: 'cutMix', p, area, ratio }, p, (own, other, random) => {
    const [, h, w] = own.image.shape;
    const side = Math.sqrt(random.between(area[0], area[1]));
    const stretch = Math.sqrt(logarithmic(random, ratio));
    // A box that would be longer than the picture is as long as it, and keeps its area.
    const across = Math.min(1, Math.max(side * stretch, side * side));
    const wide = Math.max(1, Math.round(w * across));
    const high = Math.max(1, Math.round((h * side * side) / across));
    const left = random.below(w - wide + 1);
    const top = random.below(h - high + 1);
    const patch = (below: Image, above: Image): Image => {
      const data = below.data.slice();
      for (let plane = 0; plane < below.shape[0]; plane++)
        for (let y = top; y < top + high; y++) {
          const from = (plane * h + y) * w + left;
          data.set(above.data.subarray(from, from + wide), from);
        }
      return { data, shape: below.shape };
    };
    const patched: MaskedImage = { image: patch(own.image, other.image), mask: patch(own.mask, other.mask) };
    return patched;
  });
}

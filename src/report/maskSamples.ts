import type { Image } from '../data/dataset.js';
import { argmax } from '../util/numbers.js';

/** A photo, its true mask and what a network said. Masks are class numbers, H x W. */
export interface MaskSample {
  /** Its number in the data set. */
  readonly index: number;
  readonly image: Image;
  readonly truth: Uint8Array;
  readonly predicted: Uint8Array;
  /** {@link imageIou} of the two. */
  readonly iou: number;
}

/** Pixels of each class that two masks share, and those of either. */
export interface Overlap {
  readonly hit: Float64Array;
  readonly either: Float64Array;
}

/**
 * Intersection over union of one image: of the foreground where there are two classes, else the mean over the classes
 * that are there or predicted. NaN where nothing is there and nothing predicted.
 */
export function imageIou({ hit, either }: Overlap): number {
  const classes = hit.length;
  let sum = 0;
  let count = 0;
  for (let c = classes === 2 ? 1 : 0; c < classes; c++) {
    if (either[c] === 0) continue;
    sum += hit[c]! / either[c]!;
    count++;
  }
  return sum / count;
}

/** Counts where a true mask and a predicted one agree. Pixels that the truth ignores count for nothing. */
export function overlap(truth: Uint8Array, predicted: Uint8Array, classes: number, ignoreIndex?: number): Overlap {
  const hit = new Float64Array(classes);
  const either = new Float64Array(classes);
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i]!;
    const p = predicted[i]!;
    if (t === ignoreIndex || t >= classes) continue;
    either[t]!++;
    if (p === t) hit[t]!++;
    else if (p < classes) either[p]!++;
  }
  return { hit, either };
}

/**
 * The class of each pixel of an output [N, K, H, W]: its largest channel, the first of equals; with one channel 1 where
 * the logit is above 0 (a probability of one half).
 */
export function classMaps(output: ArrayLike<number>, shape: readonly number[], threshold = 0): Uint8Array[] {
  const [n, channels, h, w] = shape as [number, number, number, number];
  const area = h * w;
  return Array.from({ length: n }, (_, i) => {
    const map = new Uint8Array(area);
    const at = i * channels * area;
    for (let p = 0; p < area; p++)
      map[p] = channels === 1 ? Number(output[at + p]! > threshold) : argmax(output, at + p, channels, area);
    return map;
  });
}

/** The middle of planes of `height` x `width`: networks of valid convolutions say nothing about the border. */
export function middle(
  planes: Uint8Array,
  height: number,
  width: number,
  [h, w]: readonly [number, number],
): Uint8Array {
  if (h === height && w === width) return planes;
  const count = planes.length / (height * width);
  const top = Math.floor((height - h) / 2);
  const left = Math.floor((width - w) / 2);
  const out = new Uint8Array(count * h * w);
  for (let c = 0; c < count; c++)
    for (let y = 0; y < h; y++) {
      const from = (c * height + top + y) * width + left;
      out.set(planes.subarray(from, from + w), (c * h + y) * w);
    }
  return out;
}

/** `count` numbers spread evenly over `length`: the same for every epoch. */
export const spread = (length: number, count: number): number[] =>
  Array.from({ length: Math.min(length, count) }, (_, k) => Math.floor((k * length) / Math.min(length, count)));

import { apply, full, type Tensor } from '../tensor/node.js';
import { formatShape, ShapeError } from '../tensor/shape.js';
import { checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import {
  type Classification,
  type ClassMetricOptions,
  classification,
  classOptions,
  predicted,
  valid,
} from './classes.js';
import type { Metric } from './metric.js';

export interface BoundaryOptions extends ClassMetricOptions {
  /** How far apart boundary pixels may lie and still match, in pixels (Euclidean); default 2. */
  readonly tolerance?: number;
}

/**
 * Boundary F1 (Csurka et al. 2013): how well outlines agree, whatever the size of what they enclose. A boundary pixel is
 * a pixel of a class beside one (of its eight neighbours) that is not; the frame of the image is no boundary. For each
 * image and class, precision is the part of the predicted boundary within `tolerance` pixels of the true one, recall the
 * part of the true boundary within it of the predicted one, and the score is their harmonic mean: 0 if only one of the
 * two has a boundary, left out if neither has. The value is the mean over images, then over classes (with one channel:
 * of the foreground).
 *
 * Output [N, C, H, W], target int [N, H, W]. Boundary pixels on or beside ignored ones are not counted.
 */
export function boundaryF1(options: BoundaryOptions = {}): Metric {
  checkOptions('boundary_f1', options, ['tolerance', 'ignoreIndex', 'threshold']);
  const { tolerance = 2 } = options;
  checkNumber('boundary_f1: tolerance', tolerance, { min: 0, max: 64 });
  const checked = classOptions('boundary_f1', options);
  return {
    name: 'boundary_f1',
    spec: { name: 'boundary_f1', options: { ...options } as Record<string, Json> },
    unit: 'fraction',
    direction: 'higher',
    counts(output, target) {
      if (output.rank !== 4)
        throw new ShapeError(`boundary_f1: takes outputs [N, C, H, W], got ${formatShape(output.shape)}`);
      const c = classification('boundary_f1', output, target, checked);
      const size = output.shape.slice(2) as unknown as readonly [number, number];
      const { truth, guess, counted } = masks(c, size);
      return scores(boundaryOf(truth), boundaryOf(guess), counted, tolerance);
    },
    compute({ scores, images }) {
      if (!scores || !images) return Number.NaN;
      const each = [...scores.data].flatMap((s, c) => (images.data[c]! > 0 ? [s / images.data[c]!] : []));
      return each.length === 0 ? Number.NaN : each.reduce((a, b) => a + b) / each.length;
    },
  };
}

type Size = readonly [height: number, width: number];

/** Masks of 0 and 1 for each class, float32 [N, C, H, W], and where boundaries count, [N, 1, H, W]. */
function masks(c: Classification, [h, w]: Size): { truth: Tensor; guess: Tensor; counted: Tensor } {
  const n = c.target.shape[0]!;
  const image = (t: Tensor) => t.cast('float32').reshape([n, -1, h, w]);
  const one = full([], 1, 'float32');
  // A pixel beside an ignored one would look like a boundary.
  const near = dilate(one.sub(image(valid(c))), [1, 1]);
  const counted = one.sub(near);
  if (c.foreground)
    return {
      truth: image(apply('equal', [c.target, full([], 1, 'int32')], {})),
      guess: image(c.foreground),
      counted,
    };
  const hot = (index: Tensor) =>
    apply('oneHot', [index], { classes: c.classes, axis: 1, dtype: 'float32' }).reshape([n, c.classes, h, w]);
  return { truth: hot(c.target), guess: hot(predicted(c)), counted };
}

/** Largest value within `reach` pixels down and across; nothing comes from outside of the image. */
function dilate(mask: Tensor, [down, across]: Size): Tensor {
  return apply('maxPool2d', [mask], {
    kernel: [2 * down + 1, 2 * across + 1],
    stride: [1, 1],
    padding: [down, across],
    dilation: [1, 1],
    ceilMode: false,
  });
}

/** Pixels of a mask with a neighbour outside of it. */
function boundaryOf(mask: Tensor): Tensor {
  const outside = full([], 1, 'float32').sub(mask);
  return mask.mul(dilate(outside, [1, 1]));
}

/** All pixels within a disk around those of the mask: a disk is a union of centred rectangles. */
function within(mask: Tensor, radius: number): Tensor {
  let grown: Tensor | undefined;
  for (let across = 0; across <= radius; across++) {
    const rectangle = dilate(mask, [Math.floor(Math.sqrt(radius * radius - across * across)), across]);
    grown = grown ? apply('maximum', [grown, rectangle], {}) : rectangle;
  }
  return grown!;
}

/** Sums over the images of a batch for each class: `scores` float32 [C] and how many images have one, int32 [C]. */
function scores(truth: Tensor, guess: Tensor, counted: Tensor, tolerance: number): Record<string, Tensor> {
  const sum = (t: Tensor) => t.sum([2, 3]);
  const scalar = (value: number) => full([], value, 'float32');
  const [realPart, guessPart] = [truth.mul(counted), guess.mul(counted)];
  const [real, guessed] = [sum(realPart), sum(guessPart)];
  const [found, right] = [sum(realPart.mul(within(guess, tolerance))), sum(guessPart.mul(within(truth, tolerance)))];
  const atLeastOne = (t: Tensor) => apply('maximum', [t, scalar(1)], {});
  const recall = found.div(atLeastOne(real));
  const precision = right.div(atLeastOne(guessed));
  const both = precision.add(recall);
  const some = apply('less', [scalar(0), both], {});
  const f1 = precision
    .mul(recall)
    .mul(2)
    .div(apply('where', [some, both, scalar(1)], {}));
  const has = apply('less', [scalar(0), real.add(guessed)], {});
  return { scores: f1.sum([0]), images: has.cast('int32').sum([0]) };
}

import { apply, type Tensor } from '../tensor/node.js';
import { checkOptions, type Json } from '../util/registry.js';
import {
  type Classification,
  type ClassMetricOptions,
  classification,
  classOptions,
  countRows,
  isClass,
  predicted,
} from './classes.js';
import type { Metric, Total } from './metric.js';

export type ConfusionOptions = ClassMetricOptions;

/**
 * How often each class was taken for each other: row = true class, column = predicted class (the first largest logit;
 * with one channel: background and foreground). Output [N, C, ...], target int [N, ...]; targets outside of the classes
 * are not counted. Exact for up to 2^24 targets in an image, or in a batch without spatial axes.
 */
export function confusionMatrix(options: ConfusionOptions = {}): Metric {
  checkOptions('confusion', options, ['ignoreIndex', 'threshold']);
  const checked = classOptions('confusion', options);
  return {
    name: 'confusion',
    spec: { name: 'confusion', options: { ...options } as Record<string, Json> },
    unit: 'counts',
    direction: undefined,
    counts: (output, target) => ({ confusion: confusionOf(classification('confusion', output, target, checked)) }),
    compute: ({ confusion }) => (confusion ? rows(confusion) : []),
  };
}

/** Confusion matrix of a batch, int32 [C, C]. */
export function confusionOf(c: Classification): Tensor {
  const [n, points] = c.target.shape as [number, number];
  if (points > 1 || c.foreground) return confusionPerImage(c).cast('int32').sum([0]);
  const flat = (index: Tensor) => oneHot(c, index).reshape([n, c.classes]);
  return product(flat(c.target), flat(predicted(c))).cast('int32');
}

/**
 * Confusion matrix of each image, float32 [N, C, C]: one product (or sum) an image, since float32 counts exactly only up
 * to 2^24.
 */
export function confusionPerImage(c: Classification): Tensor {
  if (!c.foreground) return product(oneHot(c, c.target), oneHot(c, predicted(c)));
  const n = c.target.shape[0]!;
  const background = apply('not', [c.foreground], {});
  const cells = [0, 1].flatMap((truth) =>
    [background, c.foreground!].map((guess) => countRows(apply('and', [isClass(c, truth), guess], {})).reshape([n, 1])),
  );
  return apply('concat', cells, { axis: 1 }).reshape([n, 2, 2]);
}

const oneHot = (c: Classification, index: Tensor): Tensor =>
  apply('oneHot', [index], { classes: c.classes, axis: 2, dtype: 'float32' });

const product = (a: Tensor, b: Tensor) => apply('matmul', [a, b], { transposeA: true, transposeB: false });

/** A [C, C] total as nested lists. */
function rows({ shape, data }: Total): number[][] {
  const n = shape[0]!;
  return Array.from({ length: n }, (_, i) => [...data.subarray(i * n, (i + 1) * n)]);
}

/** True positives, false positives and false negatives of one class. */
export interface Tally {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
}

/** The tallies of each class in a [C, C] total. */
export function tallies({ shape, data }: Total): Tally[] {
  const n = shape[0]!;
  return Array.from({ length: n }, (_, c) => {
    let fp = 0;
    let fn = 0;
    for (let i = 0; i < n; i++)
      if (i !== c) {
        fn += data[c * n + i]!;
        fp += data[i * n + c]!;
      }
    return { tp: data[c * n + c]!, fp, fn };
  });
}

/** The same in the graph, for each image: [N, C] each. */
export function talliesPerImage(confusion: Tensor): { tp: Tensor; fp: Tensor; fn: Tensor } {
  const classes = confusion.shape[1]!;
  const number = apply('oneHot', [range(classes)], { classes, axis: 1, dtype: confusion.dtype });
  const tp = confusion.mul(number).sum([2]);
  return { tp, fp: confusion.sum([1]).sub(tp), fn: confusion.sum([2]).sub(tp) };
}

const range = (n: number): Tensor =>
  apply('constant', [], { shape: [n], dtype: 'int32', data: Int32Array.from({ length: n }, (_, i) => i) });

import { apply, type Tensor } from '../tensor/node.js';
import { checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import { classification, predicted } from './classes.js';
import type { Metric, MetricValue, Total } from './metric.js';

export interface ConfusionOptions {
  /** Targets of this value are not counted; default -100. */
  readonly ignoreIndex?: number;
}

/**
 * How often each class was taken for each other: row = true class, column = predicted class (the first largest logit).
 * Output [N, C, ...], target int [N, ...]; targets outside of the classes are not counted. Exact for up to 2^24
 * targets in an image, or in a batch without spatial axes.
 */
export function confusionMatrix(options: ConfusionOptions = {}): Metric {
  const counts = confusionCounts('confusion', options);
  return {
    name: 'confusion',
    spec: { name: 'confusion', options: { ...options } as Record<string, Json> },
    unit: 'counts',
    direction: undefined,
    counts,
    compute: ({ confusion }) => (confusion ? rows(confusion) : []),
  };
}

/** The graph part of all metrics that rest on the confusion matrix: int32 [C, C] under the name `confusion`. */
export function confusionCounts(name: string, options: ConfusionOptions) {
  const { ignoreIndex = -100 } = options;
  checkOptions(name, options, ['ignoreIndex']);
  checkNumber(`${name}: ignoreIndex`, ignoreIndex, { integer: true });
  return (output: Tensor, target: Tensor): { confusion: Tensor } => {
    const c = classification(name, output, target, ignoreIndex);
    const hot = (index: Tensor) => apply('oneHot', [index], { classes: c.classes, axis: 2, dtype: 'float32' });
    const truth = hot(c.target);
    const guess = hot(predicted(c));
    const [n, points] = c.target.shape;
    if (points === 1) {
      const flat = (t: Tensor) => t.reshape([n!, c.classes]);
      return { confusion: product(flat(truth), flat(guess)).cast('int32') };
    }
    // One product an image and integers between images: float32 counts exactly only up to 2^24.
    return { confusion: product(truth, guess).cast('int32').sum([0]) };
  };
}

const product = (a: Tensor, b: Tensor) => apply('matmul', [a, b], { transposeA: true, transposeB: false });

/** A [C, C] total as nested lists. */
function rows({ shape, data }: Total): number[][] {
  const n = shape[0]!;
  return Array.from({ length: n }, (_, i) => [...data.subarray(i * n, (i + 1) * n)]);
}

/** `macro`: mean over classes that occur; `micro`: from the sums over classes; `none`: a value for each class. */
export type Average = 'macro' | 'micro' | 'none';

export interface AverageOptions extends ConfusionOptions {
  /** Default 'macro'. */
  readonly average?: Average;
}

/** Of what was predicted as a class, the part that is: tp / (tp + fp). */
export const precision = (options: AverageOptions = {}): Metric =>
  classScore('precision', options, (tp, fp) => [tp, tp + fp]);

/** Of what is a class, the part that was predicted so: tp / (tp + fn). */
export const recall = (options: AverageOptions = {}): Metric =>
  classScore('recall', options, (tp, _fp, fn) => [tp, tp + fn]);

/** Harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn). */
export const f1 = (options: AverageOptions = {}): Metric =>
  classScore('f1', options, (tp, fp, fn) => [2 * tp, 2 * tp + fp + fn]);

/**
 * A score per class from its true positives, false positives and false negatives. A class that neither occurs nor was
 * predicted has no score: it is left out of the macro mean and NaN in the list; a score of 0 / 0 otherwise is 0
 * (scikit-learn's zero_division = 0). Names: `f1`, `f1_micro`, `f1_per_class`.
 */
function classScore(
  base: string,
  options: AverageOptions,
  part: (tp: number, fp: number, fn: number) => readonly [number, number],
): Metric {
  const { average = 'macro', ...rest } = options;
  if (!['macro', 'micro', 'none'].includes(average))
    throw new RangeError(`${base}: average must be "macro", "micro" or "none", got ${JSON.stringify(average)}`);
  const counts = confusionCounts(base, rest);
  const ratio = ([a, b]: readonly [number, number]) => (b === 0 ? 0 : a / b);
  return {
    name: average === 'macro' ? base : average === 'micro' ? `${base}_micro` : `${base}_per_class`,
    spec: { name: base, options: { ...options } as Record<string, Json> },
    unit: 'fraction',
    direction: 'higher',
    counts,
    compute({ confusion }): MetricValue {
      if (!confusion) return average === 'none' ? [] : Number.NaN;
      const classes = tallies(confusion);
      if (average === 'none')
        return classes.map(({ tp, fp, fn }) => (tp + fp + fn === 0 ? Number.NaN : ratio(part(tp, fp, fn))));
      const seen = classes.filter(({ tp, fp, fn }) => tp + fp + fn > 0);
      if (seen.length === 0) return Number.NaN;
      if (average === 'macro') return seen.reduce((s, { tp, fp, fn }) => s + ratio(part(tp, fp, fn)), 0) / seen.length;
      const all = seen.reduce((s, { tp, fp, fn }) => ({ tp: s.tp + tp, fp: s.fp + fp, fn: s.fn + fn }));
      return ratio(part(all.tp, all.fp, all.fn));
    },
  };
}

function tallies({ shape, data }: Total): { tp: number; fp: number; fn: number }[] {
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

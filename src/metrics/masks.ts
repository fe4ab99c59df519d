import { apply, full, type Tensor } from '../tensor/node.js';
import { formatShape, ShapeError } from '../tensor/shape.js';
import { checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import {
  type ClassMetricOptions,
  classification,
  classOptions,
  countRows,
  isClass,
  logitOf,
  valid,
} from './classes.js';
import type { Metric } from './metric.js';

/**
 * How many images of a data set have a mask without any foreground (no pixel of a class other than 0, ignored pixels
 * aside). For them IoU and Dice are undefined unless something is predicted; see `iou` for how they count.
 */
export function emptyMasks(options: Pick<ClassMetricOptions, 'ignoreIndex'> = {}): Metric {
  checkOptions('empty_masks', options, ['ignoreIndex']);
  const checked = classOptions('empty_masks', options);
  return {
    name: 'empty_masks',
    spec: { name: 'empty_masks', options: { ...options } as Record<string, Json> },
    unit: 'counts',
    direction: undefined,
    counts(output, target) {
      const c = classification('empty_masks', output, target, checked);
      const foreground = apply('and', [valid(c), apply('not', [isClass(c, 0)], {})], {});
      const none = apply('equal', [countRows(foreground), full([], 0, 'float32')], {});
      return { empty: none.cast('int32').sum() };
    },
    compute: ({ empty }) => (empty ? empty.data[0]! : 0),
  };
}

export interface ThresholdSweepOptions {
  /** Probabilities to try; default 0.05, 0.1, ... 0.95. */
  readonly thresholds?: readonly number[];
  /** What is measured at each; default 'iou'. */
  readonly score?: 'iou' | 'dice';
  /** Targets of this value are not counted; default -100. */
  readonly ignoreIndex?: number;
}

const TWENTIETHS: readonly number[] = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);

/**
 * IoU or Dice of the foreground over the whole data set for several thresholds of its probability, for outputs with one
 * channel. The value is `{ threshold, best, thresholds, scores }`: the best threshold (of equals the one nearest to
 * 0.5), its score, and all of them.
 */
export function thresholdSweep(options: ThresholdSweepOptions = {}): Metric {
  checkOptions('threshold_sweep', options, ['thresholds', 'score', 'ignoreIndex']);
  const { thresholds = TWENTIETHS, score = 'iou', ignoreIndex } = options;
  if (!Array.isArray(thresholds) || thresholds.length === 0)
    throw new TypeError('threshold_sweep: thresholds must be a list of probabilities');
  for (const [i, t] of thresholds.entries())
    checkNumber(`threshold_sweep: thresholds[${i}]`, t, { above: 0, below: 1 });
  if (score !== 'iou' && score !== 'dice')
    throw new RangeError(`threshold_sweep: score must be "iou" or "dice", got ${JSON.stringify(score)}`);
  const checked = classOptions('threshold_sweep', { ignoreIndex });
  return {
    name: 'threshold_sweep',
    spec: { name: 'threshold_sweep', options: { ...options } as Record<string, Json> },
    unit: 'fraction',
    direction: undefined,
    counts(output, target) {
      if (output.shape[1] !== 1)
        throw new ShapeError(`threshold_sweep: takes outputs with one channel, got ${formatShape(output.shape)}`);
      const c = classification('threshold_sweep', output, target, checked);
      const logits = output.reshape(c.target.shape);
      const [real, counted] = [isClass(c, 1), valid(c)];
      const count = (t: Tensor) => countRows(t).cast('int32').sum().reshape([1]);
      const above = thresholds.map((t) => apply('less', [full([], logitOf(t), logits.dtype), logits], {}));
      const both = (a: Tensor, b: Tensor) => apply('and', [a, b], {});
      const all = (parts: Tensor[]) => apply('concat', parts, { axis: 0 });
      return {
        hit: all(above.map((a) => count(both(a, real)))),
        predicted: all(above.map((a) => count(both(a, counted)))),
        real: count(real),
      };
    },
    compute({ hit, predicted, real }) {
      if (!hit || !predicted || !real) return { threshold: Number.NaN, best: Number.NaN, thresholds, scores: [] };
      const scores = thresholds.map((_, i) => {
        const [tp, together] = [hit.data[i]!, predicted.data[i]! + real.data[0]!];
        return score === 'iou' ? tp / (together - tp) : (2 * tp) / together;
      });
      const far = (i: number) => Math.abs(thresholds[i]! - 0.5);
      let best = 0;
      for (const [i, s] of scores.entries())
        if (Number.isNaN(scores[best]!) || s > scores[best]! || (s === scores[best] && far(i) < far(best))) best = i;
      return { threshold: thresholds[best]!, best: scores[best]!, thresholds, scores };
    },
  };
}

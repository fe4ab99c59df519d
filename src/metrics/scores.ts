import { apply, full, type Tensor } from '../tensor/node.js';
import { checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import { type ClassMetricOptions, classification, classOptions } from './classes.js';
import { confusionOf, confusionPerImage, type Tally, tallies, talliesPerImage } from './confusion.js';
import type { Metric, MetricValue, Total } from './metric.js';

/** `macro`: mean over classes that occur; `micro`: from the sums over classes; `none`: a value for each class. */
export type Average = 'macro' | 'micro' | 'none';

export interface AverageOptions extends ClassMetricOptions {
  /** Default 'macro'. */
  readonly average?: Average;
  /** `dataset` (default): from the pixels of all images together; `image`: of each image, then the mean over images. */
  readonly over?: 'dataset' | 'image';
  /**
   * What a score is where it would be 0 / 0. Default 'skip': a class that is neither there nor predicted has no score and
   * is left out of the mean (an image with an all-black mask and nothing predicted, if `over` is `image`; NaN if all are
   * left out), and any other 0 / 0 is 0. A number from 0 to 1 stands for all of them, as in scikit-learn and
   * segmentation_models.pytorch (whose own default is 1).
   */
  readonly zeroDivision?: 'skip' | number;
}

/** A score is tp / (tp + alpha fp + beta fn). */
interface Index {
  readonly alpha: number;
  readonly beta: number;
}

/** Of what was predicted as a class, the part that is: tp / (tp + fp). */
export const precision = (options: AverageOptions = {}): Metric =>
  classScore('precision', options, { alpha: 1, beta: 0 });

/** Of what is a class, the part that was predicted so: tp / (tp + fn). */
export const recall = (options: AverageOptions = {}): Metric => classScore('recall', options, { alpha: 0, beta: 1 });

/** Harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn). */
export const f1 = (options: AverageOptions = {}): Metric => classScore('f1', options, { alpha: 0.5, beta: 0.5 });

/** Dice coefficient, 2 tp / (2 tp + fp + fn): another name of F1. */
export const dice = (options: AverageOptions = {}): Metric => classScore('dice', options, { alpha: 0.5, beta: 0.5 });

/**
 * Intersection over union (Jaccard index): tp / (tp + fp + fn).
 *
 * With one channel it is the foreground's; with several the mean over classes (mIoU). By default all pixels of the data
 * set count together: an image with an all-black mask then adds its false positives, and nothing if none is predicted.
 * For each image by itself (`over: 'image'`) such an image is 0 if anything is predicted, and otherwise left out.
 *
 * ```ts
 * new Trainer(net, { loss, optimizer, metrics: [metrics.iou(), metrics.iou({ over: 'image' })] });
 * ```
 */
export const iou = (options: AverageOptions = {}): Metric => classScore('iou', options, { alpha: 1, beta: 1 });

/**
 * With one output channel the scores are those of the foreground (for `none`: of background and foreground). Names:
 * `f1`, `f1_micro`, `f1_per_class`, and with `over: 'image'` `f1_per_image` and so on.
 */
function classScore(base: string, options: AverageOptions, index: Index): Metric {
  checkOptions(base, options, ['average', 'over', 'zeroDivision', 'ignoreIndex', 'threshold']);
  const { average = 'macro', over = 'dataset', zeroDivision = 'skip' } = options;
  if (!['macro', 'micro', 'none'].includes(average))
    throw new RangeError(`${base}: average must be "macro", "micro" or "none", got ${JSON.stringify(average)}`);
  if (over !== 'dataset' && over !== 'image')
    throw new RangeError(`${base}: over must be "dataset" or "image", got ${JSON.stringify(over)}`);
  if (zeroDivision !== 'skip')
    checkNumber(`${base}: zeroDivision ("skip" or a number)`, zeroDivision, { min: 0, max: 1 });
  const checked = classOptions(base, options);
  const suffix = { macro: '', micro: '_micro', none: '_per_class' }[average];
  const rule: Rule = { index, average, zeroDivision };
  return {
    name: `${base}${suffix}${over === 'image' ? '_per_image' : ''}`,
    spec: { name: base, options: { ...options } as Record<string, Json> },
    unit: 'fraction',
    direction: 'higher',
    counts(output, target): Record<string, Tensor> {
      const c = classification(base, output, target, checked);
      if (over === 'image') return imageScores(confusionPerImage(c), c.foreground !== undefined, rule);
      // Under a name of its own where there is one channel: only its foreground is scored.
      return { [c.foreground ? 'binary' : 'confusion']: confusionOf(c) };
    },
    compute(totals): MetricValue {
      if (over === 'image') return meanOverImages(totals, rule);
      const { confusion, binary } = totals;
      if (binary) return average === 'none' ? eachClass(tallies(binary), rule) : mean(tallies(binary).slice(1), rule);
      if (!confusion) return average === 'none' ? [] : Number.NaN;
      return average === 'none' ? eachClass(tallies(confusion), rule) : mean(tallies(confusion), rule);
    },
  };
}

interface Rule {
  readonly index: Index;
  readonly average: Average;
  readonly zeroDivision: 'skip' | number;
}

/** The score of one class; NaN where it is left out. */
function scoreOf({ tp, fp, fn }: Tally, { index, zeroDivision }: Rule): number {
  const denominator = tp + index.alpha * fp + index.beta * fn;
  if (denominator > 0) return tp / denominator;
  if (zeroDivision !== 'skip') return zeroDivision;
  return fp + fn > 0 ? 0 : Number.NaN;
}

const eachClass = (classes: readonly Tally[], rule: Rule): number[] => classes.map((t) => scoreOf(t, rule));

function mean(classes: readonly Tally[], rule: Rule): number {
  if (rule.average === 'micro') {
    const sum = (key: keyof Tally) => classes.reduce((s, t) => s + t[key], 0);
    return scoreOf({ tp: sum('tp'), fp: sum('fp'), fn: sum('fn') }, rule);
  }
  const scores = eachClass(classes, rule).filter((s) => !Number.isNaN(s));
  return scores.length === 0 ? Number.NaN : scores.reduce((a, b) => a + b) / scores.length;
}

/** Sums over the images of a batch: `scores` float [C] and in how many images each has one, `images` int32 [C]. */
function imageScores(
  confusion: Tensor,
  binary: boolean,
  { index, average, zeroDivision }: Rule,
): Record<string, Tensor> {
  const all = talliesPerImage(confusion);
  const n = confusion.shape[0]!;
  const part = (t: Tensor): Tensor => {
    if (binary && average !== 'none') return apply('slice', [t], { start: [0, 1], stop: [n, 2], step: [1, 1] });
    return average === 'micro' ? t.sum([1], { keepDims: true }) : t;
  };
  const [tp, fp, fn] = [part(all.tp), part(all.fp), part(all.fn)];
  const scalar = (value: number) => full([], value, tp.dtype);
  const positive = (t: Tensor) => apply('less', [scalar(0), t], {});
  const denominator = tp.add(fp.mul(index.alpha)).add(fn.mul(index.beta));
  const some = positive(denominator);
  const ratio = tp.div(apply('where', [some, denominator, scalar(1)], {}));
  const score = apply('where', [some, ratio, scalar(zeroDivision === 'skip' ? 0 : zeroDivision)], {});
  const has = zeroDivision === 'skip' ? positive(tp.add(fp).add(fn)) : apply('lessEqual', [scalar(0), tp], {});
  return { scores: score.sum([0]), images: has.cast('int32').sum([0]) };
}

/** Mean of each class over the images that have it, then over those classes. */
function meanOverImages({ scores, images }: Readonly<Record<string, Total>>, { average }: Rule): MetricValue {
  if (!scores || !images) return average === 'none' ? [] : Number.NaN;
  const each = [...scores.data].map((s, c) => (images.data[c]! > 0 ? s / images.data[c]! : Number.NaN));
  if (average === 'none') return each;
  const there = each.filter((s) => !Number.isNaN(s));
  return there.length === 0 ? Number.NaN : there.reduce((a, b) => a + b) / there.length;
}

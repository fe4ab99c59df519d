import { apply, full, type Tensor } from '../tensor/node.js';
import { checkBoolean, checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import { type ClassOptions, checkClassOptions, meanOverClasses } from './classes.js';
import type { Loss } from './loss.js';
import { powerOf } from './power.js';
import { onlyCounted, type Pixels, pixels, probabilities, refuseInvalid, sumPixels } from './target.js';

/**
 * Options of the losses that measure overlap. All rest on soft counts over pixels, with probabilities p (sigmoid for one
 * channel, softmax over several) and truth t in {0, 1}:
 *
 *     TP = sum p t      FP = sum p (1 - t)      FN = sum (1 - p) t
 *     score = (TP + smooth) / max(TP + alpha FP + beta FN + smooth, eps)
 *     loss  = mean over classes of (1 - score, or 0 for a class without a true pixel)
 *
 * This is segmentation_models.pytorch 0.6 to the letter, the zero for absent classes included. For soft truth (floating
 * point between 0 and 1) TP is sum min(p, t), so that p = t is a loss of 0 (Wang et al. 2023, also as there).
 */
export interface OverlapOptions extends ClassOptions {
  /** Added to TP in numerator and denominator; default 0. (In Dice's form 2 TP / (2 TP + FP + FN) it counts twice.) */
  readonly smooth?: number;
  /** Least denominator; default 1e-7. */
  readonly eps?: number;
  /** Sums over each image and the mean over images, instead of sums over the whole batch; default false. */
  readonly perImage?: boolean;
  /** The output holds logits (default), not probabilities. */
  readonly logits?: boolean;
  /** -log(max(score, eps)) instead of 1 - score; default false. */
  readonly logLoss?: boolean;
  /** Targets of this value count neither as truth nor as prediction; default none. */
  readonly ignoreIndex?: number;
}

export interface TverskyOptions extends OverlapOptions {
  /** Weight of false positives; default 0.5 (Tversky), 0.3 (focal Tversky). */
  readonly alpha?: number;
  /** Weight of false negatives; default 0.5 (Tversky), 0.7 (focal Tversky). */
  readonly beta?: number;
  /** Exponent of the loss; default 1 (Tversky), 0.75 (focal Tversky). */
  readonly gamma?: number;
}

const OVERLAP = ['smooth', 'eps', 'perImage', 'logits', 'logLoss', 'classes', 'weight', 'ignoreIndex'] as const;
const TVERSKY = [...OVERLAP, 'alpha', 'beta', 'gamma'] as const;

/**
 * Dice loss (Milletari et al. 2016): 1 - 2 TP / (2 TP + FP + FN), the {@link OverlapOptions} formula with
 * alpha = beta = 0.5. Output [N, C, ...]; target 0 and 1 [N, ...] or [N, 1, ...] for one channel, class numbers [N, ...]
 * for several.
 *
 * ```ts
 * losses.sum(losses.bceWithLogits(), losses.dice());
 * ```
 */
export const dice = (options: OverlapOptions = {}): Loss =>
  overlap('dice', OVERLAP, options, { alpha: 0.5, beta: 0.5, gamma: 1 });

/** Jaccard (IoU) loss: 1 - TP / (TP + FP + FN), the {@link OverlapOptions} formula with alpha = beta = 1. */
export const jaccard = (options: OverlapOptions = {}): Loss =>
  overlap('jaccard', OVERLAP, options, { alpha: 1, beta: 1, gamma: 1 });

/**
 * Tversky loss (Salehi et al. 2017): the {@link OverlapOptions} formula, where alpha weighs false positives and beta
 * false negatives (beta > alpha finds more of the foreground). The mean over classes is raised to the power gamma, as
 * in segmentation_models.pytorch.
 */
export const tversky = (options: TverskyOptions = {}): Loss =>
  overlap('tversky', TVERSKY, options, { alpha: 0.5, beta: 0.5, gamma: 1 });

/**
 * Focal Tversky loss (Abraham and Khan 2019): mean over classes of (1 - score)^gamma, with the paper's weights: 0.7 for
 * false negatives, 0.3 for false positives, and the exponent 3/4 (the paper writes 1/gamma with gamma = 4/3). With one
 * channel it is `tversky` with the same numbers; with several the power is taken of each class, not of the mean.
 */
export const focalTversky = (options: TverskyOptions = {}): Loss =>
  overlap('focal-tversky', TVERSKY, options, { alpha: 0.3, beta: 0.7, gamma: 0.75 });

function overlap(
  name: string,
  known: readonly string[],
  options: TverskyOptions,
  defaults: { readonly alpha: number; readonly beta: number; readonly gamma: number },
): Loss {
  checkOptions(name, options, known);
  checkClassOptions(name, options);
  const { smooth = 0, eps = 1e-7, perImage = false, logits = true, logLoss = false, ignoreIndex } = options;
  const { alpha = defaults.alpha, beta = defaults.beta, gamma = defaults.gamma } = options;
  checkNumber(`${name}: smooth`, smooth, { min: 0 });
  checkNumber(`${name}: eps`, eps, { above: 0 });
  checkNumber(`${name}: alpha`, alpha, { min: 0 });
  checkNumber(`${name}: beta`, beta, { min: 0 });
  checkNumber(`${name}: gamma`, gamma, { above: 0 });
  checkBoolean(`${name}: perImage`, perImage);
  checkBoolean(`${name}: logits`, logits);
  checkBoolean(`${name}: logLoss`, logLoss);
  if (ignoreIndex !== undefined) checkNumber(`${name}: ignoreIndex`, ignoreIndex, { integer: true });
  const perClassPower = name === 'focal-tversky';
  return {
    name,
    spec: { name, options: { ...options } as Record<string, Json> },
    apply(output, target) {
      const p = pixels(name, output, target, ignoreIndex);
      const { score, present } = scores(p, { smooth, eps, alpha, beta, perImage, logits });
      const atLeast = (x: Tensor, least: number) => apply('maximum', [x, full([], least, x.dtype)], {});
      const each = logLoss ? apply('log', [atLeast(score, eps)], {}).neg() : score.neg().add(1);
      const powered = perClassPower ? powerOf(each, gamma) : each;
      // An absent class scores 0 whatever is predicted: it would add a constant without a gradient.
      const kept = apply('where', [present, powered, full([], 0, powered.dtype)], {});
      const mean = meanOverClasses(name, kept, options);
      return refuseInvalid(perClassPower ? mean : powerOf(mean, gamma), p);
    },
  };
}

interface ScoreOptions {
  readonly smooth: number;
  readonly eps: number;
  readonly alpha: number;
  readonly beta: number;
  readonly perImage: boolean;
  readonly logits: boolean;
}

/** Score of each class, [C] or [N, C], and whether the class has any true pixel. */
function scores(p: Pixels, o: ScoreOptions): { score: Tensor; present: Tensor } {
  const prediction = onlyCounted(probabilities(p, o.logits), p);
  const common = p.soft ? apply('minimum', [prediction, p.truth], {}) : prediction.mul(p.truth);
  const sum = (values: Tensor) => sumPixels(values, o.perImage);
  const [tp, predicted, truth] = [sum(common), sum(prediction), sum(p.truth)];
  const [fp, fn] = [predicted.sub(tp), truth.sub(tp)];
  const denominator = tp.add(fp.mul(o.alpha)).add(fn.mul(o.beta)).add(o.smooth);
  const floor = full([], o.eps, denominator.dtype);
  return {
    score: tp.add(o.smooth).div(apply('maximum', [denominator, floor], {})),
    present: apply('less', [full([], 0, truth.dtype), truth], {}),
  };
}

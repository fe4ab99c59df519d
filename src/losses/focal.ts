import { apply, full, type Tensor } from '../tensor/node.js';
import { checkBoolean, checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import { type ClassOptions, checkClassOptions, meanOverClasses } from './classes.js';
import type { Loss } from './loss.js';
import { powerOf } from './power.js';
import { onlyCounted, type Pixels, pixels, refuseInvalid, sumPixels } from './target.js';

export interface FocalOptions extends ClassOptions {
  /** Power that takes weight from what is already right; default 2. 0 makes it plain cross-entropy. */
  readonly gamma?: number;
  /** Weight of the foreground, 1 - alpha that of the background; default none (both 1). */
  readonly alpha?: number;
  /** The output holds logits (default), not probabilities. */
  readonly logits?: boolean;
  /** Least probability, and distance from 1, where the output holds probabilities; default 1e-7. */
  readonly eps?: number;
  /** Targets of this value are left out of the mean; default none. */
  readonly ignoreIndex?: number;
}

/**
 * Focal loss (Lin et al. 2017): mean over pixels of a (1 - q)^gamma (-log q), where q is the probability of the truth
 * and a is alpha for foreground and 1 - alpha for background. Several channels count as one question each (sigmoid, not
 * softmax, as in the paper), and the loss is the mean over them. Output [N, C, ...]; target as for `dice`.
 *
 * Equal to segmentation_models.pytorch's for logits (mean). For probabilities of several classes that one takes the
 * sigmoid of their logarithm; here they are taken as they are. If every pixel is ignored the loss is 0.
 */
export function focal(options: FocalOptions = {}): Loss {
  checkOptions('focal', options, ['gamma', 'alpha', 'logits', 'eps', 'classes', 'weight', 'ignoreIndex']);
  checkClassOptions('focal', options);
  const { gamma = 2, alpha, logits = true, eps = 1e-7, ignoreIndex } = options;
  checkNumber('focal: gamma', gamma, { min: 0 });
  if (alpha !== undefined) checkNumber('focal: alpha', alpha, { min: 0, max: 1 });
  checkBoolean('focal: logits', logits);
  checkNumber('focal: eps', eps, { above: 0, below: 0.5 });
  if (ignoreIndex !== undefined) checkNumber('focal: ignoreIndex', ignoreIndex, { integer: true });
  return {
    name: 'focal',
    spec: { name: 'focal', options: { ...options } as Record<string, Json> },
    apply(output, target) {
      const p = pixels('focal', output, target, ignoreIndex);
      const entropy = logits ? apply('bceWithLogits', [p.output, p.truth], {}) : crossEntropyOf(p, eps);
      let each = entropy;
      if (gamma > 0) each = powerOf(apply('exp', [entropy.neg()], {}).neg().add(1), gamma).mul(entropy);
      if (alpha !== undefined) each = each.mul(p.truth.mul(2 * alpha - 1).add(1 - alpha));
      return refuseInvalid(meanOverClasses('focal', meanCounted(each, p), options), p);
    },
  };
}

/** -[t log p + (1 - t) log(1 - p)] of probabilities kept away from 0 and 1. */
function crossEntropyOf({ output, truth }: Pixels, eps: number): Tensor {
  const bound = (op: 'maximum' | 'minimum', x: Tensor, by: number) => apply(op, [x, full([], by, x.dtype)], {});
  const p = bound('minimum', bound('maximum', output, eps), 1 - eps);
  const log = (x: Tensor) => apply('log', [x], {});
  const background = truth.neg().add(1);
  return truth
    .mul(log(p))
    .add(background.mul(log(p.neg().add(1))))
    .neg();
}

/** Mean of each class over the pixels that count, [C]; 0 where none does. */
function meanCounted(values: Tensor, p: Pixels): Tensor {
  const [n, , points] = values.shape as [number, number, number];
  const total = sumPixels(onlyCounted(values, p), false);
  if (!p.counted) return total.mul(1 / (n * points));
  const count = sumPixels(p.counted.cast(values.dtype), false);
  return total.div(apply('maximum', [count, full([], 1, count.dtype)], {}));
}

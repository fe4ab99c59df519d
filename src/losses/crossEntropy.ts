import { apply, full, type Tensor, tensor } from '../tensor/node.js';
import { sameShape } from '../tensor/shape.js';
import { checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import type { Loss } from './loss.js';

export interface CrossEntropyOptions {
  /** Weight of each class; the mean is then over the weights of the targets. */
  readonly weight?: readonly number[];
  /** Part of the target that is spread evenly over all classes, 0 to 1 (Szegedy et al. 2016); default 0. */
  readonly labelSmoothing?: number;
  /** Targets of this value add neither loss nor gradient; default -100. */
  readonly ignoreIndex?: number;
}

/**
 * Cross-entropy of the softmax of logits, PyTorch's CrossEntropyLoss with class indices as targets:
 * output float [N, C, ...], target int [N, ...], mean over the targets that count. If all are ignored it is NaN.
 *
 * One channel means two classes with the logits 0 and x (a binary mask, target [N, ...] or [N, 1, ...] of 0 and 1): without
 * options that is `bceWithLogits`.
 *
 * ```ts
 * losses.crossEntropy({ labelSmoothing: 0.1 });
 * ```
 * @throws RangeError if an option is out of range
 */
export function crossEntropy(options: CrossEntropyOptions = {}): Loss {
  checkOptions('cross-entropy', options, ['weight', 'labelSmoothing', 'ignoreIndex']);
  const { weight, labelSmoothing = 0, ignoreIndex = -100 } = options;
  checkNumber('cross-entropy: labelSmoothing', labelSmoothing, { min: 0, max: 1 });
  checkNumber('cross-entropy: ignoreIndex', ignoreIndex, { integer: true });
  if (weight !== undefined) {
    if (!Array.isArray(weight) || weight.length === 0)
      throw new TypeError('cross-entropy: weight must be a list with a number for each class');
    for (const [i, w] of weight.entries()) checkNumber(`cross-entropy: weight[${i}]`, w, { min: 0 });
  }
  return {
    name: 'cross-entropy',
    spec: { name: 'cross-entropy', options: { ...options } as Record<string, Json> },
    apply(output, target) {
      const [logits, classes] = output.shape[1] === 1 ? twoClasses(output, target) : [output, target];
      const weights = weight ? [tensor(weight, [weight.length], output.dtype)] : [];
      return apply('crossEntropy', [logits, classes, ...weights], { labelSmoothing, ignoreIndex, reduction: 'mean' });
    },
  };
}

/** One channel of logits as two classes; background has the logit 0. */
function twoClasses(output: Tensor, target: Tensor): [logits: Tensor, classes: Tensor] {
  const logits = apply('concat', [full(output.shape, 0, output.dtype), output], { axis: 1 });
  const places = output.shape.toSpliced(1, 1);
  return [logits, sameShape(target.shape, output.shape) ? target.reshape(places) : target];
}

import { apply, full, type Tensor, tensor } from '../tensor/node.js';
import { formatShape, numel, ShapeError, sameShape } from '../tensor/shape.js';
import { checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import type { Loss } from './loss.js';
import { fitTarget, onlyCounted, refuseInvalid } from './target.js';

export interface BceWithLogitsOptions {
  /** Weight of positive targets, one number or one for each channel (axis 1). */
  readonly posWeight?: number | readonly number[];
  /** Moves targets towards each other: z becomes z (1 - 2 s) + s; default 0. */
  readonly smoothFactor?: number;
  /** Targets of this value add neither loss nor gradient; default none. */
  readonly ignoreIndex?: number;
  /**
   * What the mean is over where targets are ignored: the elements that count (`counted`, default), or all of them, as in
   * segmentation_models.pytorch's SoftBCEWithLogitsLoss (`all`).
   */
  readonly meanOver?: 'counted' | 'all';
}

/**
 * Binary cross-entropy of the sigmoid of logits, computed without overflow; PyTorch's BCEWithLogitsLoss with its mean
 * over all elements: -[w z log s(x) + (1 - z) log(1 - s(x))]. Output float [N, C, ...]; target numbers from 0 to 1 of the
 * same shape, masks of 0 and 1 [N, ...] for one channel, or class numbers [N, ...] for several (each channel is then a
 * question of its own). If every element is ignored the loss is 0.
 */
export function bceWithLogits(options: BceWithLogitsOptions = {}): Loss {
  checkOptions('bce', options, ['posWeight', 'smoothFactor', 'ignoreIndex', 'meanOver']);
  const { posWeight, smoothFactor = 0, ignoreIndex, meanOver = 'counted' } = options;
  for (const w of posWeight === undefined ? [] : [posWeight].flat()) checkNumber('bce: posWeight', w, { min: 0 });
  checkNumber('bce: smoothFactor', smoothFactor, { min: 0, max: 0.5 });
  if (ignoreIndex !== undefined) checkNumber('bce: ignoreIndex', ignoreIndex, { integer: true });
  if (meanOver !== 'counted' && meanOver !== 'all')
    throw new RangeError(`bce: meanOver must be "counted" or "all", got ${JSON.stringify(meanOver)}`);
  return {
    name: 'bce',
    spec: { name: 'bce', options: { ...options } as Record<string, Json> },
    apply(output, target) {
      const fitted = fitTarget('bce', output, target, ignoreIndex);
      const { truth, counted } = fitted;
      const z = smoothFactor === 0 ? truth : truth.mul(1 - 2 * smoothFactor).add(smoothFactor);
      const weight = posWeight === undefined ? [] : [positiveWeight(output, posWeight)];
      const each = onlyCounted(apply('bceWithLogits', [output, z, ...weight], {}), fitted);
      const mean = !counted || meanOver === 'all' ? each.mean() : each.sum().div(countOf(counted, each));
      return refuseInvalid(mean, fitted);
    },
  };
}

/** How many elements of `each` count, at least 1. */
function countOf(counted: Tensor, each: Tensor): Tensor {
  const repeats = numel(each.shape) / numel(counted.shape);
  const count = counted.cast(each.dtype).sum();
  return apply('maximum', [repeats === 1 ? count : count.mul(repeats), full([], 1, each.dtype)], {});
}

/** Mean of squared differences over all elements; output float, target numbers of the same shape. PyTorch's MSELoss. */
export function mse(options: Readonly<Record<never, never>> = {}): Loss {
  checkOptions('mse', options, []);
  return {
    name: 'mse',
    spec: { name: 'mse', options: {} },
    apply(output, target) {
      const difference = output.sub(valuesLike('mse', output, target));
      return difference.mul(difference).mean();
    },
  };
}

/** The target as plain values of the output's shape. */
function valuesLike(name: string, output: Tensor, target: Tensor): Tensor {
  const t = target.cast(output.dtype);
  if (sameShape(output.shape, t.shape)) return t;
  if (output.shape[1] === 1 && sameShape(t.shape, output.shape.toSpliced(1, 1))) return t.reshape(output.shape);
  throw new ShapeError(
    `${name}: the output is ${formatShape(output.shape)} and the target ${formatShape(target.shape)}; they must have the same shape`,
  );
}

function positiveWeight(output: Tensor, weight: number | readonly number[]): Tensor {
  if (typeof weight === 'number') return tensor(weight, [], output.dtype);
  const channels = output.shape[1];
  if (weight.length !== channels)
    throw new ShapeError(`bce: ${weight.length} values in posWeight do not fit an output ${formatShape(output.shape)}`);
  return tensor(weight, [channels, ...output.shape.slice(2).map(() => 1)], output.dtype);
}

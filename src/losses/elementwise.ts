import { apply, type Tensor, tensor } from '../tensor/node.js';
import { formatShape, numel, ShapeError, sameShape } from '../tensor/shape.js';
import { checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import type { Loss } from './loss.js';

export interface BceWithLogitsOptions {
  /** Weight of positive targets, one number or one for each channel (axis 1). */
  readonly posWeight?: number | readonly number[];
}

/**
 * Binary cross-entropy of the sigmoid of logits, computed without overflow; PyTorch's BCEWithLogitsLoss with its mean
 * over all elements. Output float, target numbers from 0 to 1 of the same shape (a channel axis of size 1 may be
 * missing in the target).
 */
export function bceWithLogits(options: BceWithLogitsOptions = {}): Loss {
  checkOptions('bce', options, ['posWeight']);
  const { posWeight } = options;
  for (const w of posWeight === undefined ? [] : [posWeight].flat()) checkNumber('bce: posWeight', w, { min: 0 });
  return {
    name: 'bce',
    spec: { name: 'bce', options: { ...options } as Record<string, Json> },
    apply(output, target) {
      const z = fitted('bce', output, target);
      if (posWeight === undefined) return apply('bceWithLogits', [output, z], {}).mean();
      return apply('bceWithLogits', [output, z, positiveWeight(output, posWeight)], {}).mean();
    },
  };
}

/** Mean of squared differences over all elements; output float, target numbers of the same shape. PyTorch's MSELoss. */
export function mse(options: Readonly<Record<never, never>> = {}): Loss {
  checkOptions('mse', options, []);
  return {
    name: 'mse',
    spec: { name: 'mse', options: {} },
    apply(output, target) {
      const difference = output.sub(fitted('mse', output, target));
      return difference.mul(difference).mean();
    },
  };
}

/** The target in the output's dtype and shape. */
function fitted(name: string, output: Tensor, target: Tensor): Tensor {
  const t = target.cast(output.dtype);
  if (sameShape(output.shape, t.shape)) return t;
  if (output.shape[1] === 1 && numel(output.shape) === numel(t.shape) && output.rank === t.rank + 1)
    return t.reshape(output.shape);
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

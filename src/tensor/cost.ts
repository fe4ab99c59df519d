import type { OpAttrs } from './ops/signatures.js';
import { numel, type TensorType } from './shape.js';

/** An operation on values of known types, wherever it is written down: a node, or one of a lowered graph. */
export interface Operation {
  readonly op: string;
  readonly attrs: unknown;
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
}

/**
 * Multiply-adds of one operation as papers count them: convolutions, transposed convolutions and matrix products;
 * bias, activations, pooling and normalisation are not counted (VGG16 at 224x224: 15.5 G).
 */
export function multiplyAdds({ op, attrs, inputs: [x, w], outputs }: Operation): number {
  switch (op) {
    case 'conv2d':
      // Each output value sums over the kernel's window of its group: w is [O, I/groups, kH, kW].
      return numel(outputs[0]!.shape) * numel(w!.shape.slice(1));
    case 'convTranspose2d':
      // Each input value is spread over the kernel's window: w is [I, O/groups, kH, kW].
      return numel(x!.shape) * numel(w!.shape.slice(1));
    case 'conv2dWeightGrad':
      return numel(w!.shape) * numel(outputs[0]!.shape.slice(1));
    case 'matmul': {
      const { transposeA } = attrs as OpAttrs['matmul'];
      const inner = x!.shape[x!.shape.length - (transposeA ? 2 : 1)]!;
      return numel(outputs[0]!.shape) * inner;
    }
    default:
      return 0;
  }
}

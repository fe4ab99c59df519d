import type { Tensor } from '../node.js';
import { formatShape, type HostTensor, ShapeError, type TensorType } from '../shape.js';
import type { OpAttrs, OpName } from './signatures.js';

/** What a gradient rule may use. `dy[i]` is undefined where the loss does not depend on output `i`. */
export interface GradientContext<K extends OpName> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly dy: readonly (Tensor | undefined)[];
  readonly attrs: OpAttrs[K];
  /** Whether anybody wants the gradient of input `i`: rules may skip the others. */
  readonly wanted: readonly boolean[];
}

/** One operation, defined in one place: shape rule, gradient, reference kernel. */
export interface OpDef<K extends OpName> {
  readonly doc: string;
  /** Least and most number of inputs. */
  readonly arity: readonly [number, number];
  /** Checks inputs and attributes and gives the outputs' types. Throws `ShapeError` through `context.fail`. */
  shape(inputs: readonly TensorType[], attrs: OpAttrs[K], context: ShapeContext): TensorType[];
  /** Gradients of the inputs as a graph (undefined: none), or why there are none. */
  readonly gradient: ((context: GradientContext<K>) => (Tensor | undefined)[]) | { readonly notDifferentiable: string };
  /** Plain loops, the definition of what is right. Outputs come zeroed. */
  kernel(inputs: readonly HostTensor[], outputs: readonly HostTensor[], attrs: OpAttrs[K]): void;
}

export interface ShapeContext {
  /** Throws a `ShapeError` that names the op, the layer path and the input shapes. */
  fail(message: string): never;
}

export function shapeContext(op: OpName, inputs: readonly TensorType[], label: string): ShapeContext {
  return {
    fail(message) {
      const where = label ? `${label}: ` : '';
      const given = inputs.map((t) => `${t.dtype}${formatShape(t.shape)}`).join(', ');
      throw new ShapeError(`${where}${op}(${given}): ${message}`);
    },
  };
}

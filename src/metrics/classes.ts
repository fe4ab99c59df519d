import { apply, full, type Tensor } from '../tensor/node.js';
import { formatShape, numel, type Shape, ShapeError, sameShape } from '../tensor/shape.js';

/** Logits [N, C, ...] and class indices [N, ...] brought into one form. */
export interface Classification {
  /** float [N, C, P] with C >= 2. */
  readonly logits: Tensor;
  /** int32 [N, P]; ignored targets are -1. */
  readonly target: Tensor;
  readonly classes: number;
}

/**
 * Checks that logits and class targets fit. One output channel means two classes, decided by the sign of the logit
 * (0 counts as class 0); its target may be [N, ...] or [N, 1, ...].
 * @throws ShapeError naming both shapes
 */
export function classification(name: string, output: Tensor, target: Tensor, ignoreIndex: number): Classification {
  const [n, c] = output.shape;
  const spatial = output.shape.slice(2);
  const expected: Shape = [n!, ...spatial];
  const binary = c === 1 && sameShape(target.shape, output.shape);
  if (output.rank < 2 || !(binary || sameShape(target.shape, expected)))
    throw new ShapeError(
      `${name}: takes outputs [N, C, ...] and class indices [N, ...], got ${formatShape(output.shape)} and ${formatShape(target.shape)}`,
    );
  const points = numel(spatial);
  const flat = output.reshape([n!, c!, points]);
  const indices = target.cast('int32').reshape([n!, points]);
  const ignored = apply('equal', [indices, full([], ignoreIndex, 'int32')], {});
  return {
    // Class 0 is given the logit 0: the other one wins where its logit is greater.
    logits: c === 1 ? apply('concat', [full([n!, 1, points], 0, output.dtype), flat], { axis: 1 }) : flat,
    target: apply('where', [ignored, full([], -1, 'int32'), indices], {}),
    classes: Math.max(2, c!),
  };
}

/** The index of the largest logit, the first of equals; int32 [N, P]. */
export const predicted = ({ logits }: Classification): Tensor => apply('argmax', [logits], { axis: 1 });

/** Bool [N, P]: the target is one of the classes. */
export function valid({ target, classes }: Classification): Tensor {
  const low = apply('lessEqual', [full([], 0, 'int32'), target], {});
  return apply('and', [low, apply('less', [target, full([], classes, 'int32')], {})], {});
}

/** Number of true elements, int32 scalar. */
export const countTrue = (condition: Tensor): Tensor => condition.cast('int32').sum();

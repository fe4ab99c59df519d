import { isFloat } from '../tensor/dtype.js';
import { apply, full, type Tensor } from '../tensor/node.js';
import { formatShape, numel, type Shape, ShapeError, sameShape } from '../tensor/shape.js';
import { checkNumber } from '../util/check.js';

/** What all metrics over classes take. */
export interface ClassMetricOptions {
  /** Targets of this value are not counted; default -100. */
  readonly ignoreIndex?: number;
  /** One channel: the probability (sigmoid) above which a pixel is foreground; default 0.5. */
  readonly threshold?: number;
}

/** Checks the options of {@link ClassMetricOptions} and fills in defaults. */
export function classOptions(name: string, options: ClassMetricOptions): Required<ClassMetricOptions> {
  const { ignoreIndex = -100, threshold = 0.5 } = options;
  checkNumber(`${name}: ignoreIndex`, ignoreIndex, { integer: true });
  checkNumber(`${name}: threshold`, threshold, { above: 0, below: 1 });
  return { ignoreIndex, threshold };
}

/** Logits [N, C, ...] and class indices [N, ...] brought into one form. */
export interface Classification {
  /** float [N, C, P] with C >= 2. */
  readonly logits: Tensor;
  /** int32 [N, P]; ignored targets are -1. */
  readonly target: Tensor;
  readonly classes: number;
  /** One channel only: bool [N, P], predicted as foreground. */
  readonly foreground: Tensor | undefined;
}

/**
 * Checks that logits and class targets fit. One output channel means two classes: foreground (1) where the logit is
 * greater than that of the threshold (0 for 0.5, and exactly there it is background); its target may be [N, ...] or
 * [N, 1, ...], and where it is floating point it is cut at 0.5.
 * @throws ShapeError naming both shapes
 */
export function classification(
  name: string,
  output: Tensor,
  target: Tensor,
  { ignoreIndex, threshold }: Required<ClassMetricOptions>,
): Classification {
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
  const indices = (isFloat(target.dtype) ? apply('floor', [target.add(0.5)], {}) : target)
    .cast('int32')
    .reshape([n!, points]);
  const ignored = apply('equal', [indices, full([], ignoreIndex, 'int32')], {});
  const cut = logitOf(threshold);
  return {
    // Class 0 is given the threshold's logit: the other one wins where its logit is greater.
    logits: c === 1 ? apply('concat', [full([n!, 1, points], cut, output.dtype), flat], { axis: 1 }) : flat,
    target: apply('where', [ignored, full([], -1, 'int32'), indices], {}),
    classes: Math.max(2, c!),
    foreground: c === 1 ? apply('less', [full([], cut, output.dtype), flat.reshape([n!, points])], {}) : undefined,
  };
}

/** The logit whose sigmoid is `probability`. */
export const logitOf = (probability: number): number => Math.log(probability / (1 - probability));

/** The index of the largest logit, the first of equals; int32 [N, P]. */
export const predicted = ({ logits }: Classification): Tensor => apply('argmax', [logits], { axis: 1 });

/** Bool [N, P]: the target is one of the classes. */
export function valid({ target, classes }: Classification): Tensor {
  const low = apply('lessEqual', [full([], 0, 'int32'), target], {});
  return apply('and', [low, apply('less', [target, full([], classes, 'int32')], {})], {});
}

/** Bool [N, P]: the target is this class. */
export const isClass = ({ target }: Pick<Classification, 'target'>, number: number): Tensor =>
  apply('equal', [target, full([], number, 'int32')], {});

/** Number of true elements, int32 scalar. */
export const countTrue = (condition: Tensor): Tensor => condition.cast('int32').sum();

/** Number of true elements in each row of [N, P]: float32 [N], exact up to 2^24. */
export const countRows = (condition: Tensor): Tensor => condition.cast('float32').sum([1]);

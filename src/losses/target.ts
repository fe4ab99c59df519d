import { isFloat } from '../tensor/dtype.js';
import { apply, full, type Tensor, tensor } from '../tensor/node.js';
import { formatShape, numel, type Shape, ShapeError, sameShape } from '../tensor/shape.js';

/**
 * How a target belongs to an output [N, C, ...]:
 * - `binary`: one channel, target [N, ...] or [N, 1, ...] of 0 and 1 (integers), or of numbers from 0 to 1;
 * - `multiclass`: several channels, target [N, ...] of class numbers, one class for each place;
 * - `multilabel`: target of the output's own shape, each channel a yes or no of its own.
 */
export type TargetMode = 'binary' | 'multiclass' | 'multilabel';

/** A target brought into the shape and dtype of the output. */
export interface FittedTarget {
  readonly mode: TargetMode;
  /** Shape and dtype of the output: 1 for foreground (or the class of the channel); 0 where ignored. */
  readonly truth: Tensor;
  /** Bool, broadcasts to the output: false where the target is the ignored value. Absent if nothing can be ignored. */
  readonly counted: Tensor | undefined;
  /** The target is floating point: it may lie between 0 and 1. */
  readonly soft: boolean;
  /** Floating-point scalar: how many integer targets are no class (and not ignored). Absent for soft targets. */
  readonly invalid: Tensor | undefined;
}

/**
 * Reads a target as labels of an output.
 * @throws ShapeError naming both shapes if they do not belong together
 */
export function fitTarget(name: string, output: Tensor, target: Tensor, ignoreIndex?: number): FittedTarget {
  const { mode, shape } = modeOf(name, output, target);
  const soft = isFloat(target.dtype);
  const placed = (soft ? target.cast(output.dtype) : target.cast('int32')).reshape(shape);
  const scalar = (value: number) => full([], value, placed.dtype);
  const counted =
    ignoreIndex === undefined ? undefined : apply('not', [apply('equal', [placed, scalar(ignoreIndex)], {})], {});
  const classes = mode === 'multiclass' ? output.shape[1]! : 2;
  const invalid = soft ? undefined : countInvalid(placed, classes, counted, output);
  if (mode === 'multiclass') {
    const column = [classes, ...output.shape.slice(2).map(() => 1)];
    const numbers = tensor(
      Int32Array.from({ length: classes }, (_, c) => c),
      column,
    );
    const same = apply('equal', [placed, numbers], {});
    const ignoresClass = ignoreIndex !== undefined && ignoreIndex >= 0 && ignoreIndex < classes;
    const truth = ignoresClass ? apply('and', [same, counted!], {}) : same;
    return { mode, truth: truth.cast(output.dtype), counted, soft, invalid };
  }
  const values = placed.cast(output.dtype);
  const truth = counted ? apply('where', [counted, values, full([], 0, output.dtype)], {}) : values;
  return { mode, truth, counted, soft, invalid };
}

function modeOf(name: string, output: Tensor, target: Tensor): { mode: TargetMode; shape: Shape } {
  const [n, channels] = output.shape;
  const rest = output.shape.slice(2);
  const places = sameShape(target.shape, [n!, ...rest]) && output.rank >= 2;
  const one = channels === 1 && output.rank >= 2;
  if (sameShape(output.shape, target.shape)) return { mode: one ? 'binary' : 'multilabel', shape: output.shape };
  if (one && places) return { mode: 'binary', shape: output.shape };
  if (!places)
    throw new ShapeError(
      `${name}: the output is ${formatShape(output.shape)} and the target ${formatShape(target.shape)}; they must have the same shape, or the target is a map of class numbers without the channel axis`,
    );
  if (isFloat(target.dtype))
    throw new ShapeError(
      `${name}: class numbers for an output ${formatShape(output.shape)} must be integers, got ${target.dtype}${formatShape(target.shape)}`,
    );
  return { mode: 'multiclass', shape: [n!, 1, ...rest] };
}

function countInvalid(target: Tensor, classes: number, counted: Tensor | undefined, output: Tensor): Tensor {
  const low = apply('less', [target, full([], 0, 'int32')], {});
  const high = apply('less', [full([], classes - 1, 'int32'), target], {});
  const outside = apply('or', [low, high], {});
  return (counted ? apply('and', [outside, counted], {}) : outside).cast(output.dtype).sum();
}

/**
 * The loss, or NaN if an integer target is no class: training then stops and says so, instead of learning nonsense
 * (as cross-entropy does).
 */
export function refuseInvalid(loss: Tensor, { invalid }: FittedTarget): Tensor {
  if (!invalid) return loss;
  const good = apply('equal', [invalid, full([], 0, invalid.dtype)], {}).cast(loss.dtype);
  return loss.add(full([], 0, loss.dtype).div(good));
}

/** Output, truth and what counts as [N, C, P] with the places side by side. */
export interface Pixels extends FittedTarget {
  readonly output: Tensor;
  readonly classes: number;
}

/** {@link fitTarget} for losses over pixels: everything reshaped to [N, C, P] (`counted` to [N, 1 or C, P]). */
export function pixels(name: string, output: Tensor, target: Tensor, ignoreIndex?: number): Pixels {
  if (output.rank < 2) throw new ShapeError(`${name}: takes outputs [N, C, ...], got ${formatShape(output.shape)}`);
  if (!isFloat(output.dtype)) throw new ShapeError(`${name}: takes floating-point outputs, got ${output.dtype}`);
  const fitted = fitTarget(name, output, target, ignoreIndex);
  const [n, classes] = output.shape as [number, number];
  const points = numel(output.shape.slice(2));
  const flat = (t: Tensor) => t.reshape([n, t.shape[1]!, points]);
  return {
    ...fitted,
    output: flat(output),
    truth: flat(fitted.truth),
    counted: fitted.counted && flat(fitted.counted),
    classes,
  };
}

/** Probabilities [N, C, P]: softmax over classes that exclude each other, sigmoid otherwise. */
export function probabilities({ mode, output }: Pixels, logits: boolean): Tensor {
  if (!logits) return output;
  return mode === 'multiclass' ? apply('softmax', [output], { axis: 1 }) : apply('sigmoid', [output], {});
}

/** `values` where they count, 0 elsewhere. */
export const onlyCounted = (values: Tensor, { counted }: Pick<FittedTarget, 'counted'>): Tensor =>
  counted ? values.mul(counted.cast(values.dtype)) : values;

/** Sums over pixels: [C] over the whole batch, or [N, C] for each image. */
export function sumPixels(values: Tensor, perImage: boolean): Tensor {
  if (perImage) return values.sum([2]);
  // One channel: a sum over everything, which joins the pass that makes the values.
  return values.shape[1] === 1 ? values.sum().reshape([1]) : values.sum([0, 2]);
}

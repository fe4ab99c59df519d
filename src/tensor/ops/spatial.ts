import { isFloat } from '../dtype.js';
import { formatShape, type Shape, type TensorType } from '../shape.js';
import type { ShapeContext } from './define.js';
import type { Pair } from './signatures.js';

/** Checks and index arithmetic that convolution, pooling, normalisation and resizing share. */

export const AXIS_NAMES = ['height', 'width'] as const;

/** Fails unless every input has the floating-point dtype of the first one. */
export function requireFloat(inputs: readonly TensorType[], context: ShapeContext): void {
  const dtype = inputs[0]!.dtype;
  if (!isFloat(dtype)) context.fail(`takes floating-point values, not ${dtype}; cast first`);
  for (const t of inputs)
    if (t.dtype !== dtype) context.fail(`inputs have different dtypes (${dtype} and ${t.dtype}); cast one of them`);
}

/** Fails unless `t` is `[N, C, H, W]` with at least one channel, row and column. */
export function requireImage(t: TensorType, what: string, context: ShapeContext): void {
  if (t.shape.length !== 4) context.fail(`${what} must be [N, C, H, W], not ${formatShape(t.shape)}`);
  if (t.shape.slice(1).some((d) => d < 1)) context.fail(`${what} ${formatShape(t.shape)} has an empty axis`);
}

/** Fails unless both entries of an attribute are integers of at least `least`. */
export function requirePair(pair: Pair, least: number, what: string, context: ShapeContext): void {
  if (pair.length !== 2 || pair.some((v) => !Number.isInteger(v) || v < least))
    context.fail(`${what} must be two integers of at least ${least}, not ${formatShape(pair)}`);
}

export function requireShape(t: TensorType, expected: Shape, what: string, context: ShapeContext): void {
  if (t.shape.length !== expected.length || t.shape.some((d, i) => d !== expected[i]))
    context.fail(`${what} must be ${formatShape(expected)}, not ${formatShape(t.shape)}`);
}

/**
 * The outputs `from <= o < to` whose tap `o * stride + offset` lies inside `0..size-1`, where
 * `offset = tap * dilation - padding`. Hoisting it keeps bounds checks out of the inner loops.
 */
export function tapRange(size: number, outputs: number, stride: number, offset: number): readonly [number, number] {
  const from = offset < 0 ? Math.ceil(-offset / stride) : 0;
  const to = Math.min(outputs, Math.floor((size - 1 - offset) / stride) + 1);
  return [from, Math.max(from, to)];
}

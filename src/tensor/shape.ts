import { type DType, dtypeOf, type TypedArray } from './dtype.js';

/** Sizes of the axes, outermost first. `[]` is a scalar. Images are `[N, C, H, W]`. */
export type Shape = readonly number[];

/** What is known of a tensor before it has values. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Values in plain row-major order. */
export interface HostTensor extends TensorType {
  readonly data: TypedArray;
}

/** A shape, dtype or attribute that an operation cannot take. The message names the operation, the layer and the shapes. */
export class ShapeError extends Error {
  override name = 'ShapeError';
}

export const numel = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** The common shape of operands under NumPy's broadcasting rule, or undefined where they do not fit. */
export function broadcastShapes(...shapes: Shape[]): number[] | undefined {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const offset = rank - shape.length;
    for (let i = 0; i < shape.length; i++) {
      const d = shape[i]!;
      const o = out[offset + i]!;
      if (o === 1) out[offset + i] = d;
      else if (d !== 1 && d !== o) return undefined;
    }
  }
  return out;
}

/** Axes normalised to 0..rank-1, sorted, without repeats; negative axes count from the end. */
export function normaliseAxes(axes: readonly number[], rank: number, what: string): number[] {
  const out = axes.map((a) => {
    const axis = a < 0 ? a + rank : a;
    if (!Number.isInteger(axis) || axis < 0 || axis >= rank)
      throw new ShapeError(`${what}: axis ${a} does not exist in a tensor of rank ${rank}`);
    return axis;
  });
  const sorted = [...new Set(out)].sort((a, b) => a - b);
  if (sorted.length !== out.length) throw new ShapeError(`${what}: an axis is named twice in [${axes.join(', ')}]`);
  return sorted;
}

/** Output size of a sliding window along one axis (PyTorch's formula), without ceil mode. */
export function windowOutput(size: number, kernel: number, stride: number, padding: number, dilation = 1): number {
  return Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** Wraps plain values as a host tensor. Throws if the count does not match the shape. */
export function hostTensor(data: TypedArray, shape: Shape, dtype: DType = dtypeOf(data)): HostTensor {
  if (numel(shape) !== data.length)
    throw new ShapeError(`${data.length} values do not fill a tensor of shape ${formatShape(shape)}`);
  return { data, shape: [...shape], dtype };
}

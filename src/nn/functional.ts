import { apply, full, lift, type Operand, type Tensor } from '../tensor/node.js';
import type { Pair } from '../tensor/ops/signatures.js';
import { layerPath } from '../tensor/scope.js';
import { formatShape, normaliseAxes, numel, ShapeError } from '../tensor/shape.js';
import { type PairLike, pair } from './pair.js';
import { currentRng, currentTrace, streamOf, type Trace } from './trace.js';

export interface ConvOptions {
  /** Default 1. */
  readonly stride?: PairLike;
  /** Zeros around the image; default 0. `'same'` keeps height and width (stride 1 only). */
  readonly padding?: PairLike | 'same';
  /** Default 1. */
  readonly dilation?: PairLike;
  /** Default 1. */
  readonly groups?: number;
}

/** x [N, I, H, W], weight [O, I/groups, kH, kW], bias [O] -> [N, O, H', W'] (cross-correlation, as everywhere). */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const attrs = { stride: pair(stride), dilation: pair(dilation), groups };
  const inputs = (image: Tensor) => (bias ? [image, weight, bias] : [image, weight]);
  if (padding !== 'same') return apply('conv2d', inputs(x), { ...attrs, padding: pair(padding) });

  if (attrs.stride[0] !== 1 || attrs.stride[1] !== 1)
    throw new ShapeError(`conv2d: padding "same" needs stride 1, got ${formatShape(attrs.stride)}`);
  const total = [0, 1].map((i) => attrs.dilation[i]! * (weight.shape[2 + i]! - 1)) as [number, number];
  const low: Pair = [Math.floor(total[0] / 2), Math.floor(total[1] / 2)];
  // Where the total is odd, one more row or column is needed at the end, as in PyTorch.
  const extra: Pair = [total[0] - 2 * low[0], total[1] - 2 * low[1]];
  const padded = extra[0] + extra[1] === 0 ? x : pad(x, [0, extra[1], 0, extra[0]]);
  return apply('conv2d', inputs(padded), { ...attrs, padding: low });
}

export interface ConvTransposeOptions {
  /** Default 1. */
  readonly stride?: PairLike;
  /** Rows and columns cut off the output on each side; default 0. */
  readonly padding?: PairLike;
  /** Added at the end of the output, less than stride or dilation; default 0. */
  readonly outputPadding?: PairLike;
  /** Default 1. */
  readonly dilation?: PairLike;
  /** Default 1. */
  readonly groups?: number;
}

/** x [N, I, H, W], weight [I, O/groups, kH, kW], bias [O] -> [N, O, H', W'] */
export function convTranspose2d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvTransposeOptions = {}): Tensor {
  const { stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1 } = options;
  return apply('convTranspose2d', bias ? [x, weight, bias] : [x, weight], {
    stride: pair(stride),
    padding: pair(padding),
    outputPadding: pair(outputPadding),
    dilation: pair(dilation),
    groups,
  });
}

/** x [..., I], weight [O, I], bias [O] -> x weight' + bias, [..., O] */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const inputs = (rows: Tensor) => (bias ? [rows, weight, bias] : [rows, weight]);
  const product = (rows: Tensor) => apply('matmul', inputs(rows), { transposeA: false, transposeB: true });
  if (x.rank === 2) return product(x);
  if (x.rank === 0) throw new ShapeError('linear: takes [..., features], got a scalar');
  const features = x.shape[x.rank - 1]!;
  const rows = x.reshape([numel(x.shape.slice(0, -1)), features]);
  return product(rows).reshape([...x.shape.slice(0, -1), weight.shape[0]!]);
}

export interface MaxPoolOptions {
  readonly kernel: PairLike;
  /** Default: the kernel. */
  readonly stride?: PairLike;
  /** Default 0. */
  readonly padding?: PairLike;
  /** Default 1. */
  readonly dilation?: PairLike;
  /** Round the output size up; default false. */
  readonly ceilMode?: boolean;
}

/** Largest value of each window, [N, C, H, W] -> [N, C, H', W'] */
export function maxPool2d(x: Tensor, options: MaxPoolOptions): Tensor {
  const { kernel, stride = kernel, padding = 0, dilation = 1, ceilMode = false } = options;
  return apply('maxPool2d', [x], {
    kernel: pair(kernel),
    stride: pair(stride),
    padding: pair(padding),
    dilation: pair(dilation),
    ceilMode,
  });
}

export interface AvgPoolOptions {
  readonly kernel: PairLike;
  /** Default: the kernel. */
  readonly stride?: PairLike;
  /** Default 0. */
  readonly padding?: PairLike;
  /** Round the output size up; default false. */
  readonly ceilMode?: boolean;
  /** Whether padded zeros count in the divisor; default true. */
  readonly countIncludePad?: boolean;
}

/** Mean of each window, [N, C, H, W] -> [N, C, H', W'] */
export function avgPool2d(x: Tensor, options: AvgPoolOptions): Tensor {
  const { kernel, stride = kernel, padding = 0, ceilMode = false, countIncludePad = true } = options;
  return apply('avgPool2d', [x], {
    kernel: pair(kernel),
    stride: pair(stride),
    padding: pair(padding),
    ceilMode,
    countIncludePad,
  });
}

/** Means over windows that tile the image, whatever its size: [N, C, H, W] -> [N, C, size] */
export const adaptiveAvgPool2d = (x: Tensor, size: PairLike): Tensor =>
  apply('adaptiveAvgPool2d', [x], { size: pair(size) });

/** Mean over height and width: [N, C, H, W] -> [N, C, 1, 1] */
export const globalAvgPool2d = (x: Tensor): Tensor => adaptiveAvgPool2d(x, 1);

export interface LocalResponseNormOptions {
  /** Number of neighbouring channels. */
  readonly size: number;
  /** Default 1e-4. */
  readonly alpha?: number;
  /** Default 0.75. */
  readonly beta?: number;
  /** Default 1. */
  readonly k?: number;
}

/** x / (k + alpha * mean of squares over `size` channels)^beta (Krizhevsky et al. 2012, as in PyTorch). */
export function localResponseNorm(x: Tensor, options: LocalResponseNormOptions): Tensor {
  const { size, alpha = 1e-4, beta = 0.75, k = 1 } = options;
  return apply('localResponseNorm', [x], { size, alpha, beta, k });
}

/** How often each layer has drawn random numbers in a trace. */
const draws = new WeakMap<Trace, Map<string, number>>();

/**
 * Zeroes each element with probability `p` and scales the rest by 1 / (1 - p). The mask depends on the trace's random
 * key, the layer's path and how often that layer has drawn before.
 */
export function dropout(x: Tensor, { p = 0.5, training = true } = {}): Tensor {
  if (!training || p === 0) return x;
  if (p === 1) return full(x.shape, 0, x.dtype);
  const path = layerPath();
  const trace = currentTrace();
  let call = 0;
  if (trace) {
    const counts = draws.get(trace) ?? new Map<string, number>();
    draws.set(trace, counts);
    call = counts.get(path) ?? 0;
    counts.set(path, call + 1);
  }
  return apply('dropout', [x, currentRng()], { p, stream: streamOf(`${path}#dropout${call}`) });
}

export const relu = (x: Tensor): Tensor => apply('relu', [x], {});
export const tanh = (x: Tensor): Tensor => apply('tanh', [x], {});
export const sigmoid = (x: Tensor): Tensor => apply('sigmoid', [x], {});
/** log(1 + e^x) */
export const softplus = (x: Tensor): Tensor => apply('softplus', [x], {});
export const exp = (x: Tensor): Tensor => apply('exp', [x], {});
export const log = (x: Tensor): Tensor => apply('log', [x], {});
export const sqrt = (x: Tensor): Tensor => apply('sqrt', [x], {});
export const abs = (x: Tensor): Tensor => apply('abs', [x], {});

/** x where it is positive, else slope * x; the gradient at 0 is the slope. */
export function leakyRelu(x: Tensor, { negativeSlope = 0.01 } = {}): Tensor {
  const positive = apply('less', [full([], 0, x.dtype), x], {});
  return apply('where', [positive, x, x.mul(negativeSlope)], {});
}

/** e^x / sum e^x along an axis (default: 1, the channels). */
export const softmax = (x: Tensor, { axis = 1 } = {}): Tensor =>
  apply('softmax', [x], { axis: oneAxis(axis, x, 'softmax') });

/** Logarithm of softmax along an axis (default: 1, the channels). */
export const logSoftmax = (x: Tensor, { axis = 1 } = {}): Tensor =>
  apply('logSoftmax', [x], { axis: oneAxis(axis, x, 'logSoftmax') });

/** Larger of two, element by element. */
export const maximum = (a: Tensor, b: Operand): Tensor => apply('maximum', [a, lift(b, a.dtype)], {});
/** Smaller of two, element by element. */
export const minimum = (a: Tensor, b: Operand): Tensor => apply('minimum', [a, lift(b, a.dtype)], {});
/** Values below `low` become `low`, above `high` become `high`. */
export const clamp = (x: Tensor, low: number, high: number): Tensor => minimum(maximum(x, low), high);
/** a where the bool condition holds, else b. */
export const where = (condition: Tensor, a: Tensor, b: Operand): Tensor =>
  apply('where', [condition, a, lift(b, a.dtype)], {});

/** Tensors joined along an axis (default: 1, the channels). */
export function cat(tensors: readonly Tensor[], { axis = 1 } = {}): Tensor {
  const first = tensors[0];
  if (!first) throw new ShapeError('cat: there is nothing to join, give at least one tensor');
  return apply('concat', tensors, { axis: oneAxis(axis, first, 'cat') });
}

/**
 * Adds elements of `value` around the last axes, innermost axis first as in PyTorch: `[left, right, top, bottom]`.
 * Negative widths cut off.
 */
export function pad(x: Tensor, widths: readonly number[], { value = 0 } = {}): Tensor {
  if (widths.length % 2 !== 0 || widths.length > 2 * x.rank || !widths.every(Number.isInteger))
    throw new ShapeError(
      `pad: ${formatShape(x.shape)} takes pairs of whole numbers, innermost axis first, got [${widths.join(', ')}]`,
    );
  const low = x.shape.map(() => 0);
  const high = x.shape.map(() => 0);
  for (let i = 0; i < widths.length; i += 2) {
    low[x.rank - 1 - i / 2] = widths[i]!;
    high[x.rank - 1 - i / 2] = widths[i + 1]!;
  }
  let y = x;
  if (widths.some((w) => w < 0))
    y = slice(
      y,
      low.map((w) => Math.max(0, -w)),
      x.shape.map((d, i) => d - Math.max(0, -high[i]!)),
    );
  if (widths.every((w) => w <= 0)) return y;
  const grow = (w: number[]) => w.map((v) => Math.max(0, v));
  return apply('pad', [y], { low: grow(low), high: grow(high), interior: x.shape.map(() => 0), value });
}

/** Elements start <= index < stop of every axis. */
export const slice = (x: Tensor, start: readonly number[], stop: readonly number[], step?: readonly number[]): Tensor =>
  apply('slice', [x], { start, stop, step: step ?? x.shape.map(() => 1) });

/** The middle height x width of images [N, C, H, W]. */
export function centerCrop(x: Tensor, size: PairLike): Tensor {
  const [h, w] = pair(size);
  const [n, c, height, width] = x.shape;
  if (x.rank !== 4 || h > height! || w > width!)
    throw new ShapeError(`centerCrop: cannot cut ${h}x${w} out of ${formatShape(x.shape)}`);
  const top = Math.floor((height! - h) / 2);
  const left = Math.floor((width! - w) / 2);
  return slice(x, [0, 0, top, left], [n!, c!, top + h, left + w]);
}

/** Axes `start` to `end` joined into one; by default all but the batch. */
export function flatten(x: Tensor, { start = 1, end = -1 } = {}): Tensor {
  const first = oneAxis(start, x, 'flatten');
  const last = oneAxis(end, x, 'flatten');
  if (last < first) throw new ShapeError(`flatten: axis ${end} comes before axis ${start} in ${formatShape(x.shape)}`);
  const { shape } = x;
  return x.reshape([...shape.slice(0, first), numel(shape.slice(first, last + 1)), ...shape.slice(last + 1)]);
}

export interface InterpolateOptions {
  /** Output height and width. Give either this or `scale`. */
  readonly size?: PairLike;
  /** Output size = floor(input size * scale). */
  readonly scale?: PairLike;
  /** Default 'nearest'. */
  readonly mode?: 'nearest' | 'bilinear';
  /** For bilinear: corner pixels map onto each other; default false. */
  readonly alignCorners?: boolean;
}

/**
 * Resizes images [N, C, H, W]. Coordinates follow the ratio of the sizes (for a scale that does not give whole sizes,
 * PyTorch does so with `recompute_scale_factor=True`).
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const { size, scale, mode = 'nearest', alignCorners = false } = options;
  if ((size === undefined) === (scale === undefined))
    throw new ShapeError('interpolate: give either size or scale, one of the two');
  if (x.rank !== 4) throw new ShapeError(`interpolate: takes images [N, C, H, W], got ${formatShape(x.shape)}`);
  const factor = pair(scale ?? 1);
  const target: Pair =
    size === undefined ? [Math.floor(x.shape[2]! * factor[0]), Math.floor(x.shape[3]! * factor[1])] : pair(size);
  return apply('resize2d', [x], { mode, size: target, alignCorners });
}

const oneAxis = (axis: number, x: Tensor, what: string): number => normaliseAxes([axis], x.rank, what)[0]!;

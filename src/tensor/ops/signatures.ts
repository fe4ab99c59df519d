import type { DType, TypedArray } from '../dtype.js';

/** A pair along height and width. */
export type Pair = readonly [number, number];

/** Window of `conv2d`; padding is symmetric and filled with zeros. */
export interface ConvAttrs {
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
}
export interface MaxPoolAttrs {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  /** Round the output size up instead of down; a window must still start inside the input or its left padding. */
  readonly ceilMode: boolean;
}
export interface AvgPoolAttrs {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly ceilMode: boolean;
  /** Whether padded zeros count in the divisor (PyTorch's default is true). */
  readonly countIncludePad: boolean;
}
export interface LrnAttrs {
  /** Number of neighbouring channels. */
  readonly size: number;
  /** Multiplies the *mean* of squares over the window, as in PyTorch. */
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;
}
export interface ResizeAttrs {
  readonly mode: 'nearest' | 'bilinear';
  /** Output height and width. */
  readonly size: Pair;
  /** For bilinear: corner pixels map onto each other. PyTorch's default is false. */
  readonly alignCorners: boolean;
}
export interface CrossEntropyAttrs {
  readonly labelSmoothing: number;
  /** Targets of this value add neither loss nor gradient. PyTorch's default is -100. */
  readonly ignoreIndex: number;
  /** `mean` divides by the sum of the weights of the targets that count, as in PyTorch. */
  readonly reduction: 'mean' | 'sum' | 'none';
}
type None = Readonly<Record<never, never>>;
export interface Reduction {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/**
 * Every operation and its attributes: the op union. Inputs and outputs are named in the comments; `?` marks an
 * input that may be left out (always the last). Images are NCHW. Element-wise operations broadcast like NumPy.
 */
export interface OpAttrs {
  // Sources
  /** A value given anew on each run. */
  input: { readonly name: string; readonly shape: readonly number[]; readonly dtype: DType };
  /** A value that lives in the device store (parameter, running statistic, optimizer slot). */
  state: { readonly name: string; readonly shape: readonly number[]; readonly dtype: DType };
  /** Literal values, row-major. Meant for small data; large data goes in as `input`. */
  constant: { readonly shape: readonly number[]; readonly dtype: DType; readonly data: TypedArray };
  /** One number everywhere. */
  full: { readonly shape: readonly number[]; readonly dtype: DType; readonly value: number };
  /** Counter-based random float32 numbers from `(rng)`, int32 [2]: the same key, stream and index give the same number on every backend. `uniform` is in [0, 1), `normal` has mean 0 and variance 1. */
  random: { readonly shape: readonly number[]; readonly distribution: 'uniform' | 'normal'; readonly stream: number };

  // Element-wise, (x) -> y
  neg: None;
  abs: None;
  /** -1, 0 or 1. */
  sign: None;
  exp: None;
  log: None;
  sqrt: None;
  reciprocal: None;
  floor: None;
  tanh: None;
  sigmoid: None;
  relu: None;
  /** log(1 + e^x), without overflow. */
  softplus: None;
  /** Bool: neither infinite nor NaN. */
  isFinite: None;
  /** Bool to bool. */
  not: None;
  cast: { readonly dtype: DType };

  // Element-wise with broadcasting, (a, b) -> y of one dtype
  add: None;
  sub: None;
  mul: None;
  div: None;
  pow: None;
  maximum: None;
  minimum: None;
  // Comparisons, (a, b) -> bool
  equal: None;
  less: None;
  lessEqual: None;
  // (a, b) -> bool of bools
  and: None;
  or: None;
  /** (condition: bool, a, b) -> a where the condition holds, else b. */
  where: None;
  /** (x, z, posWeight?) -> elementwise -[p z log s(x) + (1 - z) log(1 - s(x))]; posWeight broadcasts. */
  bceWithLogits: None;
  /** (x, rng: int32 [2]) -> x * mask / (1 - p); the mask depends on rng, `stream` and the row-major index only. */
  dropout: { readonly p: number; readonly stream: number };

  // Shape
  broadcastTo: { readonly shape: readonly number[] };
  reshape: { readonly shape: readonly number[] };
  permute: { readonly axes: readonly number[] };
  /** start <= index < stop with a positive step, for every axis. */
  slice: { readonly start: readonly number[]; readonly stop: readonly number[]; readonly step: readonly number[] };
  /** `low`/`high` elements of `value` around each axis (>= 0) and `interior` between neighbours. */
  pad: {
    readonly low: readonly number[];
    readonly high: readonly number[];
    readonly interior: readonly number[];
    readonly value: number;
  };
  /** (x0, x1, ...) joined along `axis`. */
  concat: { readonly axis: number };

  // Reductions, (x) -> y; axes sorted, >= 0
  sum: Reduction;
  mean: Reduction;
  /** The gradient goes to the first largest element. */
  max: Reduction;
  /** int32 index of the first largest element; the axis is removed. */
  argmax: { readonly axis: number };
  /** Bool scalar: no element is infinite or NaN. */
  allFinite: None;
  /** (index: int) -> `dtype`, a new axis of size `classes` at `axis`; an index outside gives zeros. */
  oneHot: { readonly classes: number; readonly axis: number; readonly dtype: DType };
  softmax: { readonly axis: number };
  logSoftmax: { readonly axis: number };

  // Products
  /** (a [..., M, K], b [..., K, N], bias? [N]) -> [..., M, N]; leading axes broadcast; a transposed operand is given as [..., K, M] or [..., N, K]. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  /** (x [N, I, H, W], w [O, I/groups, kH, kW], bias? [O]) -> [N, O, H', W'] */
  conv2d: ConvAttrs;
  /** (x [N, I, H, W], w [I, O/groups, kH, kW], bias? [O]) -> [N, O, H', W']; also the input gradient of `conv2d`. outputPadding < max(stride, dilation). */
  convTranspose2d: ConvAttrs & { readonly outputPadding: Pair };
  /** (x [N, I, H, W], dy [N, O, H', W']) -> gradient of conv2d's w, [O, I/groups, kH, kW]. */
  conv2dWeightGrad: ConvAttrs & { readonly kernel: Pair };

  // Pooling
  maxPool2d: MaxPoolAttrs;
  /** (x, dy) -> dx: dy goes to the first largest element of each window (NaN counts as largest). */
  maxPool2dGrad: MaxPoolAttrs;
  avgPool2d: AvgPoolAttrs;
  /** (dy) -> dx of height and width `inputSize`. */
  avgPool2dGrad: AvgPoolAttrs & { readonly inputSize: Pair };
  adaptiveAvgPool2d: { readonly size: Pair };
  adaptiveAvgPool2dGrad: { readonly inputSize: Pair };

  // Normalisation
  /** (x [N, C, ...], gamma [C], beta [C]) -> y, mean [C], variance [C] (biased). */
  batchNorm: { readonly eps: number };
  /** (x, gamma, mean, variance, dy) -> dx, dgamma, dbeta. */
  batchNormGrad: { readonly eps: number };
  /** (x, gamma, beta, mean, variance) -> y. */
  batchNormInference: { readonly eps: number };
  /** (x) -> x / (k + alpha * mean of squares over `size` channels)^beta, zero-padded window as in PyTorch. */
  localResponseNorm: LrnAttrs;
  /** (x, dy) -> dx. */
  localResponseNormGrad: LrnAttrs;

  // Losses
  /** (logits [N, C, ...], target: int [N, ...], weight? [C]) -> loss, scalar or [N, ...] for reduction none. */
  crossEntropy: CrossEntropyAttrs;
  /** (logits, target, dloss, weight?) -> dlogits. */
  crossEntropyGrad: CrossEntropyAttrs;
  /** (errors [R, P], foreground: bool [R, P], counted?: bool [R, P]) -> g [R, P]: <errors, g> is the Lovasz extension of each row's Jaccard loss. */
  lovaszWeights: None;

  // Resampling of [N, C, H, W]
  resize2d: ResizeAttrs;
  /** (dy) -> dx of height and width `inputSize`. */
  resize2dGrad: ResizeAttrs & { readonly inputSize: Pair };
}

export type OpName = keyof OpAttrs;

import { apply, full, type Tensor } from '../tensor/node.js';
import { formatShape, type Shape, ShapeError } from '../tensor/shape.js';
import { checkNumber } from '../util/check.js';
import type { Initializer } from './parameter.js';

/*
 * Initialisers with the semantics of torch.nn.init. Each gives a graph expression on counter-based random numbers, so
 * that the values are computed on the device and are the same on every backend.
 */

/** Every element is `value`. */
export const constant = (value: number): Initializer => {
  checkNumber('constant: value', value);
  return (shape) => full(shape, value);
};
export const zeros: Initializer = constant(0);
export const ones: Initializer = constant(1);

/** Even between `low` and `high` (default 0 and 1). */
export const uniform = (low = 0, high = 1): Initializer => {
  checkNumber('uniform: low', low);
  checkNumber('uniform: high', high, { min: low });
  return (_shape, random) =>
    random('uniform')
      .mul(high - low)
      .add(low);
};

/** Normal with the given mean and standard deviation (default 0 and 1). */
export const normal = (mean = 0, std = 1): Initializer => {
  checkNumber('normal: mean', mean);
  checkNumber('normal: std', std, { min: 0 });
  return (_shape, random) => random('normal').mul(std).add(mean);
};

export interface TruncNormalOptions {
  /** Default 0. */
  readonly mean?: number;
  /** Default 1. */
  readonly std?: number;
  /** Least value; default -2. */
  readonly low?: number;
  /** Greatest value; default 2. */
  readonly high?: number;
}

/**
 * Normal with mean and std, cut off at `low` and `high` (absolute values, not multiples of std, as in PyTorch's
 * `trunc_normal_`), by the inverse of the distribution function: sqrt(2) erfinv(uniform between the bounds' images).
 */
export const truncNormal = (options: TruncNormalOptions = {}): Initializer => {
  const { mean = 0, std = 1, low = -2, high = 2 } = options;
  checkNumber('truncNormal: mean', mean);
  checkNumber('truncNormal: std', std, { above: 0 });
  checkNumber('truncNormal: low', low);
  checkNumber('truncNormal: high', high, { above: low });
  // 2 cdf(x) - 1 = erf(z / sqrt 2), z = (x - mean) / std
  const [from, to] = [low, high].map((x) => erf((x - mean) / std / Math.SQRT2)) as [number, number];
  return (_shape, random) => {
    const u = random('uniform')
      .mul(to - from)
      .add(from);
    const x = erfinv(u)
      .mul(std * Math.SQRT2)
      .add(mean);
    return apply('minimum', [apply('maximum', [x, full([], low)], {}), full([], high)], {});
  };
};

export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leaky_relu';

/** Recommended factor of the standard deviation for what follows the layer (torch.nn.init.calculate_gain). */
export function gain(nonlinearity: Nonlinearity, negativeSlope = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leaky_relu':
      return Math.sqrt(2 / (1 + negativeSlope ** 2));
    default:
      throw new RangeError(`gain: unknown nonlinearity "${nonlinearity}"`);
  }
}

/**
 * Inputs and outputs of one unit: weight [out, in, ...receptive field]. For transposed convolutions, whose weight is
 * [in, out, ...], the two are swapped, as in PyTorch.
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2)
    throw new ShapeError(`fan in and fan out need a weight of at least two axes, got ${formatShape(shape)}`);
  const field = shape.slice(2).reduce((n, d) => n * d, 1);
  return { fanIn: shape[1]! * field, fanOut: shape[0]! * field };
}

export interface KaimingOptions {
  /** Negative slope of the leaky ReLU that follows (used only with `leaky_relu`); default 0. */
  readonly a?: number;
  /** Keep the variance forward ('fanIn', default) or backward. */
  readonly mode?: 'fanIn' | 'fanOut';
  /** Default 'leaky_relu' (with a = 0 the same as 'relu'). */
  readonly nonlinearity?: Nonlinearity;
}

const kaimingStd = (shape: Shape, { a = 0, mode = 'fanIn', nonlinearity = 'leaky_relu' }: KaimingOptions): number =>
  gain(nonlinearity, a) / Math.sqrt(fans(shape)[mode]);

/** Even in +-sqrt(3) gain / sqrt(fan) (He et al. 2015). */
export const kaimingUniform =
  (options: KaimingOptions = {}): Initializer =>
  (shape, random) => {
    const bound = Math.sqrt(3) * kaimingStd(shape, options);
    return uniform(-bound, bound)(shape, random);
  };

/** Normal with std gain / sqrt(fan) (He et al. 2015). */
export const kaimingNormal =
  (options: KaimingOptions = {}): Initializer =>
  (shape, random) =>
    normal(0, kaimingStd(shape, options))(shape, random);

const xavierStd = (shape: Shape, factor: number): number => {
  const { fanIn, fanOut } = fans(shape);
  return factor * Math.sqrt(2 / (fanIn + fanOut));
};

/** Even in +-gain sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010). */
export const xavierUniform =
  (factor = 1): Initializer =>
  (shape, random) => {
    const bound = Math.sqrt(3) * xavierStd(shape, factor);
    return uniform(-bound, bound)(shape, random);
  };

/** Normal with std gain sqrt(2 / (fan in + fan out)) (Glorot and Bengio 2010). */
export const xavierNormal =
  (factor = 1): Initializer =>
  (shape, random) =>
    normal(0, xavierStd(shape, factor))(shape, random);

/** PyTorch's default weight of linear and convolution layers: kaimingUniform with a = sqrt(5), that is +-1/sqrt(fan in). */
export const defaultWeight: Initializer = kaimingUniform({ a: Math.sqrt(5) });

/** PyTorch's default bias of a layer with weights of the given shape: even in +-1/sqrt(fan in). */
export const defaultBias = (weightShape: Shape): Initializer => {
  const { fanIn } = fans(weightShape);
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  return uniform(-bound, bound);
};

/** Error function in double: the series for small arguments, the continued fraction of erfc for large ones. */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    // erf z = 2/sqrt(pi) e^(-z^2) sum 2^n z^(2n+1) / (2n+1)!!
    let term = z;
    let sum = z;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * z * z) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
  }
  // erfc z = e^(-z^2) / sqrt(pi) * 1 / (z + (1/2) / (z + 1 / (z + (3/2) / (z + ...))))
  let fraction = z;
  for (let n = 60; n > 0; n--) fraction = z + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction);
}

/** Coefficients of Giles, "Approximating the erfinv function" (2010), single precision, highest power first. */
const CENTRE = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3,
  2.46640727e-1, 1.50140941,
];
const TAIL = [
  -2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3, 9.43887047e-3, 1.00167406,
  2.83297682,
];

/** Inverse of the error function for |x| < 1 as a graph, to single precision; +-1 count as the numbers next to them. */
export function erfinv(x: Tensor): Tensor {
  const polynomial = (coefficients: readonly number[], w: Tensor) =>
    coefficients.slice(1).reduce<Tensor>((sum, c) => sum.mul(w).add(c), full([], coefficients[0]!, x.dtype));
  const one = full([], 1, x.dtype);
  const square = apply('maximum', [one.sub(x).mul(one.add(x)), full([], 1e-7, x.dtype)], {});
  const w = apply('log', [square], {}).neg();
  const centre = polynomial(CENTRE, w.sub(2.5));
  const tail = polynomial(TAIL, apply('sqrt', [w], {}).sub(3));
  return apply('where', [apply('less', [w, full([], 5, x.dtype)], {}), centre, tail], {}).mul(x);
}

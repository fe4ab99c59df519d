import type { DType } from '../../src/tensor/dtype.js';
import type { CrossEntropyAttrs, OpAttrs, OpName } from '../../src/tensor/ops/signatures.js';
import { broadcastShapes, type HostTensor, numel } from '../../src/tensor/shape.js';
import { Draw } from './draw.js';
import { type Sample, spatialSamples } from './samplesSpatial.js';

export type { Sample } from './samplesSpatial.js';

type Rule<K extends OpName> = (draw: Draw) => Sample<K>;

const map =
  <K extends OpName>(values: (draw: Draw, shape: number[]) => HostTensor): Rule<K> =>
  (draw) => ({ inputs: [values(draw, draw.shape())], attrs: {} as OpAttrs[K] });

const pair =
  <K extends OpName>(a: (d: Draw, shape: number[]) => HostTensor, b = a): Rule<K> =>
  (draw) => {
    const [left, right] = draw.broadcasting();
    return { inputs: [a(draw, left), b(draw, right)], attrs: {} as OpAttrs[K] };
  };

const floats = (draw: Draw, shape: number[]) => draw.floats(shape);
const awayFromZero = (draw: Draw, shape: number[]) => draw.awayFromZero(shape);
const positive = (draw: Draw, shape: number[]) => draw.floats(shape, 0.3, 2.5);
/** Few different values, so that equality happens. */
const coarse = (draw: Draw, shape: number[]) => draw.of(shape, draw.dtype, () => draw.int(-2, 2));
const bools = (draw: Draw, shape: number[]) => draw.bools(shape);

/** Multiples of `grid` plus `offset`: operands with different offsets never come closer than those. */
const onGrid = (offset: number) => (draw: Draw, shape: number[]) =>
  draw.of(shape, draw.dtype, () => 0.5 * draw.int(-3, 3) + offset);

function withAxes(draw: Draw): { shape: number[]; axes: number[] } {
  const shape = draw.shape(0, 4);
  return { shape, axes: shape.map((_, i) => i).filter(() => draw.bool()) };
}

function reduction<K extends 'sum' | 'mean' | 'max'>(values: (draw: Draw, shape: number[]) => HostTensor): Rule<K> {
  return (draw) => {
    const { shape, axes } = withAxes(draw);
    return { inputs: [values(draw, shape)], attrs: { axes, keepDims: draw.bool() } as OpAttrs[K] };
  };
}

function alongAxis(draw: Draw): { shape: number[]; axis: number } {
  const shape = draw.shape(1, 4);
  return { shape, axis: draw.int(0, shape.length - 1) };
}

/** Logits, targets (some of them ignored, at least one not) and perhaps class weights. */
function classification(draw: Draw) {
  const [batch, classes] = draw.sizes(2, 2, 6) as [number, number];
  const rest = draw.sizes(draw.int(0, 2), 1, 3);
  const attrs: CrossEntropyAttrs = {
    labelSmoothing: draw.pick([0, 0, 0.1, 0.3]),
    ignoreIndex: draw.pick([-100, -1, 0, 255]),
    reduction: draw.pick(['mean', 'sum', 'none']),
  };
  const counted = attrs.ignoreIndex === 0 ? 1 : 0;
  const target = draw.of([batch, ...rest], 'int32', (i) =>
    i > 0 && draw.bool(0.2) ? attrs.ignoreIndex : draw.int(counted, classes - 1),
  );
  const logits = draw.floats([batch, classes, ...rest], -3, 3);
  const weight = draw.bool() ? [draw.floats([classes], 0.2, 2)] : [];
  const loss = draw.floats(attrs.reduction === 'none' ? target.shape : []);
  return { attrs, target, logits, weight, loss };
}

/** A non-finite value here and there. */
function spoiled(draw: Draw, shape: number[], probability: number): HostTensor {
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return draw.of(shape, draw.dtype, () => (draw.bool(probability) ? draw.pick(bad) : draw.unit()));
}

const CASTS: readonly (readonly [DType, DType])[] = [
  ['float32', 'float64'],
  ['float64', 'float32'],
  ['float32', 'int32'],
  ['int32', 'float32'],
  ['uint8', 'float32'],
  ['bool', 'float32'],
  ['float32', 'bool'],
  ['float32', 'uint8'],
  ['int32', 'bool'],
];

/**
 * A generator of random valid cases for every operation: asymmetric shapes, every attribute varied, values away from
 * kinks and ties where the operation has them (so that finite differences and other backends must agree).
 * Total over the op union: an operation without one does not compile.
 */
export const samples: { readonly [K in OpName]: Rule<K> } = {
  input: (draw) => ({ inputs: [], attrs: { name: 'x', shape: draw.shape(), dtype: draw.dtype } }),
  state: (draw) => ({ inputs: [], attrs: { name: 'w', shape: draw.shape(), dtype: draw.dtype } }),
  constant(draw) {
    const { shape, dtype, data } = draw.pick([floats, bools, coarse])(draw, draw.shape());
    return { inputs: [], attrs: { shape, dtype, data } };
  },
  full: (draw) => ({ inputs: [], attrs: { shape: draw.shape(), dtype: draw.dtype, value: draw.int(-3, 3) / 4 } }),
  random: (draw) => ({
    inputs: [draw.key()],
    attrs: { shape: draw.shape(), distribution: draw.pick(['uniform', 'normal']), stream: draw.int(0, 9) },
  }),

  neg: map(floats),
  abs: map(awayFromZero),
  sign: map(awayFromZero),
  exp: map(floats),
  log: map(positive),
  sqrt: map(positive),
  reciprocal: map((draw, shape) => draw.awayFromZero(shape, 0.4)),
  floor: map((draw, shape) => draw.of(shape, draw.dtype, () => draw.int(-3, 3) + 0.1 + 0.8 * draw.unit())),
  tanh: map(floats),
  sigmoid: map((draw, shape) => draw.floats(shape, -6, 6)),
  relu: map(awayFromZero),
  softplus: map((draw, shape) => draw.floats(shape, -6, 6)),
  isFinite: map((draw, shape) => spoiled(draw, shape, 0.4)),
  not: map(bools),
  cast(draw) {
    const [from, to] = draw.pick(CASTS);
    const least = from === 'int32' || (from === 'float32' && to !== 'uint8') ? -8 : 0;
    const most = from === 'bool' ? 1 : 8;
    // Sixteenths, so that steps of a quarter are exact in every floating-point dtype.
    const scale = from === 'float32' || from === 'float64' ? 16 : 1;
    const x = draw.of(draw.shape(), from, () => draw.int(least * scale, most * scale) / scale);
    return { inputs: [x], attrs: { dtype: to }, step: 0.25 };
  },

  add: pair(floats),
  sub: pair(floats),
  mul: pair(floats),
  div: pair(floats, (draw, shape) => draw.awayFromZero(shape, 0.4)),
  pow: pair(positive, floats),
  maximum: pair(onGrid(0), onGrid(0.2)),
  minimum: pair(onGrid(0), onGrid(0.2)),
  equal: pair(coarse),
  less: pair(coarse),
  lessEqual: pair(coarse),
  and: pair(bools),
  or: pair(bools),
  where(draw) {
    const shape = draw.shape();
    const shapes = draw.shuffle([shape, draw.narrowed(shape), draw.narrowed(shape)]);
    return { inputs: [draw.bools(shapes[0]!), draw.floats(shapes[1]!), draw.floats(shapes[2]!)], attrs: {} };
  },
  bceWithLogits(draw) {
    const shape = draw.shape();
    const z = draw.bool() ? draw.floats(shape, 0, 1) : draw.of(shape, draw.dtype, () => draw.int(0, 1));
    const weight = draw.bool() ? [draw.floats(draw.narrowed(shape), 0.3, 4)] : [];
    return { inputs: [draw.floats(shape, -4, 4), z, ...weight], attrs: {} };
  },
  dropout: (draw) => ({
    inputs: [draw.floats(draw.shape()), draw.key()],
    attrs: { p: draw.pick([0, 0.2, 0.5, 0.9]), stream: draw.int(0, 9) },
  }),

  broadcastTo(draw) {
    const shape = draw.shape();
    return { inputs: [draw.floats(draw.narrowed(shape))], attrs: { shape } };
  },
  reshape(draw) {
    const shape = draw.shape();
    const flat = numel(shape);
    const divisors = Array.from({ length: flat }, (_, i) => i + 1).filter((d) => flat % d === 0);
    const d = draw.pick(divisors);
    const target = draw.pick([[flat], [d, flat / d], [flat / d, 1, d], [...shape].reverse()]);
    return { inputs: [draw.floats(shape)], attrs: { shape: target } };
  },
  permute(draw) {
    const shape = draw.shape();
    return { inputs: [draw.floats(shape)], attrs: { axes: draw.shuffle(shape.map((_, i) => i)) } };
  },
  slice(draw) {
    const shape = draw.sizes(draw.int(0, 4), 1, 7);
    const start = shape.map((d) => draw.int(0, d - 1));
    const stop = shape.map((d, i) => draw.int(start[i]! + 1, d));
    return { inputs: [draw.floats(shape)], attrs: { start, stop, step: shape.map(() => draw.int(1, 3)) } };
  },
  pad(draw) {
    const shape = draw.shape();
    const some = () => shape.map(() => draw.int(0, 2));
    return {
      inputs: [draw.floats(shape)],
      attrs: { low: some(), high: some(), interior: some(), value: draw.pick([0, 0, -1.5]) },
    };
  },
  concat(draw) {
    const { shape, axis } = alongAxis(draw);
    const parts = Array.from({ length: draw.int(1, 4) }, () =>
      draw.floats(shape.map((d, i) => (i === axis ? draw.int(1, 4) : d))),
    );
    return { inputs: parts, attrs: { axis } };
  },

  sum: reduction(floats),
  mean: reduction(floats),
  max: reduction((draw, shape) => draw.distinct(shape)),
  argmax(draw) {
    const { shape, axis } = alongAxis(draw);
    return {
      inputs: [draw.pick([(s: number[]) => draw.distinct(s), (s: number[]) => coarse(draw, s)])(shape)],
      attrs: { axis },
    };
  },
  allFinite: map((draw, shape) => spoiled(draw, shape, draw.pick([0, 0.1]))),
  oneHot(draw) {
    const shape = draw.shape(0, 3);
    const classes = draw.int(2, 6);
    return {
      inputs: [draw.ints(shape, -1, classes)],
      attrs: { classes, axis: draw.int(0, shape.length), dtype: draw.dtype },
    };
  },
  softmax(draw) {
    const { shape, axis } = alongAxis(draw);
    return { inputs: [draw.floats(shape, -3, 3)], attrs: { axis } };
  },
  logSoftmax(draw) {
    const { shape, axis } = alongAxis(draw);
    return { inputs: [draw.floats(shape, -3, 3)], attrs: { axis } };
  },

  matmul(draw) {
    const [m, k, n] = draw.sizes(3, 1, 7) as [number, number, number];
    const [left, right] = draw.bool()
      ? [[], []]
      : (draw.broadcasting().map((s) => s.slice(-2)) as [number[], number[]]);
    const fits = broadcastShapes(left, right) !== undefined;
    const attrs = { transposeA: draw.bool(), transposeB: draw.bool() };
    const a = draw.floats([...left, ...(attrs.transposeA ? [k, m] : [m, k])]);
    const b = draw.floats([...(fits ? right : []), ...(attrs.transposeB ? [n, k] : [k, n])]);
    return { inputs: draw.bool() ? [a, b, draw.floats([n])] : [a, b], attrs };
  },

  ...spatialSamples,

  crossEntropy(draw) {
    const { attrs, logits, target, weight } = classification(draw);
    return { inputs: [logits, target, ...weight], attrs };
  },
  crossEntropyGrad(draw) {
    const { attrs, logits, target, weight, loss } = classification(draw);
    return { inputs: [logits, target, loss, ...weight], attrs };
  },
  lovaszWeights(draw) {
    const shape = [draw.int(1, 4), draw.int(1, 40)];
    const foreground = draw.of(shape, 'bool', () => Number(draw.bool(draw.pick([0, 0.3, 0.7]))));
    const counted = draw.bool() ? [draw.of(shape, 'bool', () => Number(draw.bool(0.8)))] : [];
    return { inputs: [draw.distinct(shape), foreground, ...counted], attrs: {} };
  },
};

/** The case that a seed stands for. */
export function sample<K extends OpName>(op: K, seed: number, dtype: 'float32' | 'float64' = 'float64'): Sample<K> {
  return (samples[op] as Rule<K>)(new Draw(seed, dtype));
}

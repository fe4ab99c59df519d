import { isFloat } from '../dtype.js';
import { apply, full, type Tensor } from '../node.js';
import { broadcastShapes } from '../shape.js';
import { expand, sumTo } from './broadcast.js';
import type { GradientContext, OpDef } from './define.js';
import type { OpName } from './signatures.js';

type UnaryName =
  | 'neg'
  | 'abs'
  | 'sign'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'reciprocal'
  | 'floor'
  | 'tanh'
  | 'sigmoid'
  | 'relu'
  | 'softplus';
type BinaryName = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'maximum' | 'minimum';
type CompareName = 'equal' | 'less' | 'lessEqual';

const STEPS = { notDifferentiable: 'its value moves in steps' } as const;

export const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** y = f(x), one float in, one float out. `slope` gives dx from (dy, x, y). */
function unary<K extends UnaryName>(
  doc: string,
  f: (x: number) => number,
  slope: ((dy: Tensor, x: Tensor, y: Tensor) => Tensor) | typeof STEPS,
): OpDef<K> {
  return {
    doc,
    arity: [1, 1],
    shape([x], _attrs, context) {
      if (!isFloat(x!.dtype) && x!.dtype !== 'int32') context.fail('takes numbers (cast it first)');
      return [x!];
    },
    gradient:
      typeof slope === 'function'
        ? ({ inputs, outputs, dy }: GradientContext<K>) => [slope(dy[0]!, inputs[0]!, outputs[0]!)]
        : slope,
    kernel([x], [y]) {
      const from = x!.data;
      const to = y!.data;
      for (let i = 0; i < to.length; i++) to[i] = f(from[i]!);
    },
  };
}

/** y = f(a, b) with broadcasting; `slopes` give da and db before they are summed back to their shapes. */
function binary<K extends BinaryName>(
  doc: string,
  f: (a: number, b: number) => number,
  slopes: readonly [
    (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor,
    (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor,
  ],
): OpDef<K> {
  return {
    doc,
    arity: [2, 2],
    shape([a, b], _attrs, context) {
      if (a!.dtype !== b!.dtype) context.fail('both sides must have one dtype (cast one of them)');
      if (a!.dtype === 'bool') context.fail('takes numbers (cast it first)');
      const shape = broadcastShapes(a!.shape, b!.shape) ?? context.fail('the shapes do not broadcast');
      return [{ shape, dtype: a!.dtype }];
    },
    gradient: ({ inputs: [a, b], outputs: [y], dy: [dy], wanted }) => [
      wanted[0] ? sumTo(slopes[0](dy!, a!, b!, y!), a!.shape) : undefined,
      wanted[1] ? sumTo(slopes[1](dy!, a!, b!, y!), b!.shape) : undefined,
    ],
    kernel([a, b], [y]) {
      const left = expand(a!, y!.shape);
      const right = expand(b!, y!.shape);
      const to = y!.data;
      for (let i = 0; i < to.length; i++) to[i] = f(left[i]!, right[i]!);
    },
  };
}

function compare<K extends CompareName | 'and' | 'or'>(
  doc: string,
  f: (a: number, b: number) => boolean,
  logical = false,
): OpDef<K> {
  return {
    doc,
    arity: [2, 2],
    shape([a, b], _attrs, context) {
      if (a!.dtype !== b!.dtype) context.fail('both sides must have one dtype (cast one of them)');
      if (logical && a!.dtype !== 'bool') context.fail('takes booleans');
      const shape = broadcastShapes(a!.shape, b!.shape) ?? context.fail('the shapes do not broadcast');
      return [{ shape, dtype: 'bool' }];
    },
    gradient: STEPS,
    kernel([a, b], [y]) {
      const left = expand(a!, y!.shape);
      const right = expand(b!, y!.shape);
      for (let i = 0; i < y!.data.length; i++) y!.data[i] = f(left[i]!, right[i]!) ? 1 : 0;
    },
  };
}

const op = (name: 'mul' | 'div' | 'sub' | 'equal' | 'less' | 'lessEqual', a: Tensor, b: Tensor) =>
  apply(name, [a, b], {});
const un = (name: UnaryName, x: Tensor) => apply(name, [x], {});

/** x, with 1 in the place of 0. */
const oneForZero = (x: Tensor) => apply('where', [op('equal', x, zero(x)), full([], 1, x.dtype), x], {});

/** Where the gradient of max(a, b) goes: to the larger, half to each of equals (as in PyTorch). */
const share = (dy: Tensor, winner: Tensor, loser: Tensor) =>
  dy.mul(
    op('less', loser, winner)
      .cast(dy.dtype)
      .add(op('equal', loser, winner).cast(dy.dtype).mul(0.5)),
  );

export const elementwiseOps = {
  neg: unary<'neg'>(
    '-x',
    (x) => -x,
    (dy) => dy.neg(),
  ),
  abs: unary<'abs'>('|x|; gradient 0 at 0', Math.abs, (dy, x) => dy.mul(un('sign', x))),
  sign: unary<'sign'>('-1, 0 or 1', (x) => (Number.isNaN(x) ? Number.NaN : x > 0 ? 1 : x < 0 ? -1 : 0), STEPS),
  exp: unary<'exp'>('e^x', Math.exp, (dy, _x, y) => dy.mul(y)),
  log: unary<'log'>('natural logarithm', Math.log, (dy, x) => dy.div(x)),
  sqrt: unary<'sqrt'>('square root', Math.sqrt, (dy, _x, y) => dy.mul(0.5).div(y)),
  reciprocal: unary<'reciprocal'>(
    '1 / x',
    (x) => 1 / x,
    (dy, _x, y) => dy.mul(y).mul(y).neg(),
  ),
  floor: unary<'floor'>('largest integer <= x', Math.floor, STEPS),
  tanh: unary<'tanh'>('hyperbolic tangent', Math.tanh, (dy, _x, y) => dy.mul(y.mul(y).neg().add(1))),
  sigmoid: unary<'sigmoid'>('1 / (1 + e^-x)', sigmoid, (dy, _x, y) => dy.mul(y).mul(y.neg().add(1))),
  // Written with y so that the input need not be kept; y > 0 exactly where x > 0.
  relu: unary<'relu'>(
    'max(x, 0); gradient 0 at 0, NaN stays NaN',
    (x) => Math.max(x, 0),
    (dy, _x, y) => apply('where', [op('less', zero(y), y), dy, zero(dy)], {}),
  ),
  softplus: unary<'softplus'>('log(1 + e^x)', softplus, (dy, x) => dy.mul(un('sigmoid', x))),

  add: binary<'add'>('a + b', (a, b) => a + b, [(dy) => dy, (dy) => dy]),
  sub: binary<'sub'>('a - b', (a, b) => a - b, [(dy) => dy, (dy) => dy.neg()]),
  mul: binary<'mul'>('a * b', (a, b) => a * b, [(dy, _a, b) => dy.mul(b), (dy, a) => dy.mul(a)]),
  div: binary<'div'>('a / b', (a, b) => a / b, [(dy, _a, b) => dy.div(b), (dy, _a, b, y) => dy.mul(y).div(b).neg()]),
  // At a = 0 the formulas would multiply 0 by infinity; as in PyTorch, da is 0 for b = 0, and db is 0.
  pow: binary<'pow'>('a^b', (a, b) => a ** b, [
    (dy, a, b) => dy.mul(b).mul(apply('pow', [a, oneForZero(b).sub(1)], {})),
    (dy, a, _b, y) => dy.mul(y).mul(un('log', oneForZero(a))),
  ]),
  maximum: binary<'maximum'>('the larger of a and b; NaN wins', (a, b) => Math.max(a, b), [
    (dy, a, b) => share(dy, a, b),
    (dy, a, b) => share(dy, b, a),
  ]),
  minimum: binary<'minimum'>('the smaller of a and b; NaN wins', (a, b) => Math.min(a, b), [
    (dy, a, b) => share(dy, a.neg(), b.neg()),
    (dy, a, b) => share(dy, b.neg(), a.neg()),
  ]),
  equal: compare<'equal'>('a == b', (a, b) => a === b),
  less: compare<'less'>('a < b', (a, b) => a < b),
  lessEqual: compare<'lessEqual'>('a <= b', (a, b) => a <= b),
  and: compare<'and'>('both', (a, b) => a !== 0 && b !== 0, true),
  or: compare<'or'>('either', (a, b) => a !== 0 || b !== 0, true),

  isFinite: {
    doc: 'whether x is neither infinite nor NaN',
    arity: [1, 1],
    shape: ([x]) => [{ shape: x!.shape, dtype: 'bool' }],
    gradient: STEPS,
    kernel([x], [y]) {
      for (let i = 0; i < y!.data.length; i++) y!.data[i] = Number.isFinite(x!.data[i]!) ? 1 : 0;
    },
  } satisfies OpDef<'isFinite'>,

  not: {
    doc: 'true where x is false',
    arity: [1, 1],
    shape([x], _attrs, context) {
      if (x!.dtype !== 'bool') context.fail('takes booleans');
      return [x!];
    },
    gradient: STEPS,
    kernel([x], [y]) {
      for (let i = 0; i < y!.data.length; i++) y!.data[i] = x!.data[i] === 0 ? 1 : 0;
    },
  } satisfies OpDef<'not'>,

  cast: {
    doc: 'the same values in another dtype: to integers by truncation, to bool by x != 0',
    arity: [1, 1],
    shape: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
    gradient: ({ inputs: [x], dy: [dy] }) => [isFloat(x!.dtype) && isFloat(dy!.dtype) ? dy!.cast(x!.dtype) : undefined],
    kernel([x], [y], { dtype }) {
      const from = x!.data;
      if (dtype === 'bool') for (let i = 0; i < from.length; i++) y!.data[i] = from[i] !== 0 ? 1 : 0;
      else y!.data.set(from);
    },
  } satisfies OpDef<'cast'>,

  where: {
    doc: 'a where the condition holds, else b',
    arity: [3, 3],
    shape([c, a, b], _attrs, context) {
      if (c!.dtype !== 'bool') context.fail('the condition must be bool');
      if (a!.dtype !== b!.dtype) context.fail('both branches must have one dtype');
      const shape = broadcastShapes(c!.shape, a!.shape, b!.shape) ?? context.fail('the shapes do not broadcast');
      return [{ shape, dtype: a!.dtype }];
    },
    gradient: ({ inputs: [c, a, b], dy: [dy], wanted }) => [
      undefined,
      wanted[1] ? sumTo(apply('where', [c!, dy!, zero(dy!)], {}), a!.shape) : undefined,
      wanted[2] ? sumTo(apply('where', [c!, zero(dy!), dy!], {}), b!.shape) : undefined,
    ],
    kernel([c, a, b], [y]) {
      const condition = expand(c!, y!.shape);
      const left = expand(a!, y!.shape);
      const right = expand(b!, y!.shape);
      for (let i = 0; i < y!.data.length; i++) y!.data[i] = condition[i] !== 0 ? left[i]! : right[i]!;
    },
  } satisfies OpDef<'where'>,
} satisfies { [K in OpName]?: OpDef<K> };

function zero(like: Tensor): Tensor {
  return apply('full', [], { shape: [], dtype: like.dtype, value: 0 });
}

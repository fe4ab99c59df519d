import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/tensor/autodiff.js';
import { apply, applyAll, constant, full, input, type Tensor } from '../../src/tensor/node.js';
import { withLayer } from '../../src/tensor/scope.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { valuesOf } from './evaluate.js';

const scalar = (value: number) => hostTensor(Float64Array.of(value), []);
const vector = (...values: number[]) => hostTensor(Float64Array.from(values), [values.length]);
const number = (t: Tensor, feeds = {}) => valuesOf([t], feeds)[0]!.data[0]!;
const op = (name: 'tanh' | 'exp' | 'relu' | 'sigmoid' | 'log', x: Tensor) => apply(name, [x], {});

describe('gradients', () => {
  // PyTorch in double precision (1.13):
  //   a = tensor(-0.75, dtype=float64, requires_grad=True); b = tensor(2.5, ...)
  //   c = a*b + tanh(a); d = c*a - b/c; c = c + c*d + relu(b - a); d = d + exp(c*0.1)*b + relu(a); e = d*d/(c + a*d)
  test('an expression that uses its variables again and again agrees with PyTorch', () => {
    const [a, b] = [input('a', [], 'float64'), input('b', [], 'float64')];
    let c = a.mul(b).add(op('tanh', a));
    let d = c.mul(a).sub(b.div(c));
    c = c.add(c.mul(d)).add(op('relu', b.sub(a)));
    d = d.add(op('exp', c.mul(0.1)).mul(b)).add(op('relu', a));
    const e = d.mul(d).div(c.add(a.mul(d)));
    const found = valuesOf([e, ...gradients(e, [a, b])], { a: scalar(-0.75), b: scalar(2.5) }).map((t) => t.data[0]!);
    const expected = [-1.820140427100375, -3.86915933267956, 0.15249929447741206];
    for (const [i, value] of expected.entries()) expect(Math.abs(found[i]! / value - 1)).toBeLessThan(1e-13);
  });

  test('what the loss does not depend on gets zeros of its own shape and dtype', () => {
    const x = input('x', [2], 'float64');
    const [y, z] = [input('y', [3, 1], 'float64'), input('z', [], 'float32')];
    const unrelated = y.mul(2);
    const found = valuesOf(gradients(x.mul(x).sum(), [y, x, unrelated, z]), { x: vector(1, -2) });
    expect(found.map((t) => [t.shape, t.dtype, [...t.data]])).toEqual([
      [[3, 1], 'float64', [0, 0, 0]],
      [[2], 'float64', [2, -4]],
      [[3, 1], 'float64', [0, 0, 0]],
      [[], 'float32', [0]],
    ]);
  });

  test("a loss differentiated by itself is one, and by an intermediate value is that value's share", () => {
    const x = input('x', [], 'float64');
    const y = x.mul(3);
    const z = y.mul(y).add(x);
    const [dz, dy, dx] = gradients(z, [z, y, x]);
    const feeds = { x: scalar(2) };
    expect([number(dz!, feeds), number(dy!, feeds), number(dx!, feeds)]).toEqual([1, 12, 37]);
  });

  test('an upstream gradient is passed through linearly', () => {
    const x = input('x', [3], 'float64');
    const upstream = constant(vector(1, -2, 0.5));
    const [g] = gradients(x.mul(x), [x], upstream);
    expect([...valuesOf([g!], { x: vector(1, 2, 3) })[0]!.data]).toEqual([2, -8, 3]);
  });

  test('the same tensor given twice as an operand counts twice', () => {
    const x = input('x', [2, 2], 'float64');
    const product = apply('matmul', [x, x], { transposeA: false, transposeB: true });
    const [g] = gradients(product.sum(), [x]);
    const values = hostTensor(Float64Array.of(1, 2, 3, 4), [2, 2]);
    expect([...valuesOf([g!], { x: values })[0]!.data]).toEqual([8, 12, 8, 12]);
  });

  test('outputs of one node that the loss leaves out add nothing', () => {
    const x = input('x', [4, 1], 'float64');
    const [gamma, beta] = [full([1], 1, 'float64'), full([1], 0, 'float64')];
    const [, mean] = applyAll('batchNorm', [x, gamma, beta], { eps: 1e-5 });
    const [dx, dgamma] = gradients(mean!.sum(), [x, gamma]);
    const feeds = { x: hostTensor(Float64Array.of(1, 5, 2, 7), [4, 1]) };
    expect([...valuesOf([dx!], feeds)[0]!.data]).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(number(dgamma!, feeds)).toBe(0);
  });

  test('depth is no limit: a chain of 20,000 operations', () => {
    const x = input('x', [], 'float64');
    let y: Tensor = x;
    for (let i = 0; i < 20_000; i++) y = y.add(x);
    expect(number(gradients(y, [x])[0]!, { x: scalar(1) })).toBe(20_001);
  });

  test('a branch of integers or booleans carries no gradient and does no harm', () => {
    const x = input('x', [3], 'float64');
    const mask = apply('less', [full([], 0, 'float64'), x], {});
    const y = x.mul(x).mul(mask.cast('float64')).sum();
    expect([...valuesOf(gradients(y, [x]), { x: vector(-1, 2, 3) })[0]!.data].map(Math.abs)).toEqual([0, 4, 6]);
  });

  test('a path through an operation without a gradient is an error that names the layer', () => {
    const x = input('x', [3], 'float64');
    const y = withLayer('head.3', () => apply('floor', [x], {})).sum();
    expect(() => gradients(y, [x])).toThrow(/^head\.3: floor has no gradient/);
  });
});

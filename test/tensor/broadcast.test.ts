import { describe, expect, test } from 'vitest';
import { constant, input } from '../../src/tensor/node.js';
import { broadcastIndices, expand, sumTo } from '../../src/tensor/ops/broadcast.js';
import { broadcastShapes, hostTensor, normaliseAxes, numel, type Shape, stridesOf } from '../../src/tensor/shape.js';
import { Draw } from './draw.js';
import { valuesOf } from './evaluate.js';
import { forSeeds } from './property.js';

/** Multi-index of a row-major position. */
function unravel(position: number, shape: Shape): number[] {
  const out = new Array<number>(shape.length);
  let rest = position;
  for (let d = shape.length - 1; d >= 0; d--) {
    out[d] = rest % shape[d]!;
    rest = Math.floor(rest / shape[d]!);
  }
  return out;
}

describe('broadcasting', () => {
  test('shapes meet from the right, and only sizes of one stretch', () => {
    expect(broadcastShapes([2, 1, 4], [3, 1])).toEqual([2, 3, 4]);
    expect(broadcastShapes([], [2, 3])).toEqual([2, 3]);
    expect(broadcastShapes([0, 3], [1, 3])).toEqual([0, 3]);
    expect(broadcastShapes([2], [3])).toBeUndefined();
    expect(broadcastShapes([2, 1], [3, 1, 1], [1, 4])).toEqual([3, 2, 4]);
    expect(broadcastShapes([0], [2])).toBeUndefined();
  });

  test('is commutative, and a tensor broadcast to the common shape takes its values from the right places', () => {
    forSeeds(60, (seed) => {
      const draw = new Draw(seed);
      const [a, b] = draw.broadcasting();
      const common = broadcastShapes(a, b)!;
      expect(broadcastShapes(b, a)).toEqual(common);
      const strides = stridesOf(a);
      const lead = common.length - a.length;
      const indices = broadcastIndices(a, common);
      expect(indices.length).toBe(numel(common));
      for (let i = 0; i < indices.length; i++) {
        const place = unravel(i, common).slice(lead);
        expect(indices[i]).toBe(place.reduce((at, p, d) => at + (a[d] === 1 ? 0 : p * strides[d]!), 0));
      }
    });
  });

  test('sumTo is the adjoint of broadcasting: <g, broadcast(x)> = <sumTo(g), x>', () => {
    forSeeds(40, (seed) => {
      const draw = new Draw(seed);
      const shape = draw.shape();
      const narrow = draw.narrowed(shape);
      const [g, x] = [draw.floats(shape), draw.floats(narrow)];
      const summed = valuesOf([sumTo(constant(g), narrow)])[0]!;
      expect(summed.shape).toEqual(narrow);
      const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
        Array.from(a, (v, i) => v * b[i]!).reduce((p, q) => p + q, 0);
      expect(dot(summed.data, x.data)).toBeCloseTo(dot(g.data, expand(x, shape)), 10);
    });
  });

  test('tensors of size zero flow through', () => {
    const x = input('x', [0, 3], 'float64');
    const y = x.add(constant(hostTensor(Float64Array.of(1, 2, 3), [3])));
    const feeds = { x: hostTensor(new Float64Array(0), [0, 3]) };
    const [sum, columns] = valuesOf([y.sum(), y.sum([0])], feeds);
    expect([sum!.data[0], ...columns!.data]).toEqual([0, 0, 0, 0]);
  });
});

test('axes count from the end, and impossible ones are errors', () => {
  expect(normaliseAxes([-1, 0], 3, 'sum')).toEqual([0, 2]);
  expect(() => normaliseAxes([3], 3, 'sum')).toThrow('sum: axis 3 does not exist in a tensor of rank 3');
  expect(() => normaliseAxes([1, -2], 3, 'sum')).toThrow('sum: an axis is named twice in [1, -2]');
});

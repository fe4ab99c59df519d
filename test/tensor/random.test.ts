import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/tensor/autodiff.js';
import { allocate } from '../../src/tensor/dtype.js';
import { apply, constant, input, type Tensor } from '../../src/tensor/node.js';
import { philox } from '../../src/tensor/ops/random.js';
import { hostTensor, type Shape } from '../../src/tensor/shape.js';
import { Draw } from './draw.js';
import { valuesOf } from './evaluate.js';
import { forSeeds } from './property.js';

const key = (a: number, b: number) => hostTensor(Int32Array.of(a, b), [2]);
const COUNT = 40_000;

function draw(distribution: 'uniform' | 'normal', a = 1, b = 2, stream = 0, shape: Shape = [COUNT]) {
  return valuesOf([apply('random', [constant(key(a, b))], { shape, distribution, stream })])[0]!;
}

const mean = (x: ArrayLike<number>, f = (v: number) => v) => Array.from(x, f).reduce((s, v) => s + v, 0) / x.length;
const correlation = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  const [ma, mb] = [mean(a), mean(b)];
  const scale = Math.sqrt(mean(a, (v) => (v - ma) ** 2) * mean(b, (v) => (v - mb) ** 2));
  return mean(Array.from(a, (v, i) => (v - ma) * (b[i]! - mb))) / scale;
};

/** Philox4x32-10 written a second time, with big integers, straight from the paper. */
function philoxByTheBook(counter: readonly bigint[], keys: readonly bigint[]): number[] {
  let [c0, c1, c2, c3] = counter as [bigint, bigint, bigint, bigint];
  let [k0, k1] = keys as [bigint, bigint];
  const word = 0xffffffffn;
  for (let round = 0; round < 10; round++) {
    const [p0, p1] = [0xd2511f53n * c0, 0xcd9e8d57n * c2];
    [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & word, (p0 >> 32n) ^ c3 ^ k1, p0 & word];
    [k0, k1] = [(k0 + 0x9e3779b9n) & word, (k1 + 0xbb67ae85n) & word];
  }
  return [c0, c1, c2, c3].map(Number);
}

describe('Philox4x32-10', () => {
  test("known answers of the paper's authors (Random123, kat_vectors)", () => {
    const all = 0xffffffffn;
    expect(philoxByTheBook([0n, 0n, 0n, 0n], [0n, 0n])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    expect(philoxByTheBook([all, all, all, all], [all, all])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
    const pi = [0x243f6a88n, 0x85a308d3n, 0x13198a2en, 0x03707344n];
    const answer = [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1];
    expect(philoxByTheBook(pi, [0xa4093822n, 0x299f31d0n])).toEqual(answer);
  });

  test('agrees with a second implementation for any index, stream and key', () => {
    const words = new Uint32Array(4);
    forSeeds(200, (seed) => {
      const d = new Draw(seed);
      const [index, stream] = [d.int(0, 2 ** 32 - 1), d.int(0, 2 ** 32 - 1)];
      const [a, b] = [d.int(-(2 ** 31), 2 ** 31 - 1), d.int(-(2 ** 31), 2 ** 31 - 1)];
      philox(index, stream, a, b, words);
      const keys = [BigInt.asUintN(32, BigInt(a)), BigInt.asUintN(32, BigInt(b))];
      expect([...words]).toEqual(philoxByTheBook([BigInt(index), 0n, BigInt(stream), 0n], keys));
    });
  });
});

describe('random', () => {
  test('the same key and stream give the same numbers, whatever the shape; others give others', () => {
    const first = draw('uniform').data;
    expect(draw('uniform').data).toEqual(first);
    expect(draw('uniform', 1, 2, 0, [COUNT / 8, 8]).data).toEqual(first);
    expect(draw('uniform', 1, 2, 0, [100]).data).toEqual(first.slice(0, 100));
    for (const other of [draw('uniform', 2, 2), draw('uniform', 1, 3), draw('uniform', 1, 2, 1)])
      expect(Math.abs(correlation(first, other.data))).toBeLessThan(0.025); // five standard deviations
  });

  test('uniform numbers lie in [0, 1) and fill it evenly', () => {
    const { data, dtype } = draw('uniform', -7, 123);
    expect(dtype).toBe('float32');
    const bins = new Array<number>(50).fill(0);
    for (const v of data) {
      expect(v >= 0 && v < 1).toBe(true);
      bins[Math.floor(v * 50)]!++;
    }
    // Chi-square with 49 degrees of freedom: mean 49, standard deviation 9.9.
    const expected = COUNT / 50;
    expect(bins.reduce((s, n) => s + (n - expected) ** 2 / expected, 0)).toBeLessThan(49 + 5 * 9.9);
    expect(Math.abs(correlation(data.subarray(1), data.subarray(0, -1)))).toBeLessThan(0.025);
  });

  test('normal numbers have the moments and tails of a standard normal', () => {
    const { data } = draw('normal', 5, -9, 3);
    const within = (x: number, target: number, sigma: number) =>
      expect(Math.abs(x - target)).toBeLessThan((5 * sigma) / Math.sqrt(COUNT));
    within(mean(data), 0, 1);
    within(
      mean(data, (v) => v * v),
      1,
      Math.sqrt(2),
    );
    within(
      mean(data, (v) => v ** 3),
      0,
      Math.sqrt(15),
    );
    within(
      mean(data, (v) => v ** 4),
      3,
      Math.sqrt(96),
    );
    within(
      mean(data, (v) => (Math.abs(v) < 1 ? 1 : 0)),
      0.6827,
      0.47,
    );
    within(
      mean(data, (v) => (Math.abs(v) > 2 ? 1 : 0)),
      0.0455,
      0.21,
    );
    expect(data.every((v: number) => Number.isFinite(v))).toBe(true);
    expect(Math.abs(correlation(data.subarray(1), data.subarray(0, -1)))).toBeLessThan(0.025);
  });
});

describe('dropout', () => {
  const run = (x: Tensor, p: number, rng: Tensor, stream = 0) => apply('dropout', [x, rng], { p, stream });

  test('drops a share p and scales the rest so that the mean stays', () => {
    const rng = constant(key(3, 4));
    for (const p of [0.1, 0.5, 0.8]) {
      const y = valuesOf([run(constant(hostTensor(new Float64Array(COUNT).fill(1), [COUNT])), p, rng)])[0]!.data;
      expect(new Set(y)).toEqual(new Set([0, 1 / (1 - p)]));
      expect(Math.abs(mean(y, (v) => (v === 0 ? 1 : 0)) - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / COUNT));
    }
  });

  test('the backward pass drops exactly what the forward pass dropped, for any key', () => {
    forSeeds(20, (seed) => {
      const d = new Draw(seed);
      const shape = d.shape(1, 4);
      const [x, rng] = [input('x', shape, 'float64'), input('rng', [2], 'int32')];
      const p = d.pick([0, 0.3, 0.7]);
      const y = run(x, p, rng, d.int(0, 5));
      const feeds = { x: d.awayFromZero(shape), rng: d.key(), u: d.awayFromZero(shape) };
      const [value, dx] = valuesOf([y, gradients(y, [x], input('u', shape, 'float64'))[0]!], feeds);
      for (let i = 0; i < value!.data.length; i++) {
        const factor = value!.data[i]! / feeds.x.data[i]!;
        expect(dx!.data[i]! / feeds.u.data[i]!).toBeCloseTo(factor, 12);
      }
      if (p === 0) expect(value!.data).toEqual(feeds.x.data);
    });
  });

  test('layers with their own stream, and steps with their own key, drop differently', () => {
    const ones = constant({ shape: [COUNT], dtype: 'float32', data: allocate('float32', COUNT).fill(1) });
    const masks = [
      run(ones, 0.5, constant(key(1, 0))),
      run(ones, 0.5, constant(key(1, 0)), 1),
      run(ones, 0.5, constant(key(1, 1))),
      run(ones, 0.5, constant(key(2, 0))),
    ].map((y) => valuesOf([y])[0]!.data);
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < i; j++) expect(Math.abs(correlation(masks[i]!, masks[j]!))).toBeLessThan(0.025);
  });
});

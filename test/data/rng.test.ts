import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSeed, Purpose, permutation, RandomStream } from '../../src/data/rng.js';

const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

describe('RandomStream', () => {
  it('is a pure function of its four coordinates, and each of them matters', () => {
    const first = (...args: ConstructorParameters<typeof RandomStream>) => {
      const stream = new RandomStream(...args);
      return Array.from({ length: 9 }, () => stream.uint32());
    };
    fc.assert(
      fc.property(seeds, fc.nat(), fc.nat(), fc.nat(), (seed, purpose, epoch, index) => {
        const base = first(seed, purpose, epoch, index);
        expect(first(seed, purpose, epoch, index)).toEqual(base);
        expect(first(seed === 0 ? 1 : seed - 1, purpose, epoch, index)).not.toEqual(base);
        expect(first(seed, purpose + 1, epoch, index)).not.toEqual(base);
        expect(first(seed, purpose, epoch + 1, index)).not.toEqual(base);
        expect(first(seed, purpose, epoch, index + 1)).not.toEqual(base);
      }),
    );
  });

  it('uses all 53 bits of the seed', () => {
    const low = new RandomStream(7, 1).uint32();
    expect(new RandomStream(7 + 2 ** 32, 1).uint32()).not.toBe(low);
    expect(new RandomStream(7 + 2 ** 52, 1).uint32()).not.toBe(low);
  });

  it('is uniform: mean, variance and no correlation of neighbours', () => {
    const n = 40_000;
    const stream = new RandomStream(3, Purpose.generate);
    const values = Array.from({ length: n }, () => stream.uniform());
    const mean = values.reduce((a, b) => a + b, 0) / n;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
    let lagged = 0;
    for (let i = 1; i < n; i++) lagged += (values[i]! - mean) * (values[i - 1]! - mean);
    // Six standard errors.
    expect(Math.abs(mean - 0.5)).toBeLessThan(6 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(6 * Math.sqrt(1 / 180 / n));
    expect(Math.abs(lagged / n / variance)).toBeLessThan(6 / Math.sqrt(n));
  });

  it('first numbers of neighbouring indices are uniform too', () => {
    const n = 20_000;
    const bins = new Array<number>(10).fill(0);
    for (let i = 0; i < n; i++) bins[new RandomStream(1, Purpose.augment, 4, i).below(10)]!++;
    const chi = bins.reduce((sum, b) => sum + (b - n / 10) ** 2 / (n / 10), 0);
    // 9 degrees of freedom: above 40 has a probability of 1e-5.
    expect(chi).toBeLessThan(40);
  });
});

describe('permutation', () => {
  it('holds every index once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), seeds, fc.nat(100), (n, seed, epoch) => {
        const order = permutation(n, seed, Purpose.shuffle, epoch);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
        expect(permutation(n, seed, Purpose.shuffle, epoch)).toEqual(order);
      }),
    );
  });

  it('differs from epoch to epoch and takes all orders equally often', () => {
    const counts = new Map<string, number>();
    const n = 12_000;
    for (let epoch = 0; epoch < n; epoch++) {
      const order = permutation(4, 1, Purpose.shuffle, epoch).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chi = [...counts.values()].reduce((sum, c) => sum + (c - n / 24) ** 2 / (n / 24), 0);
    // 23 degrees of freedom: above 65 has a probability below 1e-5.
    expect(chi).toBeLessThan(65);
  });
});

it('refuses seeds that are not whole, negative or too large', () => {
  for (const seed of [-1, 1.5, Number.NaN, 2 ** 53, '1']) expect(() => checkSeed(seed)).toThrow(/the seed must be/);
});

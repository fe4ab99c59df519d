import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Accumulator,
  accuracy,
  confusionMatrix,
  f1,
  type Metric,
  parseMetric,
  precision,
  recall,
} from '../../src/metrics/index.js';
import { input } from '../../src/tensor/node.js';
import { type HostTensor, hostTensor, type Shape } from '../../src/tensor/shape.js';
import { Bench } from '../nn/support.js';

const bench = new Bench();
const floats = (values: number[], shape: Shape) => hostTensor(Float32Array.from(values), shape);
const ints = (values: number[], shape: Shape) => hostTensor(Int32Array.from(values), shape);

type Batch = readonly [output: HostTensor, target: HostTensor];

/** A metric's accumulator after some batches. */
async function accumulate(metric: Metric, ...batches: Batch[]): Promise<Accumulator> {
  const sums = new Accumulator(metric);
  for (const [output, target] of batches) {
    const outputs = metric.counts(input('x', output.shape), input('y', target.shape, target.dtype));
    sums.add(await bench.run({ outputs }, { x: output, y: target }));
  }
  return sums;
}
const value = async (metric: Metric, ...batches: Batch[]) => (await accumulate(metric, ...batches)).value();

/** Logits whose largest is the wanted class. */
const choose = (classes: number[], count: number) =>
  floats(
    classes.flatMap((c) => Array.from({ length: count }, (_, i) => (i === c ? 2 : i / 10))),
    [classes.length, count],
  );

const TRUE = [0, 0, 0, 1, 1, 2, 2, 2, 2];
const GUESS = [0, 0, 1, 1, 2, 2, 2, 0, 2];
const batch: Batch = [choose(GUESS, 4), ints(TRUE, [9])];

describe('accuracy', () => {
  test('counts over batches of different size', async () => {
    expect(await value(accuracy(), batch, [choose([1], 4), ints([0], [1])])).toBe(6 / 10);
  });
  test('top-k takes the first of equal logits, as arg-max does', async () => {
    const row = floats([1, 3, 3, 0], [1, 4]);
    const top = (k: number, y: number) => value(accuracy({ k }), [row, ints([y], [1])]);
    expect([
      await top(1, 1),
      await top(1, 2),
      await top(2, 2),
      await top(2, 0),
      await top(3, 0),
      await top(4, 3),
      await top(9, 3),
    ]).toEqual([1, 0, 1, 0, 1, 1, 1]);
  });
  test('of three equal logits the first two are the top two', async () => {
    const row = floats([0, 3, 3, 3], [1, 4]);
    const hits = [1, 2, 3].map((y) => value(accuracy({ k: 2 }), [row, ints([y], [1])]));
    expect(await Promise.all(hits)).toEqual([1, 1, 0]);
  });
  test('NaN is never right, infinities are compared', async () => {
    const bad = floats([Number.NaN, 1, Number.NaN, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY], [2, 3]);
    for (const k of [1, 2]) expect(await value(accuracy({ k }), [bad, ints([0, 2], [2])])).toBe(0.5);
    // One class is NaN: the target behind it is second at best.
    const one = floats([Number.NaN, 5, 1], [1, 3]);
    expect(await value(accuracy(), [one, ints([1], [1])])).toBe(0);
    expect(await value(accuracy({ k: 2 }), [one, ints([1], [1])])).toBe(1);
  });
  test('ignored and impossible targets are not counted; nothing counted is NaN', async () => {
    const rows = choose([0, 1, 2, 0], 3);
    expect(await value(accuracy({ ignoreIndex: 2 }), [rows, ints([0, 0, 2, 2], [4])])).toBe(0.5);
    expect(await value(accuracy(), [rows, ints([0, -100, 7, 1], [4])])).toBe(0.5);
    expect(await value(accuracy(), [rows, ints([-100, -100, -100, -100], [4])])).toBeNaN();
    expect(new Accumulator(accuracy()).value()).toBeNaN();
  });
  test('images: every pixel is a target', async () => {
    // [1, 2, 1, 3]: class 1 wins at the last two pixels.
    const logits = floats([1, 0, 0, 0, 1, 1], [1, 2, 1, 3]);
    expect(await value(accuracy(), [logits, ints([0, 0, 1], [1, 1, 3])])).toBeCloseTo(2 / 3);
  });
  test('one channel decides by its sign', async () => {
    const logits = floats([-1, 0, 0.5, 3], [4, 1]);
    for (const shape of [[4, 1]]) expect(await value(accuracy(), [logits, ints([0, 0, 1, 0], shape)])).toBe(0.75);
    expect(await value(accuracy(), [logits, { shape: [4], dtype: 'uint8', data: Uint8Array.of(0, 1, 1, 1) }])).toBe(
      0.75,
    );
  });
});

describe('confusion matrix and what rests on it', () => {
  const MATRIX = [
    [2, 1, 0, 0],
    [0, 1, 1, 0],
    [1, 0, 3, 0],
    [0, 0, 0, 0],
  ];
  test('rows are true classes', async () => {
    expect(await value(confusionMatrix(), batch)).toEqual(MATRIX);
    expect(await value(confusionMatrix(), batch, batch)).toEqual(MATRIX.map((r) => r.map((v) => 2 * v)));
  });
  test('precision, recall and F1 of each class, by hand', async () => {
    expect(await value(precision({ average: 'none' }), batch)).toEqual([2 / 3, 1 / 2, 3 / 4, Number.NaN]);
    expect(await value(recall({ average: 'none' }), batch)).toEqual([2 / 3, 1 / 2, 3 / 4, Number.NaN]);
    const lopsided: Batch = [choose([0, 0, 0, 1, 1], 2), ints([0, 1, 1, 1, 1], [5])];
    expect(await value(precision({ average: 'none' }), lopsided)).toEqual([1 / 3, 1]);
    expect(await value(recall({ average: 'none' }), lopsided)).toEqual([1, 1 / 2]);
    expect(await value(f1({ average: 'none' }), lopsided)).toEqual([1 / 2, 2 / 3]);
    expect(await value(f1(), lopsided)).toBeCloseTo((1 / 2 + 2 / 3) / 2, 12);
    expect(await value(f1({ average: 'micro' }), lopsided)).toBeCloseTo(3 / 5, 12);
  });
  test('macro leaves out classes that do not occur, counts 0 for one that is never right', async () => {
    // Class 2 is predicted once but never true: precision 0 / 1, recall 0 / 0 = 0; class 3 does not occur.
    const b: Batch = [choose([0, 1, 2], 4), ints([0, 1, 1], [3])];
    expect(await value(recall(), b)).toBeCloseTo((1 + 1 / 2 + 0) / 3, 12);
    expect(await value(precision(), b)).toBeCloseTo((1 + 1 + 0) / 3, 12);
  });
  test('pixels of several images', async () => {
    const logits = floats([1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1], [2, 2, 1, 3]);
    expect(await value(confusionMatrix({ ignoreIndex: 0 }), [logits, ints([0, 0, 1, 1, 1, 0], [2, 1, 3])])).toEqual([
      [0, 0],
      [0, 3],
    ]);
    expect(await value(confusionMatrix(), [logits, ints([0, 0, 1, 1, 1, 0], [2, 1, 3])])).toEqual([
      [1, 2],
      [0, 3],
    ]);
  });

  test('agree with a plain count on random data, whatever the batches', async () => {
    const samples = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: -1, max: 4 })), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(samples, fc.nat(29), async (pairs, cut) => {
        const parts = [pairs.slice(0, cut), pairs.slice(cut)].filter((p) => p.length > 0);
        const batches = parts.map(
          (p): Batch => [
            choose(
              p.map(([g]) => g),
              4,
            ),
            ints(
              p.map(([, y]) => y),
              [p.length],
            ),
          ],
        );
        const counted = pairs.filter(([, y]) => y >= 0 && y < 4);
        const matrix = Array.from({ length: 4 }, (_, y) =>
          Array.from({ length: 4 }, (_, g) => counted.filter(([a, b]) => a === g && b === y).length),
        );
        expect(await value(confusionMatrix(), ...batches)).toEqual(matrix);
        const right = counted.filter(([g, y]) => g === y).length;
        const micro = counted.length === 0 ? Number.NaN : right / counted.length;
        expect(await value(accuracy(), ...batches)).toBe(micro);
        expect(await value(precision({ average: 'micro' }), ...batches)).toBe(micro);
      }),
      { numRuns: 25 },
    );
  });
});

describe('sums', () => {
  test('go into JSON and back in the middle of an epoch', async () => {
    const half = await accumulate(f1(), batch);
    const again = new Accumulator(f1());
    again.load(JSON.parse(JSON.stringify(half.state())));
    expect(again.value()).toBe(half.value());
    again.reset();
    expect(again.value()).toBeNaN();
    expect(() => again.load({ confusion: { shape: [1], data: ['x'] } })).toThrow(
      /saved sums "confusion" are not numbers/,
    );
  });
  test('are exact beyond what float32 and int32 hold', () => {
    const sums = new Accumulator(accuracy());
    const big = hostTensor(Int32Array.of(2 ** 31 - 1), []);
    for (let i = 0; i < 5; i++) sums.add({ correct: big, total: big });
    sums.add({ correct: hostTensor(Int32Array.of(0), []), total: hostTensor(Int32Array.of(1), []) });
    expect(sums.value()).toBe((5 * (2 ** 31 - 1)) / (5 * (2 ** 31 - 1) + 1));
  });
  test('of different shapes do not add', async () => {
    const sums = await accumulate(confusionMatrix(), batch);
    expect(() => sums.add({ confusion: ints([1], [1, 1]) })).toThrow(/counts of shape \[1, 1\] do not add to \[4, 4\]/);
  });
});

describe('names', () => {
  test.each(['accuracy', 'top5', 'confusion', 'precision', 'recall', 'f1', 'f1_micro', 'recall_per_class'])(
    '%s',
    (name) => {
      const metric = parseMetric(name);
      expect(metric.name).toBe(name);
      expect(parseMetric(JSON.parse(JSON.stringify(metric.spec))).name).toBe(name);
    },
  );
  test('what is not known or does not fit is refused in one sentence', () => {
    expect(() => parseMetric('acuracy')).toThrow(/unknown metric "acuracy", did you mean "accuracy"\?/);
    expect(() => accuracy({ k: 0 })).toThrow(/k must be .* got 0/);
    expect(() => f1({ average: 'weighted' as never })).toThrow(/must be "macro", "micro" or "none", got "weighted"/);
    expect(() => accuracy().counts(input('x', [4, 3]), input('y', [5], 'int32'))).toThrow(
      /takes outputs \[N, C, ...\] and class indices \[N, ...\], got \[4, 3\] and \[5\]/,
    );
  });
});

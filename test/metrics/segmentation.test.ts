import { afterAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backends/backend.js';
import { createNativeBackend } from '../../src/backends/native/index.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import {
  Accumulator,
  accuracy,
  boundaryF1,
  confusionMatrix,
  dice,
  emptyMasks,
  f1,
  iou,
  type Metric,
  type MetricValue,
  parseMetric,
  precision,
  recall,
  thresholdSweep,
} from '../../src/metrics/index.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { input } from '../../src/tensor/node.js';
import { type HostTensor, hostTensor, type Shape } from '../../src/tensor/shape.js';
import { runOn } from '../backends/conformance.js';
import { type MetricCase, metricCases, named } from '../losses/cases.js';
import { Draw } from '../tensor/draw.js';

const reference = createReferenceBackend();
const native = createNativeBackend();
afterAll(() => native.dispose());

const floats = (values: ArrayLike<number>, shape: Shape) => hostTensor(Float32Array.from(values), shape);
const ints = (values: ArrayLike<number>, shape: Shape) => hostTensor(Int32Array.from(values), shape);
type Batch = readonly [output: HostTensor, target: HostTensor];

async function evaluate(metric: Metric, batches: readonly Batch[], backend: Backend = reference): Promise<MetricValue> {
  const sums = new Accumulator(metric);
  for (const [output, target] of batches) {
    const outputs = metric.counts(input('x', output.shape, output.dtype), input('y', target.shape, target.dtype));
    sums.add((await runOn(backend, buildGraph({ outputs }), { x: output, y: target })).outputs);
  }
  return sums.value();
}

/** One image of a batch. */
const image = (t: HostTensor, i: number): HostTensor => {
  const size = t.data.length / t.shape[0]!;
  return { ...t, shape: [1, ...t.shape.slice(1)], data: t.data.slice(i * size, (i + 1) * size) };
};
const images = ([output, target]: Batch): Batch[] =>
  Array.from({ length: output.shape[0]! }, (_, i) => [image(output, i), image(target, i)]);

const MAKERS = { iou, dice, precision, recall };

describe('values are those of segmentation_models.pytorch', () => {
  const titled = metricCases.map((c) => {
    const zero = `zero division ${c.zeroDivision}`;
    return [
      `${c.metric} ${c.reduction}, ${zero}, of ${c.output}, ${c.target}, ${c.threshold ?? 'classes'}`,
      c,
    ] as const;
  });
  test.each(titled)('%s', async (_title, c) => {
    const batch: Batch = [named(c.output), named(c.target)];
    const binary = c.output.startsWith('x1');
    const { zeroDivision, threshold } = c;
    const common = {
      zeroDivision,
      ...(threshold ? { threshold } : {}),
      ...(c.ignoreIndex ? { ignoreIndex: 255 } : {}),
    };
    if (c.metric === 'accuracy') {
      // Theirs counts each class against the rest; with one channel that is the pixel accuracy.
      if (!binary || c.reduction !== 'micro') return;
      expect(await evaluate(accuracy({ threshold }), [batch])).toBeCloseTo(c.value as number, 6);
      return;
    }
    const found = await evaluate(made(c, common), [batch]);
    // In "micro" they leave 0 / 0 alone.
    if (c.value === null) expect(found).toBe(zeroDivision);
    else if (Array.isArray(c.value))
      for (const [i, v] of c.value.entries()) expect((found as number[])[i + (binary ? 1 : 0)]).toBeCloseTo(v, 6);
    else expect(found).toBeCloseTo(c.value, 6);
    expect(await evaluate(made(c, common), images(batch))).toEqual(
      typeof found === 'number' ? expect.closeTo(found, 6) : found,
    );
    expect(await evaluate(made(c, common), [batch], native)).toEqual(
      typeof found === 'number' ? expect.closeTo(found, 6) : found,
    );
  });

  function made(c: MetricCase, common: object): Metric {
    const over = c.reduction.endsWith('imagewise') ? 'image' : 'dataset';
    const average = c.reduction === 'none' ? 'none' : c.reduction.startsWith('micro') ? 'micro' : 'macro';
    return MAKERS[c.metric as keyof typeof MAKERS]({ ...common, over, average });
  }
});

describe('images and masks', () => {
  // Two images of 2 x 3 pixels. The first mask has 3 pixels, 2 are found and 1 is wrong; the second mask is black.
  const target = ints([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], [2, 2, 3]);
  const guess = (second: number) => floats([1, 2, -1, 3, -1, -1, second, -1, -1, -1, -1, -1], [2, 1, 2, 3]);

  test('a black mask counts in the data set, and is left out of the mean over images if nothing is predicted', async () => {
    const quiet: Batch = [guess(-1), target];
    const loud: Batch = [guess(1), target];
    expect(await evaluate(iou(), [quiet])).toBe(2 / 4);
    expect(await evaluate(iou(), [loud])).toBe(2 / 5);
    expect(await evaluate(iou({ over: 'image' }), [quiet])).toBe(2 / 4);
    expect(await evaluate(iou({ over: 'image' }), [loud])).toBe((2 / 4 + 0) / 2);
    expect(await evaluate(iou({ over: 'image', zeroDivision: 1 }), [quiet])).toBe((2 / 4 + 1) / 2);
    expect(await evaluate(emptyMasks(), [quiet, loud])).toBe(2);
    expect(await evaluate(emptyMasks(), [[guess(1), ints(new Array(12).fill(1), [2, 2, 3])]])).toBe(0);
    const black: Batch = [floats(new Array(6).fill(-1), [1, 1, 2, 3]), ints(new Array(6).fill(0), [1, 2, 3])];
    for (const metric of [iou(), iou({ over: 'image' }), dice(), boundaryF1()])
      expect(await evaluate(metric, [black])).toBeNaN();
    expect(await evaluate(iou({ zeroDivision: 0 }), [black])).toBe(0);
    expect(await evaluate(iou({ average: 'none' }), [black])).toEqual([1, Number.NaN]);
  });

  test('one channel is scored for its foreground, and per class for both', async () => {
    const batch: Batch = [guess(-1), target];
    expect(await evaluate(precision(), [batch])).toBeCloseTo(2 / 3, 12);
    expect(await evaluate(recall(), [batch])).toBeCloseTo(2 / 3, 12);
    expect(await evaluate(dice(), [batch])).toBeCloseTo(2 / 3, 12);
    expect(await evaluate(f1({ average: 'micro' }), [batch])).toBeCloseTo(2 / 3, 12);
    expect(await evaluate(iou({ average: 'none' }), [batch])).toEqual([8 / 10, 2 / 4]);
    expect(await evaluate(confusionMatrix(), [batch])).toEqual([
      [8, 1],
      [1, 2],
    ]);
    expect(await evaluate(accuracy(), [batch])).toBe(10 / 12);
  });

  test('masks come in every form', async () => {
    const expected = await evaluate(iou(), [[guess(1), target]]);
    const bytes = { ...target, dtype: 'uint8' as const, data: Uint8Array.from(target.data) };
    const grey = floats([1, 0.6, 0.5, 0, 0.4, 0, 0, 0, 0.1, 0, 0, 0], target.shape);
    for (const y of [bytes, { ...bytes, shape: [2, 1, 2, 3] }, grey])
      expect(await evaluate(iou(), [[guess(1), y]])).toBe(expected);
  });

  test('the threshold is one of probability', async () => {
    const logits = floats([-3, -1, 0, 0.5, 1, 3], [1, 1, 1, 6]);
    const all = ints([1, 1, 1, 1, 1, 1], [1, 1, 6]);
    const found = (threshold: number) => evaluate(recall({ threshold }), [[logits, all]]);
    expect(await Promise.all([0.5, 0.01, 0.7, 0.99].map(found))).toEqual([3 / 6, 1, 2 / 6, 0]);
  });

  test('what is ignored is not counted', async () => {
    const some = ints([1, 1, 255, 0, 0, 0, 255, 0, 0, 0, 0, 0], [2, 2, 3]);
    for (const backend of [reference, native]) {
      const found = (metric: Metric) => evaluate(metric, [[guess(1), some]], backend);
      expect(await found(iou({ ignoreIndex: 255 }))).toBeCloseTo(2 / 3, 6);
      expect(await found(iou({ ignoreIndex: 255, over: 'image' }))).toBeCloseTo(2 / 3, 6);
      expect(await found(accuracy({ ignoreIndex: 255 }))).toBeCloseTo(9 / 10, 6);
      expect(await found(emptyMasks({ ignoreIndex: 255 }))).toBe(1);
      // Undeclared, it is no class and is not counted either.
      expect(await found(iou())).toBeCloseTo(2 / 3, 6);
    }
  });

  test('the sweep finds the best threshold', async () => {
    // Everything above 0.8 is right.
    const probabilities = [0.1, 0.3, 0.55, 0.72, 0.85, 0.95];
    const logits = floats(
      probabilities.map((p) => Math.log(p / (1 - p))),
      [1, 1, 2, 3],
    );
    const y = ints([0, 0, 0, 0, 1, 1], [1, 2, 3]);
    for (const backend of [reference, native]) {
      const sweep = (options: object) => evaluate(thresholdSweep(options), [[logits, y]], backend);
      const found = (await sweep({})) as { threshold: number; best: number; scores: number[]; thresholds: number[] };
      expect([found.threshold, found.best]).toEqual([0.75, 1]);
      expect(found.thresholds).toHaveLength(19);
      expect(await sweep({ thresholds: [0.2, 0.5, 0.9], score: 'iou' })).toEqual({
        threshold: 0.5,
        best: 2 / 4,
        thresholds: [0.2, 0.5, 0.9],
        scores: [2 / 5, 2 / 4, 1 / 2],
      });
      const two = (await sweep({ thresholds: [0.5], score: 'dice' })) as { scores: number[] };
      expect(two.scores).toEqual([4 / 6]);
      expect(two.scores[0]).toBe(await evaluate(dice(), [[logits, y]], backend));
    }
  });
});

/** The definition, pixel by pixel. */
function boundaryF1By(truth: number[][], guess: number[][], radius: number): number {
  const boundary = (m: number[][]) =>
    m.flatMap((row, i) =>
      row.flatMap((v, j) => {
        const around = [-1, 0, 1].flatMap((a) => [-1, 0, 1].map((b) => m[i + a]?.[j + b] ?? 1));
        return v === 1 && around.includes(0) ? [[i, j] as const] : [];
      }),
    );
  const [t, g] = [boundary(truth), boundary(guess)];
  if (t.length + g.length === 0) return Number.NaN;
  const near = (p: readonly [number, number], to: typeof t) =>
    to.some((q) => (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 <= radius * radius);
  const part = (of: typeof t, to: typeof t) => (of.length ? of.filter((p) => near(p, to)).length / of.length : 0);
  const [p, r] = [part(g, t), part(t, g)];
  return p + r > 0 ? (2 * p * r) / (p + r) : 0;
}

describe('boundary F1', () => {
  const rectangle = (h: number, w: number, top: number, left: number, height: number, width: number) =>
    Array.from({ length: h }, (_, i) =>
      Array.from({ length: w }, (_, j) => Number(i >= top && i < top + height && j >= left && j < left + width)),
    );
  const asBatch = (truth: number[][], guess: number[][]): Batch => {
    const size = [truth.length, truth[0]!.length];
    return [
      floats(
        guess.flat().map((v) => (v ? 2 : -2)),
        [1, 1, ...size],
      ),
      ints(truth.flat(), [1, ...size]),
    ];
  };

  test('1 for the same outline, 1 within the tolerance, 0 far away', async () => {
    const truth = rectangle(14, 20, 3, 4, 6, 7);
    const moved = (by: number) => rectangle(14, 20, 3, 4 + by, 6, 7);
    const at = (by: number, tolerance: number) => evaluate(boundaryF1({ tolerance }), [asBatch(truth, moved(by))]);
    expect(await at(0, 0)).toBe(1);
    expect(await at(2, 2)).toBe(1);
    expect(await at(2, 1)).toBeLessThan(1);
    expect(await evaluate(boundaryF1(), [asBatch(truth, rectangle(14, 20, 13, 19, 1, 1))])).toBe(0);
    expect(await evaluate(boundaryF1(), [asBatch(truth, rectangle(14, 20, 0, 0, 0, 0))])).toBe(0);
  });
  test('the frame of the image is no boundary', async () => {
    const full = rectangle(8, 9, 0, 0, 8, 9);
    expect(await evaluate(boundaryF1(), [asBatch(full, full)])).toBeNaN();
  });
  test('agrees with the definition on random masks, whatever the tolerance', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const draw = new Draw(seed);
      const [h, w] = draw.sizes(2, 4, 13) as [number, number];
      const random = () => Array.from({ length: h }, () => Array.from({ length: w }, () => Number(draw.bool(0.6))));
      const [truth, guess] = [random(), random()];
      const tolerance = draw.pick([0, 1, 1.5, 2, 3]);
      const expected = boundaryF1By(truth, guess, tolerance);
      for (const backend of [reference, native])
        expect(await evaluate(boundaryF1({ tolerance }), [asBatch(truth, guess)], backend)).toBeCloseTo(expected, 6);
    }
  });
  test('several classes and images: the mean over images, then over classes', async () => {
    const shapes = [rectangle(9, 10, 2, 2, 4, 5), rectangle(9, 10, 1, 3, 5, 4), rectangle(9, 10, 3, 3, 3, 3)];
    const [a, b, c] = shapes as [number[][], number[][], number[][]];
    const logits = (m: number[][]) => [...m.flat().map((v) => 1 - v), ...m.flat()];
    const batch: Batch = [
      floats([...logits(b), ...logits(c)], [2, 2, 9, 10]),
      ints([...a.flat(), ...a.flat()], [2, 9, 10]),
    ];
    const not = (m: number[][]) => m.map((row) => row.map((v) => 1 - v));
    const each = [b, c].flatMap((g) => [boundaryF1By(a, g, 1), boundaryF1By(not(a), not(g), 1)]);
    const expected = each.reduce((x, y) => x + y) / 4;
    expect(await evaluate(boundaryF1({ tolerance: 1 }), [batch])).toBeCloseTo(expected, 6);
    expect(await evaluate(boundaryF1({ tolerance: 1 }), images(batch), native)).toBeCloseTo(expected, 6);
  });
  test('boundaries beside ignored pixels are not counted', async () => {
    const truth = rectangle(10, 12, 2, 2, 6, 6);
    const masked = truth.map((row, i) => row.map((v, j) => (i >= 5 || j >= 6 ? 255 : v)));
    const guess = rectangle(10, 12, 2, 2, 8, 9);
    const [output, target] = asBatch(masked, guess);
    expect(await evaluate(boundaryF1({ ignoreIndex: 255, tolerance: 0 }), [[output, target]])).toBe(1);
  });
});

describe('names', () => {
  test.each([
    ...['iou', 'iou_micro', 'iou_per_class', 'iou_per_image', 'dice', 'dice_per_image', 'f1_per_image'],
    ...['boundary_f1', 'threshold_sweep', 'empty_masks', 'accuracy', 'precision_per_image'],
  ])('%s', (name) => {
    const metric = parseMetric(name, { ignoreIndex: 255 });
    expect(metric.name).toBe(name);
    expect(metric.spec.options!.ignoreIndex).toBe(255);
    expect(parseMetric(JSON.parse(JSON.stringify(metric.spec))).spec).toEqual(metric.spec);
    expect(parseMetric(JSON.parse(JSON.stringify(metric.spec))).name).toBe(name);
  });
  test('options and other spellings', () => {
    expect(parseMetric('mIoU').name).toBe('iou');
    expect(parseMetric('pixel-accuracy').name).toBe('accuracy');
    expect(parseMetric('iou:threshold=0.4,over=image').spec).toEqual({
      name: 'iou',
      options: { threshold: 0.4, over: 'image' },
    });
    expect(parseMetric('top5', { ignoreIndex: 3 }).spec.options).toEqual({ k: 5, ignoreIndex: 3 });
  });
  test('what does not fit is refused in one sentence', () => {
    const at = (metric: Metric, output: Shape, target: Shape) => () =>
      metric.counts(input('x', output), input('y', target, 'int32'));
    expect(() => iou({ threshold: 1 })).toThrow(/iou: threshold must be .* less than 1, got 1/);
    expect(() => iou({ over: 'batch' as never })).toThrow(/over must be "dataset" or "image", got "batch"/);
    expect(() => iou({ zeroDivision: 2 })).toThrow(/zeroDivision .* must be .* at most 1, got 2/);
    expect(() => boundaryF1({ tolerance: -1 })).toThrow(/tolerance must be .* got -1/);
    expect(() => thresholdSweep({ thresholds: [0.5, 1] })).toThrow(/thresholds\[1\] must be .* got 1/);
    expect(at(thresholdSweep(), [2, 3, 4, 4], [2, 4, 4])).toThrow(/one channel, got \[2, 3, 4, 4\]/);
    expect(at(boundaryF1(), [2, 3], [2])).toThrow(/takes outputs \[N, C, H, W\], got \[2, 3\]/);
    expect(at(iou(), [2, 3, 4, 4], [2, 4, 5])).toThrow(/got \[2, 3, 4, 4\] and \[2, 4, 5\]/);
    expect(() => parseMetric('ioo')).toThrow(/unknown metric "ioo", did you mean "iou"\?/);
  });
});

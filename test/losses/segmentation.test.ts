import { describe, expect, test } from 'vitest';
import {
  bceWithLogits,
  crossEntropy,
  dice,
  focal,
  focalTversky,
  jaccard,
  type Loss,
  lovasz,
  parseLoss,
  sum,
  tversky,
} from '../../src/losses/index.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { allocate, type DType } from '../../src/tensor/dtype.js';
import { input } from '../../src/tensor/node.js';
import { type HostTensor, numel, type Shape } from '../../src/tensor/shape.js';
import { expectClose } from '../nn/support.js';
import { checkGradients } from '../tensor/differences.js';
import { Draw } from '../tensor/draw.js';
import { valuesOf } from '../tensor/evaluate.js';
import { forSeeds } from '../tensor/property.js';
import { lossCases, lossOf, named, titleOf } from './cases.js';

const values = (shape: Shape, dtype: DType, list: ArrayLike<number>): HostTensor => {
  const data = allocate(dtype, numel(shape));
  data.set(list);
  return { shape, dtype, data };
};

/** Value of a loss and its gradient by the output. */
function run(loss: Loss, output: HostTensor, target: HostTensor): { value: number; grad: number[] } {
  const x = input('x', output.shape, output.dtype);
  const y = input('y', target.shape, target.dtype);
  const value = loss.apply(x, y);
  expect(value.shape).toEqual([]);
  const [v, g] = valuesOf([value, gradients(value, [x])[0]!], { x: output, y: target });
  return { value: v!.data[0]!, grad: [...g!.data] };
}

describe('values and gradients are those of segmentation_models.pytorch', () => {
  test.each(lossCases.map((c) => [titleOf(c), c] as const))('%s', (_title, c) => {
    const scale = Math.max(...c.grad.map(Math.abs));
    for (const [dtype, tolerance] of [
      ['float64', 1e-8],
      ['float32', 2e-6],
    ] as const) {
      // The probabilities of the fixture are rounded to float32: they add up to one only so far.
      const { value, grad } = run(lossOf(c), named(c.output, dtype), named(c.target));
      expectClose([value], [c.value], tolerance, `value in ${dtype}`);
      expectClose(grad, c.grad, tolerance, `gradient in ${dtype}`, Math.max(scale, 1e-3));
    }
  });

  test('whatever form the target comes in', () => {
    for (const loss of [dice(), jaccard(), focal(), lovasz(), bceWithLogits()]) {
      const x = named('x1');
      const mask = named('y1', 'uint8');
      const expected = run(loss, x, named('y1'));
      for (const target of [mask, { ...mask, shape: x.shape }, named('y1', 'float32'), named('y1', 'bool')])
        expect(run(loss, x, target)).toEqual(expected);
      expect(run(loss, named('xc'), named('yc', 'uint8'))).toEqual(run(loss, named('xc'), named('yc')));
    }
    expect(run(crossEntropy(), named('xc'), named('yc', 'uint8'))).toEqual(
      run(crossEntropy(), named('xc'), named('yc')),
    );
  });
});

const MAKERS: readonly [string, (o: { perImage?: boolean; ignoreIndex?: number }) => Loss][] = [
  ['dice', dice],
  ['jaccard', jaccard],
  ['tversky', (o) => tversky({ alpha: 0.3, beta: 0.7, gamma: 1.5, ...o })],
  ['focal-tversky', focalTversky],
  ['dice, smooth, log', (o) => dice({ smooth: 1, logLoss: true, ...o })],
  ['focal', ({ ignoreIndex }) => focal({ gamma: 1.5, alpha: 0.3, ignoreIndex })],
  ['focal, gamma 0.5', ({ ignoreIndex }) => focal({ gamma: 0.5, ignoreIndex })],
  ['lovasz', lovasz],
  ['bce', ({ ignoreIndex }) => bceWithLogits({ posWeight: 2, smoothFactor: 0.1, ignoreIndex })],
  ['cross-entropy', ({ ignoreIndex }) => crossEntropy({ labelSmoothing: 0.1, ignoreIndex })],
  ['0.3*focal+0.7*dice', ({ ignoreIndex }) => parseLoss('0.3*focal+0.7*dice', { ignoreIndex })],
];

/** Random logits [N, C, H, W] and labels, some of them 255. */
function problem(seed: number, classes: number, ignored: boolean) {
  const draw = new Draw(seed);
  const [n, h, w] = draw.sizes(3, 1, 4) as [number, number, number];
  // All different: the Lovász weights change at ties.
  const x = draw.distinct([n, classes, h, w], 0.07);
  const labels = Math.max(2, classes);
  const y = draw.of([n, h, w], 'int32', (i) => (ignored && i > 0 && draw.bool(0.25) ? 255 : draw.int(0, labels - 1)));
  return { x, y };
}

describe('gradients agree with finite differences in float64', () => {
  for (const [name, make] of MAKERS)
    for (const classes of [1, 3])
      test(`${name}, ${classes} channels`, () => {
        for (let seed = 1; seed <= 6; seed++) {
          const ignored = seed % 2 === 0;
          const { x, y } = problem(seed, classes, ignored);
          const loss = make({ perImage: seed % 3 === 0 ? true : undefined, ignoreIndex: ignored ? 255 : undefined });
          const inputs = [input('x0', x.shape, 'float64'), input('x1', y.shape, 'int32')];
          const value = loss.apply(inputs[0]!, inputs[1]!);
          const traced = { inputs, outputs: [value], feeds: { x0: x, x1: y } };
          checkGradients(traced, value, [0], seed, { tolerance: 2e-7 });
        }
      });
});

describe('properties', () => {
  const OVERLAPS: readonly [string, Loss][] = [
    ['dice', dice()],
    ['jaccard', jaccard()],
    ['tversky', tversky({ alpha: 0.2, beta: 0.6 })],
    ['focal-tversky', focalTversky()],
    ['focal', focal()],
    ['lovasz', lovasz()],
    ['bce', bceWithLogits()],
    ['cross-entropy', crossEntropy()],
  ];

  test.each(OVERLAPS)(
    '%s: a perfect prediction is a loss of 0 with a finite gradient, a wrong one is not',
    (_n, loss) => {
      for (const classes of [1, 3]) {
        const { x, y } = problem(3, classes, false);
        const right = perfect(x.shape, y, 60);
        const good = run(loss, right, y);
        expect(good.value).toBeCloseTo(0, 7);
        expect(good.grad.every(Number.isFinite)).toBe(true);
        const bad = run(loss, { ...right, data: right.data.map((v: number) => -v) as Float64Array }, y);
        expect(bad.value).toBeGreaterThan(0.4);
        expect(bad.grad.every(Number.isFinite)).toBe(true);
      }
    },
  );

  test.each(MAKERS)('%s: what is ignored adds nothing', (_name, make) => {
    for (const classes of [1, 3])
      for (let seed = 1; seed <= 4; seed++) {
        const { x, y } = problem(seed, classes, true);
        const loss = make({ ignoreIndex: 255 });
        const first = run(loss, x, y);
        const [n, , h, w] = x.shape as [number, number, number, number];
        const isIgnored = (i: number) => y.data[Math.floor(i / (classes * h * w)) * h * w + (i % (h * w))] === 255;
        const data = x.data.map((v: number, i: number) => (isIgnored(i) ? 3 - v : v)) as Float64Array;
        const second = run(loss, { ...x, data }, y);
        expect(second.value).toBeCloseTo(first.value, 12);
        expectClose(second.grad, first.grad, 1e-12, 'gradient');
        for (const [i, g] of first.grad.entries()) if (isIgnored(i)) expect(g).toBeCloseTo(0, 15);
        // Nothing counts: no loss and no gradient (cross-entropy is NaN there, as PyTorch's).
        const none = run(loss, x, values(y.shape, 'int32', new Array(n * h * w).fill(255)));
        if (_name !== 'cross-entropy') expect([none.value, ...none.grad].every((v) => v === 0)).toBe(true);
      }
  });

  test('a value that is no class makes the loss NaN', () => {
    const { x, y } = problem(2, 3, false);
    const wrong = { ...y, data: (y.data as Int32Array).with(0, 3) };
    const one = problem(2, 1, false);
    const grey = { ...one.y, data: (one.y.data as Int32Array).with(0, 255) };
    for (const [name, make] of MAKERS) {
      expect(run(make({}), x, wrong).value, name).toBeNaN();
      expect(run(make({}), one.x, grey).value, name).toBeNaN();
      expect(run(make({ ignoreIndex: 255 }), one.x, grey).value, name).not.toBeNaN();
    }
  });

  test('order of images and classes does not matter', () => {
    const swap = (t: HostTensor): HostTensor => {
      const half = t.data.length / t.shape[0]!;
      const images = Array.from({ length: t.shape[0]! }, (_, i) => [...t.data.slice(i * half, (i + 1) * half)]);
      return values(t.shape, t.dtype, images.reverse().flat());
    };
    const { x, y } = problem(5, 3, false);
    for (const [name, make] of MAKERS)
      expect(run(make({}), swap(x), swap(y)).value, name).toBeCloseTo(run(make({}), x, y).value, 12);
  });

  test('per image is the mean over images, per batch is not', () => {
    const { x, y } = problem(5, 3, false);
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const image = (i: number) =>
      [
        values([1, c, h, w], 'float64', x.data.slice(i * c * h * w, (i + 1) * c * h * w)),
        values([1, h, w], 'int32', y.data.slice(i * h * w, (i + 1) * h * w)),
      ] as const;
    for (const make of [dice, jaccard, focalTversky, lovasz]) {
      const each = Array.from({ length: n }, (_, i) => run(make(), ...image(i)).value);
      const mean = each.reduce((a, b) => a + b) / n;
      expect(run(make({ perImage: true }), x, y).value).toBeCloseTo(mean, 12);
      expect(Math.abs(run(make(), x, y).value - mean)).toBeGreaterThan(1e-4);
    }
  });

  test('tversky with equal halves is dice, with ones jaccard; dice = 2 j / (1 + j) of the scores', () => {
    const [x, y] = [named('x1', 'float64'), named('y1')];
    const at = (loss: Loss) => run(loss, x, y).value;
    expect(at(tversky())).toBe(at(dice()));
    expect(at(tversky({ alpha: 1, beta: 1 }))).toBe(at(jaccard()));
    const j = 1 - at(jaccard());
    expect(1 - at(dice())).toBeCloseTo((2 * j) / (1 + j), 12);
    // alpha weighs false positives: predicting everything costs more with it.
    const everything = { ...x, data: x.data.map(() => 30) as Float64Array };
    const costs = [0.1, 0.5, 0.9].map((alpha) => run(tversky({ alpha, beta: 1 - alpha }), everything, y).value);
    expect(costs[0]! < costs[1]! && costs[1]! < costs[2]!).toBe(true);
  });

  test('focal without a power is binary cross-entropy, and smaller with one', () => {
    const [x, y] = [named('x1', 'float64'), named('y1')];
    expect(run(focal({ gamma: 0 }), x, y)).toEqual(run(bceWithLogits(), x, y));
    expect(run(focal({ gamma: 2 }), x, y).value).toBeLessThan(run(bceWithLogits(), x, y).value);
  });

  test('cross-entropy of one channel is binary cross-entropy', () => {
    const a = run(crossEntropy(), named('x1', 'float64'), named('y1'));
    const b = run(bceWithLogits(), named('x1', 'float64'), named('y1'));
    expect(a.value).toBeCloseTo(b.value, 12);
    expectClose(a.grad, b.grad, 1e-12, 'gradient');
    const column = { ...named('y1'), shape: named('x1').shape };
    expect(run(crossEntropy(), named('x1', 'float64'), column)).toEqual(a);
  });

  test('the mean of bce is over what counts, or over everything as in smp', () => {
    const [x, y] = [named('x1', 'float64'), named('y1i')];
    const counted = y.data.filter((v: number) => v !== 255).length;
    const all = run(bceWithLogits({ ignoreIndex: 255, meanOver: 'all' }), x, y).value;
    expect(run(bceWithLogits({ ignoreIndex: 255 }), x, y).value).toBeCloseTo((all * y.data.length) / counted, 12);
  });

  test('Lovász of hard errors is the Jaccard loss of the mistakes', () => {
    forSeeds(60, (seed) => {
      const draw = new Draw(seed);
      const shape = [1, 1, 1, draw.int(1, 20)];
      const [truth, guess] = [draw.ints(shape, 0, 1), draw.of(shape, 'float64', () => draw.int(0, 1))];
      const { value } = run(lovasz({ logits: false }), guess, truth);
      const pairs = [...truth.data].map((t, i) => [t, guess.data[i]!] as const);
      const both = pairs.filter(([t, g]) => t && g).length;
      const either = pairs.filter(([t, g]) => t || g).length;
      expect(value).toBeCloseTo(either === 0 ? 0 : 1 - both / either, 12);
    });
  });
});

/** Logits of size `by` that say the truth. */
function perfect(shape: Shape, y: HostTensor, by: number): HostTensor {
  const [, c, h, w] = shape as [number, number, number, number];
  const data = Array.from({ length: numel(shape) }, (_, i) => {
    const label = y.data[Math.floor(i / (c * h * w)) * h * w + (i % (h * w))]!;
    const channel = Math.floor(i / (h * w)) % c;
    return (c === 1 ? label === 1 : label === channel) ? by : -by;
  });
  return values(shape, 'float64', data);
}

describe('names and sums', () => {
  test.each(['dice', 'jaccard', 'tversky', 'focal', 'focal-tversky', 'lovasz', 'bce', 'cross-entropy'])(
    '%s',
    (name) => {
      const made = parseLoss(name, { ignoreIndex: 9 });
      expect(made.name).toBe(name);
      expect(made.spec.options).toEqual({ ignoreIndex: 9 });
      expect(parseLoss(JSON.parse(JSON.stringify(made.spec))).spec).toEqual(made.spec);
    },
  );
  test('factors and options are read from text', () => {
    const made = parseLoss('0.3*focal:gamma=3 + 0.7*dice+tversky:alpha=0.3,beta=0.7,classes=[0,2]', { ignoreIndex: 5 });
    const term = (weight: number, name: string, options: object) => ({ weight, loss: { name, options } });
    expect(made.spec).toEqual({
      name: 'sum',
      options: {
        terms: [
          term(0.3, 'focal', { gamma: 3, ignoreIndex: 5 }),
          term(0.7, 'dice', { ignoreIndex: 5 }),
          term(1, 'tversky', { alpha: 0.3, beta: 0.7, classes: [0, 2], ignoreIndex: 5 }),
        ],
      },
    });
    expect(parseLoss(made.spec, { ignoreIndex: 7 }).spec).toEqual(made.spec);
    expect(parseLoss('0.5*dice').name).toBe('0.5 dice');
    expect(parseLoss('iou').name).toBe('jaccard');
    expect(parseLoss('mse', { ignoreIndex: 5 }).spec.options).toEqual({});
  });
  test('0.3*focal+0.7*dice is what it says', () => {
    const [x, y] = [named('xc', 'float64'), named('yc')];
    const both = run(parseLoss('0.3*focal+0.7*dice'), x, y).value;
    expect(both).toBeCloseTo(0.3 * run(focal(), x, y).value + 0.7 * run(dice(), x, y).value, 12);
    expect(run(sum([0.3, focal()], [0.7, dice()]), x, y).value).toBe(both);
  });
});

describe('what does not fit is refused in one sentence', () => {
  const at =
    (loss: Loss, output: Shape, target: Shape, dtype: DType = 'int32') =>
    () =>
      loss.apply(input('x', output), input('y', target, dtype));
  test.each<[() => unknown, RegExp]>([
    [() => dice({ smoth: 1 } as never), /unknown option of dice "smoth", did you mean "smooth"\?/],
    [() => dice({ alpha: 1 } as never), /unknown option of dice "alpha"/],
    [() => dice({ eps: 0 }), /dice: eps must be .* greater than 0, got 0/],
    [() => tversky({ alpha: -1 }), /tversky: alpha must be .* got -1/],
    [() => dice({ perImage: 'yes' as never }), /perImage must be true or false, got "yes"/],
    [() => dice({ classes: [0, 0] }), /a class is named twice in classes \[0, 0\]/],
    [() => dice({ weight: [0, 0] }), /the weights of all classes are 0/],
    [() => focal({ alpha: 2 }), /focal: alpha must be .* at most 1, got 2/],
    [() => lovasz({ classes: 'some' as never }), /classes must be "present", "all" or a list/],
    [() => bceWithLogits({ meanOver: 'some' as never }), /meanOver must be "counted" or "all", got "some"/],
    [at(dice({ classes: [4] }), [2, 3, 4, 4], [2, 4, 4]), /classes names 4, the output has the channels 0 to 2/],
    [at(dice({ weight: [1, 2] }), [2, 3, 4, 4], [2, 4, 4]), /2 values in weight do not fit an output of 3 channels/],
    [at(dice({ classes: [0] }), [2, 1, 4, 4], [2, 4, 4]), /one channel has no classes to choose from/],
    [at(dice(), [2, 3, 4, 4], [2, 4, 5]), /dice: the output is \[2, 3, 4, 4\] and the target \[2, 4, 5\]/],
    [at(dice(), [2, 3, 4, 4], [2, 4, 4], 'float32'), /class numbers .* must be integers, got float32\[2, 4, 4\]/],
    [at(lovasz(), [4], [4]), /lovasz: takes outputs \[N, C, ...\], got \[4\]/],
    [() => parseLoss('dise'), /unknown loss "dise", did you mean "dice"\?/],
    [() => parseLoss('dice:smooth'), /"smooth" in "dice:smooth" is no option/],
  ])('%s', (make, message) => {
    expect(make).toThrow(message);
  });
});

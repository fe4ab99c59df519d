import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bceWithLogits, crossEntropy, type Loss, mse, parseLoss, sum } from '../../src/losses/index.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { input } from '../../src/tensor/node.js';
import { type HostTensor, hostTensor, type Shape } from '../../src/tensor/shape.js';
import type { Json } from '../../src/util/registry.js';
import { Bench, expectClose, fixture } from '../nn/support.js';

interface Case {
  readonly name: string;
  readonly options: Record<string, Json>;
  readonly output: number[];
  readonly outputShape: number[];
  readonly target: number[];
  readonly targetShape: number[];
  readonly intTarget: boolean;
  readonly value: number;
  readonly grad: number[];
}
/** Made by test/fixtures/make_optim.py. */
const { losses: cases } = fixture('optim.json') as { losses: Case[] };

const bench = new Bench();
const floats = (values: number[], shape: Shape) => hostTensor(Float32Array.from(values), shape);
const ints = (values: number[], shape: Shape) => hostTensor(Int32Array.from(values), shape);

/** Value of a loss and its gradient with respect to the output. */
async function evaluate(loss: Loss, output: HostTensor, target: HostTensor) {
  const x = input('x', output.shape, output.dtype);
  const y = input('y', target.shape, target.dtype);
  const value = loss.apply(x, y);
  expect(value.shape).toEqual([]);
  const found = await bench.run({ outputs: { value, dx: gradients(value, [x])[0]! } }, { x: output, y: target });
  return { value: found.value!.data[0]!, grad: [...found.dx!.data] };
}

describe('values and gradients are those of PyTorch', () => {
  test.each(cases.map((c) => [`${c.name} ${JSON.stringify(c.options)}`, c] as const))('%s', async (_name, c) => {
    const target = (c.intTarget ? ints : floats)(c.target, c.targetShape);
    const { value, grad } = await evaluate(
      parseLoss({ name: c.name, options: c.options }),
      floats(c.output, c.outputShape),
      target,
    );
    expectClose([value], [c.value], 1e-6, 'value');
    expectClose(grad, c.grad, 2e-6, 'gradient', Math.max(...c.grad.map(Math.abs)));
  });
});

describe('cross-entropy', () => {
  const logits = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 5, maxLength: 5 });
  const ce = crossEntropy();

  test('does not change when all logits move together', async () => {
    await fc.assert(
      fc.asyncProperty(logits, fc.integer({ min: -30, max: 30 }), fc.nat(4), async (row, shift, y) => {
        const exact = row.map((v) => Math.round(v * 64) / 64);
        const a = await evaluate(ce, floats(exact, [1, 5]), ints([y], [1]));
        const b = await evaluate(
          ce,
          floats(
            exact.map((v) => v + shift),
            [1, 5],
          ),
          ints([y], [1]),
        );
        expectClose([b.value, ...b.grad], [a.value, ...a.grad], 4e-6, 'shifted');
      }),
      { numRuns: 40 },
    );
  });
  test.each([2, 3, 10, 1000])('is log n for %i equal logits', async (n) => {
    const { value, grad } = await evaluate(ce, floats(new Array(n).fill(0.7), [1, n]), ints([1], [1]));
    expect(value).toBeCloseTo(Math.log(n), 5);
    expect(grad.reduce((s, g) => s + g, 0)).toBeCloseTo(0, 5);
  });
  test('stays finite for huge logits and for classes that are impossible', async () => {
    const huge = await evaluate(ce, floats([3e38, -3e38, 0], [1, 3]), ints([0], [1]));
    expect([huge.value, ...huge.grad].map((v) => v + 0)).toEqual([0, 0, 0, 0]);
    const impossible = await evaluate(ce, floats([1, Number.NEGATIVE_INFINITY, 1], [1, 3]), ints([0], [1]));
    expect(impossible.value).toBeCloseTo(Math.LN2, 6);
    expectClose(impossible.grad, [-0.5, 0, 0.5], 1e-6, 'gradient');
    const wrong = await evaluate(ce, floats([1, Number.NEGATIVE_INFINITY], [1, 2]), ints([1], [1]));
    expect(wrong.value).toBe(Number.POSITIVE_INFINITY);
  });
  test('ignored targets count neither in the sum nor in the mean', async () => {
    const rows = [1, 2, 3, 0, 1, 0, 2, 2, 1];
    const some = await evaluate(crossEntropy({ ignoreIndex: 1 }), floats(rows, [3, 3]), ints([0, 1, 2], [3]));
    const rest = await evaluate(ce, floats([1, 2, 3, 2, 2, 1], [2, 3]), ints([0, 2], [2]));
    expect(some.value).toBeCloseTo(rest.value, 6);
    expect(some.grad.slice(3, 6)).toEqual([0, 0, 0]);
  });
  test('takes bytes as class numbers', async () => {
    const target = { shape: [1], dtype: 'uint8' as const, data: Uint8Array.of(1) };
    const { value } = await evaluate(ce, floats([0, 0], [1, 2]), target);
    expect(value).toBeCloseTo(Math.LN2, 6);
  });
});

describe('binary cross-entropy with logits', () => {
  test('is log 2 at logit 0, symmetric, and linear far out', async () => {
    const bce = bceWithLogits();
    const at = async (x: number, z: number) => (await evaluate(bce, floats([x], [1]), floats([z], [1]))).value;
    expect(await at(0, 1)).toBeCloseTo(Math.LN2, 6);
    expect(await at(1.5, 1)).toBeCloseTo(await at(-1.5, 0), 6);
    expect(await at(-1e4, 1)).toBe(1e4);
    expect(await at(1e4, 1)).toBe(0);
    expect(await at(3e38, 0)).toBeCloseTo(3e38, -33);
  });
  test('takes masks without a channel axis, as bytes', async () => {
    const target = { shape: [1, 2, 2], dtype: 'uint8' as const, data: Uint8Array.of(1, 0, 0, 1) };
    const { value } = await evaluate(bceWithLogits(), floats([0, 0, 0, 0], [1, 1, 2, 2]), target);
    expect(value).toBeCloseTo(Math.LN2, 6);
  });
});

describe('combinations', () => {
  const x = floats([0.5, -1, 2, 0], [2, 2]);
  const y = floats([1, 0, 0.5, 1], [2, 2]);
  test('a sum adds values and gradients with their weights', async () => {
    const a = await evaluate(bceWithLogits(), x, y);
    const b = await evaluate(mse(), x, y);
    for (const both of [
      sum(bceWithLogits(), [0.5, mse()]),
      parseLoss('bce + 0.5*mse'),
      parseLoss(sum(bceWithLogits(), [0.5, mse()]).spec),
    ]) {
      const { value, grad } = await evaluate(both, x, y);
      expect(value).toBeCloseTo(a.value + 0.5 * b.value, 6);
      expectClose(
        grad,
        a.grad.map((g, i) => g + 0.5 * b.grad[i]!),
        1e-6,
        'gradient',
      );
      expect(both.name).toBe('bce + 0.5 mse');
    }
  });
  test('specs make the same loss again', () => {
    for (const text of ['ce', 'bce', 'mse', '2*mse+cross-entropy']) {
      const made = parseLoss(text);
      expect(parseLoss(JSON.parse(JSON.stringify(made.spec))).spec).toEqual(made.spec);
    }
    expect(parseLoss('crossEntropy').name).toBe('cross-entropy');
  });
});

describe('what does not fit is refused in one sentence', () => {
  const apply = (loss: Loss, output: Shape, target: Shape) => () => loss.apply(input('x', output), input('y', target));
  test.each<[() => unknown, RegExp]>([
    [() => crossEntropy({ labelSmoothing: 1.5 }), /labelSmoothing must be .* at most 1, got 1.5/],
    [() => crossEntropy({ weight: [1, -2] }), /weight\[1\] must be .* got -2/],
    [() => crossEntropy({ weight: 3 as never }), /weight must be a list/],
    [
      () => crossEntropy({ smoothing: 0.1 } as never),
      /unknown option of cross-entropy "smoothing", did you mean "labelSmoothing"\?/,
    ],
    [() => bceWithLogits({ posWeight: [1, Number.NaN] }), /posWeight must be .* got NaN/],
    [
      apply(bceWithLogits({ posWeight: [1, 2] }), [2, 3, 4, 4], [2, 3, 4, 4]),
      /2 values in posWeight do not fit an output \[2, 3, 4, 4\]/,
    ],
    [apply(bceWithLogits(), [2, 3], [2, 4]), /bce: the output is \[2, 3\] and the target \[2, 4\]/],
    [apply(mse(), [2, 3], [3]), /mse: the output is \[2, 3\] and the target \[3\]/],
    [
      () => crossEntropy({ weight: [1, 2] }).apply(input('x', [4, 3]), input('y', [4], 'int32')),
      /class weights must be/,
    ],
    [() => sum(), /at least one loss/],
    [() => sum([Number.NaN, mse()]), /weight of mse must be .* got NaN/],
    [() => parseLoss('bec'), /unknown loss "bec", did you mean "bce"\?/],
    [() => parseLoss('bce+'), /"bce\+" is no loss/],
    [() => parseLoss('x*bce'), /"x" in the loss "x\*bce" is no number/],
  ])('%s', (make, message) => {
    expect(make).toThrow(message);
  });
});

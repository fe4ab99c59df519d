import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/tensor/autodiff.js';
import { apply, applyAll, constant, full, input, type Tensor } from '../../src/tensor/node.js';
import type { ConvAttrs, OpAttrs, OpName } from '../../src/tensor/ops/signatures.js';
import { type HostTensor, hostTensor, numel, type Shape } from '../../src/tensor/shape.js';
import { Draw } from './draw.js';
import { valuesOf } from './evaluate.js';
import { forSeeds } from './property.js';
import { sample } from './samples.js';

const f64 = (shape: Shape, ...values: number[]) => hostTensor(Float64Array.from(values), shape);
const value = (t: Tensor) => valuesOf([t])[0]!;
const list = (t: Tensor) => [...value(t).data];
const dot = (a: HostTensor, b: HostTensor) => {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += a.data[i]! * b.data[i]!;
  return sum;
};
const run = <K extends OpName>(op: K, inputs: HostTensor[], attrs: OpAttrs[K]) =>
  value(apply(op, inputs.map(constant), attrs));

describe('linear operations and their adjoints: <u, A x> = <A* u, x>', () => {
  test('convolution and transposed convolution', () => {
    forSeeds(40, (seed) => {
      const { inputs, attrs } = sample('conv2d', seed);
      const [x, w] = inputs as [HostTensor, HostTensor];
      const y = run('conv2d', [x, w], attrs);
      const u = new Draw(seed).floats(y.shape);
      const rest = ([2, 3] as const).map((d, i) => {
        const { stride, padding, dilation } = attrs as ConvAttrs;
        return x.shape[d]! - ((y.shape[d]! - 1) * stride[i]! - 2 * padding[i]! + dilation[i]! * (w.shape[d]! - 1) + 1);
      }) as [number, number];
      const back = run('convTranspose2d', [u, w], { ...attrs, outputPadding: rest });
      expect(dot(u, y)).toBeCloseTo(dot(back, x), 9);
      expect(dot(u, y)).toBeCloseTo(
        dot(run('conv2dWeightGrad', [x, u], { ...attrs, kernel: [w.shape[2]!, w.shape[3]!] }), w),
        9,
      );
    });
  });

  test('average pooling, adaptive pooling and resizing', () => {
    forSeeds(40, (seed) => {
      const draw = new Draw(seed);
      const size = (t: HostTensor) => [t.shape[2]!, t.shape[3]!] as const;
      const pool = sample('avgPool2d', seed);
      const pooled = run('avgPool2d', [...pool.inputs], pool.attrs);
      const u = draw.floats(pooled.shape);
      expect(dot(u, pooled)).toBeCloseTo(
        dot(run('avgPool2dGrad', [u], { ...pool.attrs, inputSize: size(pool.inputs[0]!) }), pool.inputs[0]!),
        9,
      );

      const bins = sample('adaptiveAvgPool2d', seed);
      const means = run('adaptiveAvgPool2d', [...bins.inputs], bins.attrs);
      const v = draw.floats(means.shape);
      expect(dot(v, means)).toBeCloseTo(
        dot(run('adaptiveAvgPool2dGrad', [v], { inputSize: size(bins.inputs[0]!) }), bins.inputs[0]!),
        9,
      );

      const resize = sample('resize2d', seed);
      const resized = run('resize2d', [...resize.inputs], resize.attrs);
      const w = draw.floats(resized.shape);
      expect(dot(w, resized)).toBeCloseTo(
        dot(run('resize2dGrad', [w], { ...resize.attrs, inputSize: size(resize.inputs[0]!) }), resize.inputs[0]!),
        9,
      );
    });
  });
});

describe('convolution', () => {
  test('groups are separate convolutions side by side', () => {
    forSeeds(20, (seed) => {
      const draw = new Draw(seed);
      const attrs = { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 1 } as const;
      const [x, w] = [constant(draw.floats([2, 6, 7, 8])), constant(draw.floats([4, 3, 3, 2]))];
      const part = (t: Tensor, axis: number, from: number, to: number) =>
        apply('slice', [t], {
          start: t.shape.map((_, i) => (i === axis ? from : 0)),
          stop: t.shape.map((d, i) => (i === axis ? to : d)),
          step: t.shape.map(() => 1),
        });
      const halves = [0, 1].map((g) =>
        apply('conv2d', [part(x, 1, 3 * g, 3 * g + 3), part(w, 0, 2 * g, 2 * g + 2)], attrs),
      );
      const whole = apply('conv2d', [x, w], { ...attrs, groups: 2 });
      expect(list(whole)).toEqual(list(apply('concat', halves, { axis: 1 })));
    });
  });

  test('a 1x1 convolution is a matrix product over channels', () => {
    const draw = new Draw(3);
    const [x, w] = [draw.floats([2, 5, 3, 4]), draw.floats([6, 5, 1, 1])];
    const attrs = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;
    const product = apply('matmul', [constant(w).reshape([6, 5]), constant(x).reshape([2, 5, 12])], {
      transposeA: false,
      transposeB: false,
    });
    expect(list(apply('conv2d', [constant(x), constant(w)], attrs))).toEqual(list(product));
  });
});

describe('pooling', () => {
  const window = { kernel: [2, 2], stride: [1, 1], padding: [0, 0], dilation: [1, 1], ceilMode: false } as const;

  test('padding never wins a maximum, also not against negative numbers', () => {
    const x = f64([1, 1, 2, 2], -5, -6, -7, -8);
    expect([...run('maxPool2d', [x], { ...window, kernel: [3, 3], stride: [2, 2], padding: [1, 1] }).data]).toEqual([
      -5,
    ]);
  });

  test('NaN wins, and takes the gradient', () => {
    const x = f64([1, 1, 2, 3], 1, Number.NaN, 3, 4, 5, 6);
    expect([...run('maxPool2d', [x], window).data]).toEqual([Number.NaN, Number.NaN]);
    expect([...run('maxPool2dGrad', [x, f64([1, 1, 1, 2], 10, 20)], window).data]).toEqual([0, 30, 0, 0, 0, 0]);
  });

  test('among equals the first in row-major order takes the gradient, also among negative infinities', () => {
    for (const v of [7, Number.NEGATIVE_INFINITY])
      expect([...run('maxPool2dGrad', [f64([1, 1, 2, 2], v, v, v, v), f64([1, 1, 1, 1], 3)], window).data]).toEqual([
        3, 0, 0, 0,
      ]);
  });

  test('the mean of a constant is that constant, where padding does not count', () => {
    forSeeds(40, (seed) => {
      const { inputs, attrs } = sample('avgPool2d', seed);
      const constantImage = { ...inputs[0]!, data: new Float64Array(numel(inputs[0]!.shape)).fill(2.5) };
      const y = run('avgPool2d', [constantImage], { ...attrs, countIncludePad: false });
      for (const v of y.data) expect(v).toBeCloseTo(2.5, 12);
    });
  });

  test('adaptive pooling to one pixel is the mean, to the same size the identity', () => {
    const x = new Draw(5).floats([2, 3, 4, 5]);
    const one = run('adaptiveAvgPool2d', [x], { size: [1, 1] });
    const means = value(constant(x).mean([2, 3]));
    for (const [i, v] of means.data.entries()) expect(one.data[i]).toBeCloseTo(v, 12);
    expect(run('adaptiveAvgPool2d', [x], { size: [4, 5] }).data).toEqual(x.data);
  });
});

describe('normalisation', () => {
  test('batch normalisation makes mean beta and variance gamma^2', () => {
    forSeeds(20, (seed) => {
      const { inputs } = sample('batchNorm', seed);
      const [x, gamma, beta] = inputs.map(constant) as [Tensor, Tensor, Tensor];
      const [y] = applyAll('batchNorm', [x, gamma, beta], { eps: 0 });
      const axes = x.shape.map((_, i) => i).filter((i) => i !== 1);
      const mean = y!.mean(axes, { keepDims: true });
      const [m, v] = valuesOf([mean, y!.sub(mean).mul(y!.sub(mean)).mean(axes)]);
      for (const [c, g] of inputs[1]!.data.entries()) {
        expect(m!.data[c]).toBeCloseTo(inputs[2]!.data[c]!, 10);
        expect(v!.data[c]).toBeCloseTo(g * g, 10);
      }
    });
  });

  test("inference with the batch's own statistics repeats training", () => {
    const { inputs, attrs } = sample('batchNorm', 11);
    const [x, gamma, beta] = inputs.map(constant) as [Tensor, Tensor, Tensor];
    const [y, mean, variance] = applyAll('batchNorm', [x, gamma, beta], attrs) as [Tensor, Tensor, Tensor];
    expect(list(apply('batchNormInference', [x, gamma, beta, mean, variance], attrs))).toEqual(list(y));
  });

  test('a channel that never changes gives beta and finite gradients', () => {
    const x = input('x', [3, 1], 'float64');
    const [y] = applyAll('batchNorm', [x, full([1], 2, 'float64'), full([1], 0.5, 'float64')], { eps: 1e-5 });
    const [dx] = gradients(y!, [x], constant(f64([3, 1], 1, -2, 4)));
    const [out, grad] = valuesOf([y!, dx!], { x: f64([3, 1], 7, 7, 7) });
    expect([...out!.data]).toEqual([0.5, 0.5, 0.5]);
    expect(grad!.data.every((v: number) => Number.isFinite(v))).toBe(true);
  });

  test("local response normalisation without neighbours' weight only divides by k^beta", () => {
    const x = new Draw(4).floats([1, 5, 2, 3]);
    const y = run('localResponseNorm', [x], { size: 5, alpha: 0, beta: 0.5, k: 4 });
    for (const [i, v] of y.data.entries()) expect(v).toBeCloseTo(x.data[i]! / 2, 14);
  });
});

describe('resizing', () => {
  const bilinear = (size: [number, number], alignCorners: boolean) =>
    ({ mode: 'bilinear', size, alignCorners }) as const;

  test('keeps the image at its own size, constants at any size, and corners where they are aligned', () => {
    forSeeds(30, (seed) => {
      const draw = new Draw(seed);
      const x = draw.floats([1, 2, draw.int(2, 6), draw.int(2, 6)]);
      const [H, W] = [x.shape[2]!, x.shape[3]!];
      for (const corners of [false, true]) expect(run('resize2d', [x], bilinear([H, W], corners)).data).toEqual(x.data);
      const [h, w] = [draw.int(2, 9), draw.int(2, 9)];
      const same = { ...x, data: new Float64Array(x.data.length).fill(1.5) };
      for (const v of run('resize2d', [same], bilinear([h, w], draw.bool())).data) expect(v).toBeCloseTo(1.5, 14);
      const y = run('resize2d', [x], bilinear([h, w], true)).data;
      expect([y[0], y[w - 1], y[h * w - 1]]).toEqual([
        x.data[0],
        expect.closeTo(x.data[W - 1]!, 12),
        expect.closeTo(x.data[H * W - 1]!, 12),
      ]);
    });
  });

  test('nearest by a whole factor repeats pixels', () => {
    const x = f64([1, 1, 1, 3], 1, 2, 3);
    const y = run('resize2d', [x], { mode: 'nearest', size: [2, 6], alignCorners: false });
    expect([...y.data]).toEqual([1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3]);
  });
});

describe('softmax and losses', () => {
  test('softmax sums to one, does not see a shift, and survives large numbers', () => {
    const x = f64([2, 3], 1000, 1001, 1002, -1000, -1000, -1000);
    const y = run('softmax', [x], { axis: 1 });
    expect(y.data[0]! + y.data[1]! + y.data[2]!).toBeCloseTo(1, 14);
    const shifted = run('softmax', [f64([2, 3], 0, 1, 2, 5, 5, 5)], { axis: 1 });
    for (const [i, v] of y.data.entries()) expect(v).toBeCloseTo(shifted.data[i]!, 12);
    const logs = run('logSoftmax', [x], { axis: 1 });
    for (const [i, v] of logs.data.entries()) expect(v).toBeCloseTo(Math.log(y.data[i]!), 12);
  });

  const attrs = { labelSmoothing: 0, ignoreIndex: -100, reduction: 'mean' } as const;
  const target = (...classes: number[]) => hostTensor(Int32Array.from(classes), [classes.length]);

  test('equal logits cost log of the number of classes', () => {
    const loss = run('crossEntropy', [f64([2, 5], ...new Array(10).fill(3)), target(1, 4)], attrs);
    expect(loss.data[0]).toBeCloseTo(Math.log(5), 14);
  });

  test('certain and right costs nothing, certain and wrong costs the distance', () => {
    const logits = f64([2, 2], 1e4, 0, 1e4, 0);
    const each = run('crossEntropy', [logits, target(0, 1)], { ...attrs, reduction: 'none' });
    expect([...each.data]).toEqual([0, 1e4]);
  });

  test('ignored targets add neither loss nor gradient, and the mean is over the others', () => {
    const logits = input('x', [3, 2], 'float64');
    const z = constant(target(0, 255, 1));
    const loss = apply('crossEntropy', [logits, z], { ...attrs, ignoreIndex: 255 });
    const feeds = { x: f64([3, 2], 1, 2, 50, -50, 0.5, 1.5) };
    const [l, dx] = valuesOf([loss, gradients(loss, [logits])[0]!], feeds);
    expect(l!.data[0]).toBeCloseTo((Math.log(1 + Math.E) + Math.log(1 + Math.exp(-1))) / 2, 14);
    expect([...dx!.data.slice(2, 4)]).toEqual([0, 0]);
  });

  test('a class that does not exist spoils the loss instead of being learned', () => {
    for (const wrong of [2, -1])
      expect(run('crossEntropy', [f64([2, 2], 0, 0, 0, 0), target(0, wrong)], attrs).data[0]).toBeNaN();
  });

  test('nothing but ignored targets has no mean: NaN, as in PyTorch, and a sum of zero', () => {
    const inputs = [f64([1, 2], 1, 2), target(-100)];
    expect(run('crossEntropy', inputs, attrs).data[0]).toBeNaN();
    expect(run('crossEntropy', inputs, { ...attrs, reduction: 'sum' }).data[0]).toBe(0);
  });

  test('binary cross-entropy stays finite for logits of a thousand', () => {
    const [x, z] = [f64([4], 1000, 1000, -1000, -1000), f64([4], 1, 0, 1, 0)];
    expect([...run('bceWithLogits', [x, z], {}).data]).toEqual([0, 1000, 1000, 0]);
  });
});

describe('NaN and infinity', () => {
  const odd = f64([4], Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0);

  test('are found by isFinite and allFinite', () => {
    expect([...run('isFinite', [odd], {}).data]).toEqual([0, 0, 0, 1]);
    expect(run('allFinite', [odd], {}).data[0]).toBe(0);
    expect(run('allFinite', [f64([2], 1, -1e308)], {}).data[0]).toBe(1);
  });

  test('NaN passes through relu, maximum, max and argmax', () => {
    expect([...run('relu', [odd], {}).data]).toEqual([Number.NaN, Number.POSITIVE_INFINITY, 0, 0]);
    expect(run('maximum', [f64([], 1), f64([], Number.NaN)], {}).data[0]).toBeNaN();
    expect(run('minimum', [f64([], Number.NaN), f64([], 1)], {}).data[0]).toBeNaN();
    expect(run('max', [f64([3], 1, Number.NaN, 2)], { axes: [0], keepDims: false }).data[0]).toBeNaN();
    expect(run('argmax', [f64([4], 1, Number.NaN, 2, Number.NaN)], { axis: 0 }).data[0]).toBe(1);
  });

  test('where does not let the other branch through', () => {
    const x = input('x', [2], 'float64');
    const safe = apply(
      'where',
      [apply('less', [full([], 0, 'float64'), x], {}), apply('log', [x], {}), full([], 0, 'float64')],
      {},
    );
    expect([...valuesOf([safe], { x: f64([2], -1, 1) })[0]!.data]).toEqual([0, 0]);
  });
});

import { afterAll, describe, expect, test } from 'vitest';
import { createNativeBackend } from '../../src/backends/native/index.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { apply, applyAll, full, input, type Tensor } from '../../src/tensor/node.js';
import type { HostTensor } from '../../src/tensor/shape.js';
import { Draw } from '../tensor/draw.js';
import { expectClose, runOn } from './conformance.js';

const native = createNativeBackend();
const reference = createReferenceBackend();
afterAll(() => native.dispose());

const window = (k: number, stride: number, padding = 0) => ({
  kernel: [k, k] as const,
  stride: [stride, stride] as const,
  padding: [padding, padding] as const,
});
const conv = (padding: number, stride = 1) => ({
  stride: [stride, stride] as const,
  padding: [padding, padding] as const,
  dilation: [1, 1] as const,
  groups: 1,
});

/** Declares states with drawn values on first mention. */
class Net {
  readonly states: Record<string, HostTensor> = {};
  readonly params = new Map<string, Tensor>();
  constructor(readonly draw: Draw) {}

  param(name: string, shape: number[], scale: number): Tensor {
    this.states[name] = this.draw.floats(shape, -scale, scale);
    const t = apply('state', [], { name, shape, dtype: 'float32' });
    this.params.set(name, t);
    return t;
  }
  conv(name: string, x: Tensor, out: number, k: number, padding: number, bias = true): Tensor {
    const scale = Math.sqrt(3 / (x.shape[1]! * k * k));
    const w = this.param(`${name}.weight`, [out, x.shape[1]!, k, k], scale);
    return apply('conv2d', bias ? [x, w, this.param(`${name}.bias`, [out], 0.1)] : [x, w], conv(padding));
  }
  norm(name: string, x: Tensor): Tensor {
    const c = x.shape[1]!;
    const [gamma, beta] = [this.param(`${name}.weight`, [c], 1), this.param(`${name}.bias`, [c], 0.5)];
    return applyAll('batchNorm', [x, gamma, beta], { eps: 1e-5 })[0]!;
  }
  linear(name: string, x: Tensor, out: number): Tensor {
    const k = x.shape[1]!;
    const w = this.param(`${name}.weight`, [out, k], Math.sqrt(3 / k));
    return apply('matmul', [x, w, this.param(`${name}.bias`, [out], 0.1)], { transposeA: false, transposeB: true });
  }
}

const relu = (x: Tensor) => apply('relu', [x], {});
const flatten = (x: Tensor) => x.reshape([x.shape[0]!, -1]);

/** SGD with momentum as one graph, as the optimizer writes it. */
function trainingStep(net: Net, loss: Tensor, lr = 0.05) {
  const names = [...net.params.keys()];
  const grads = gradients(loss, [...net.params.values()]);
  const updates: Record<string, Tensor> = {};
  for (const [i, name] of names.entries()) {
    const w = net.params.get(name)!;
    net.states[`${name}.momentum`] = {
      shape: w.shape,
      dtype: 'float32',
      data: new Float32Array(w.shape.reduce((a, b) => a * b, 1)),
    };
    const m = apply('state', [], { name: `${name}.momentum`, shape: w.shape, dtype: 'float32' });
    const next = m.mul(0.9).add(grads[i]!);
    updates[`${name}.momentum`] = next;
    updates[name] = w.sub(next.mul(full([], lr)));
  }
  return buildGraph({ outputs: { loss }, updates });
}

async function compareTraining(
  net: Net,
  loss: Tensor,
  inputs: Record<string, HostTensor>,
  steps: number,
  tolerance: number,
) {
  const graph = trainingStep(net, loss);
  const got = await runOn(native, graph, inputs, net.states, steps);
  const want = await runOn(reference, graph, inputs, net.states, steps);
  expectClose(got.outputs.loss!, want.outputs.loss!, tolerance, 'loss');
  for (const [name, e] of Object.entries(want.states)) expectClose(got.states[name]!, e, tolerance, name);
  // The steps did something: weights moved by much more than the tolerance.
  for (const name of net.params.keys()) {
    const moved = Math.max(...want.states[name]!.data.map((v, i) => Math.abs(v - net.states[name]!.data[i]!)));
    expect(moved, name).toBeGreaterThan(tolerance);
  }
}

describe('training steps agree with the reference', () => {
  test('convolution, ReLU, max pooling, linear, cross-entropy; channels that fill no block', async () => {
    const net = new Net(new Draw(1, 'float32'));
    const x = input('x', [5, 3, 13, 11]);
    let y = apply('maxPool2d', [relu(net.conv('a', x, 20, 3, 1))], {
      ...window(2, 2),
      dilation: [1, 1],
      ceilMode: true,
    });
    y = relu(net.conv('b', y, 37, 3, 1));
    y = apply('maxPool2d', [y], { ...window(3, 2, 1), dilation: [1, 1], ceilMode: false });
    y = relu(net.linear('c', flatten(y), 23));
    const target = input('target', [5], 'int32');
    const attrs = { labelSmoothing: 0.1, ignoreIndex: -100, reduction: 'mean' } as const;
    const loss = apply('crossEntropy', [net.linear('d', y, 7), target], attrs);
    const draw = new Draw(2, 'float32');
    await compareTraining(net, loss, { x: draw.floats(x.shape), target: draw.ints([5], 0, 6) }, 4, 2e-5);
  });

  test('Winograd sizes: 3x3 convolutions with batch norm, skip concatenation, transposed convolution, BCE', async () => {
    const net = new Net(new Draw(3, 'float32'));
    const x = input('x', [2, 32, 34, 31]);
    const skip = relu(net.norm('n1', net.conv('a', x, 32, 3, 1, false)));
    const low = relu(
      net.norm(
        'n2',
        net.conv(
          'b',
          apply('avgPool2d', [skip], { ...window(2, 2), ceilMode: false, countIncludePad: true }),
          48,
          3,
          1,
          false,
        ),
      ),
    );
    const w = net.param('up.weight', [48, 32, 2, 2], 0.2);
    const bias = net.param('up.bias', [32], 0.1);
    const up = apply('convTranspose2d', [low, w, bias], { ...conv(0, 2), outputPadding: [0, 1] });
    const joined = apply('concat', [skip, up], { axis: 1 });
    const y = net.conv('out', relu(net.conv('c', joined, 32, 3, 1)), 1, 1, 0);
    const target = input('target', y.shape);
    const loss = apply('bceWithLogits', [y, target], {}).mean();
    const draw = new Draw(4, 'float32');
    const inputs = { x: draw.floats(x.shape), target: draw.of(y.shape, 'float32', () => draw.int(0, 1)) };
    await compareTraining(net, loss, inputs, 2, 1e-4);
    // Not vacuous: on AVX-512 these sizes do run through Winograd, and nothing runs through oneDNN's plain loops.
    const store = native.createStore();
    const graph = trainingStep(net, loss);
    const program = await native.compile(graph, store);
    const impls = program.describe().map((s) => s.impl);
    expect(impls.filter((i) => i.includes('ref'))).toEqual([]);
    if (native.device.description.includes('2.6') && native.device.description.includes('AVX-512'))
      expect(impls.filter((i) => i.includes('wino')).length).toBeGreaterThanOrEqual(4);
    const exact = await native.compile(graph, store, { exact: true });
    expect(exact.describe().filter((s) => s.impl.includes('wino'))).toEqual([]);
  }, 120_000);

  test('tanh, average pooling, local response norm, dropout, bilinear resize, adaptive pooling', async () => {
    const net = new Net(new Draw(5, 'float32'));
    const x = input('x', [3, 2, 12, 10]);
    const rng = input('rng', [2], 'int32');
    let y = apply('tanh', [net.conv('a', x, 19, 5, 2)], {});
    y = apply('localResponseNorm', [y], { size: 5, alpha: 0.5, beta: 0.75, k: 1 });
    y = apply('dropout', [y, rng], { p: 0.3, stream: 4 });
    y = apply('resize2d', [y], { mode: 'bilinear', size: [17, 9], alignCorners: true });
    y = apply('sigmoid', [net.conv('b', y, 33, 3, 0)], {});
    y = apply('adaptiveAvgPool2d', [y], { size: [3, 2] });
    y = net.linear('c', flatten(y), 6);
    const loss = apply('logSoftmax', [y], { axis: 1 })
      .mul(input('p', [3, 6]))
      .sum()
      .neg();
    const draw = new Draw(6, 'float32');
    await compareTraining(
      net,
      loss,
      { x: draw.floats(x.shape), rng: draw.key(), p: draw.floats([3, 6], 0, 1) },
      3,
      3e-5,
    );
  });
});

/** Every operation again behind a convolution, so that its input comes in blocks of channels (with and without a tail). */
describe('operations on channel-blocked layouts', () => {
  const cases: Record<string, (x: Tensor, draw: Draw) => Tensor> = {
    maxPool2d: (x) => apply('maxPool2d', [x], { ...window(3, 2, 1), dilation: [1, 1], ceilMode: true }),
    avgPool2d: (x) => apply('avgPool2d', [x], { ...window(3, 2, 1), ceilMode: true, countIncludePad: false }),
    adaptiveAvgPool2d: (x) => apply('adaptiveAvgPool2d', [x], { size: [5, 3] }),
    'resize2d bilinear': (x) => apply('resize2d', [x], { mode: 'bilinear', size: [13, 17], alignCorners: false }),
    'resize2d nearest': (x) => apply('resize2d', [x], { mode: 'nearest', size: [13, 17], alignCorners: false }),
    localResponseNorm: (x) => apply('localResponseNorm', [x], { size: 4, alpha: 0.3, beta: 0.6, k: 2 }),
    batchNorm: (x) => {
      const c = x.shape[1]!;
      const [y, mean, variance] = applyAll('batchNorm', [x, full([c], 1.5), full([c], -0.25)], { eps: 1e-3 });
      return relu(y!)
        .add(mean!.reshape([1, c, 1, 1]))
        .mul(variance!.reshape([c, 1, 1]));
    },
    batchNormInference: (x) => {
      const c = x.shape[1]!;
      return relu(
        apply('batchNormInference', [x, full([c], 2), full([c], 0.1), full([c], 0.2), full([c], 0.7)], { eps: 1e-3 }),
      );
    },
    'exp and sum (padding is not zero)': (x) => apply('exp', [x], {}).sum([2, 3]),
    'mean of cosh-like expression': (x) =>
      apply('exp', [x], {})
        .add(apply('exp', [x.neg()], {}))
        .mean(),
    'allFinite of 1 / x': (x) => apply('allFinite', [apply('reciprocal', [x.add(100)], {})], {}).cast('float32'),
    'sum over channels': (x) => x.add(1).sum([1]),
    'max over everything': (x) => apply('max', [x], { axes: [0, 1, 2, 3], keepDims: false }),
    softmax: (x) => apply('softmax', [x], { axis: 1 }),
    'broadcast along channels': (x) =>
      x.add(input('rows', [x.shape[2]!, 1])).mul(input('image', [x.shape[0]!, 1, 1, x.shape[3]!])),
    'broadcast per channel': (x) => apply('sigmoid', [x.mul(input('c', [x.shape[1]!, 1, 1]))], {}),
    'where on a comparison': (x) => apply('where', [apply('less', [full([], 0.2), x], {}), x.mul(3), full([], 7)], {}),
    slice: (x) => apply('slice', [x], { start: [0, 16, 1, 2], stop: [...x.shape], step: [1, 1, 2, 1] }),
    'slice inside a block': (x) => apply('slice', [x], { start: [0, 3, 0, 0], stop: [...x.shape], step: [1, 2, 1, 1] }),
    pad: (x) => apply('pad', [x], { low: [0, 0, 1, 2], high: [0, 0, 0, 1], interior: [0, 0, 1, 0], value: 0 }),
    'pad with a value': (x) =>
      apply('pad', [x], { low: [0, 1, 1, 0], high: [1, 0, 0, 0], interior: [0, 0, 0, 0], value: 2.5 }),
    'concat with itself': (x) => apply('concat', [x, x.mul(2), x], { axis: 1 }),
    'concat along rows': (x) => apply('concat', [x, x.mul(2)], { axis: 2 }),
    permute: (x) => x.permute([0, 2, 3, 1]),
    flatten: (x) => flatten(x),
    dropout: (x) => apply('dropout', [x, input('rng', [2], 'int32')], { p: 0.4, stream: 3 }),
    argmax: (x) => apply('argmax', [x], { axis: 1 }),
    crossEntropy: (x) =>
      apply('crossEntropy', [x, input('target', [x.shape[0]!, x.shape[2]!, x.shape[3]!], 'int32')], {
        labelSmoothing: 0,
        ignoreIndex: 1,
        reduction: 'mean',
      }),
  };
  test.each(Object.keys(cases))('%s, with its gradient', async (name) => {
    for (const channels of [32, 21]) {
      const draw = new Draw(channels, 'float32');
      const x = input('x', [2, 16, 9, 11]);
      const w = input('w', [channels, 16, 1, 1]);
      const y = cases[name]!(apply('conv2d', [x, w], conv(0)), draw);
      const outputs: Record<string, Tensor> = { y };
      if (y.dtype === 'float32' && name !== 'allFinite of 1 / x') {
        const upstream = input('upstream', y.shape);
        const [dx, dw] = gradients(y, [x, w], upstream);
        outputs.dx = dx!;
        outputs.dw = dw!;
      }
      const graph = buildGraph({ outputs });
      const values: Record<string, HostTensor> = {};
      for (const node of graph.nodes) {
        if (node.op !== 'input') continue;
        const { name: key, shape, dtype } = node.attrs as { name: string; shape: number[]; dtype: string };
        values[key] =
          key === 'rng'
            ? draw.key()
            : dtype === 'int32'
              ? draw.ints(shape, 0, channels - 1)
              : draw.floats(shape, -0.5, 0.5);
      }
      const got = await runOn(native, graph, values);
      const want = await runOn(reference, graph, values);
      for (const [key, e] of Object.entries(want.outputs))
        expectClose(got.outputs[key]!, e, 5e-6, `${name}, ${channels} channels, ${key}`);
    }
  });
});

import { afterAll, describe, expect, test } from 'vitest';
import { createNativeBackend } from '../../src/backends/native/index.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { apply, input } from '../../src/tensor/node.js';
import type { HostTensor } from '../../src/tensor/shape.js';
import { runOn } from '../backends/conformance.js';
import { expectClose } from '../nn/support.js';
import { Draw } from '../tensor/draw.js';
import { lossCases, lossOf, named, titleOf } from './cases.js';

const native = createNativeBackend();
afterAll(() => native.dispose());

describe('the native engine computes the losses of segmentation_models.pytorch', () => {
  test.each(lossCases.map((c) => [titleOf(c), c] as const))('%s', async (_title, c) => {
    const [output, target] = [named(c.output), named(c.target)];
    const [x, y] = [input('x', output.shape), input('y', target.shape, target.dtype)];
    const value = lossOf(c).apply(x, y);
    const graph = buildGraph({ outputs: { value, dx: gradients(value, [x])[0]! } });
    const { outputs } = await runOn(native, graph, { x: output, y: target });
    expectClose(outputs.value!.data, [c.value], 2e-6, 'value');
    const scale = Math.max(...c.grad.map(Math.abs));
    expectClose(outputs.dx!.data, c.grad, 5e-6, 'gradient', Math.max(scale, 1e-3));
  });
});

test('Lovász weights: ties, zeros of both signs, denormals, infinities and NaN are ordered as by the reference', async () => {
  const reference = createReferenceBackend();
  const odd = [Number.NaN, 0, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5, 1e-40, -1e-40, 3e38];
  for (let seed = 1; seed <= 12; seed++) {
    const draw = new Draw(seed, 'float32');
    const shape = [draw.int(1, 4), draw.int(1, 700)];
    const x: HostTensor = draw.of(shape, 'float32', () => draw.pick(odd));
    const foreground = draw.of(shape, 'bool', () => Number(draw.bool(0.3)));
    const counted = draw.of(shape, 'bool', () => Number(draw.bool(0.9)));
    const inputs = [input('x', shape), input('f', shape, 'bool'), input('c', shape, 'bool')];
    const graph = buildGraph({ outputs: { g: apply('lovaszWeights', inputs, {}) } });
    const feeds = { x, f: foreground, c: counted };
    const got = await runOn(native, graph, feeds);
    const want = await runOn(reference, graph, feeds);
    expect(got.outputs.g!.data).toEqual(want.outputs.g!.data);
  }
});

import { afterAll, expect, test } from 'vitest';
import { createNativeBackend } from '../../src/backends/native/index.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { apply, full, input } from '../../src/tensor/node.js';
import { hostTensor, numel } from '../../src/tensor/shape.js';

const backend = createNativeBackend();
afterAll(() => backend.dispose());

const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;

/** A training step of one convolution for a batch of `n` images of `size` pixels. */
async function cycle(n: number, size: number): Promise<void> {
  const store = backend.createStore();
  await store.set('w', hostTensor(new Float32Array(32 * 16 * 9).fill(0.05), [32, 16, 3, 3]));
  const x = input('x', [n, 16, size, size]);
  const w = apply('state', [], { name: 'w', shape: [32, 16, 3, 3], dtype: 'float32' });
  const loss = apply('tanh', [apply('conv2d', [x, w], attrs)], {}).mean();
  const [dw] = gradients(loss, [w]);
  const step = await backend.compile(
    buildGraph({ outputs: { loss }, updates: { w: w.sub(dw!.mul(full([], 0.1))) } }),
    store,
  );
  const look = await backend.compile(buildGraph({ outputs: { loss } }), store);
  const data = hostTensor(new Float32Array(numel(x.shape)).fill(0.5), x.shape);
  await Promise.all([step.run({ x: data }), look.run({ x: data }), step.run({ x: data })]);
  for (const p of [step, look]) p.dispose();
  store.dispose();
}

test('a thousand cycles of compile, run and dispose: memory does not grow', async () => {
  const resident: number[] = [];
  for (let i = 0; i < 1000; i++) {
    await cycle(1 + (i % 5), 17 + (i % 11));
    if (i % 100 === 99) {
      global.gc?.();
      const m = process.memoryUsage();
      resident.push((m.rss - m.heapTotal - m.external) / 2 ** 20);
    }
  }
  // The first hundreds fill oneDNN's cache of 512 primitives; after that it is level.
  const [middle, last] = [Math.max(...resident.slice(3, 6)), Math.max(...resident.slice(8))];
  expect(last - middle, `MiB by hundreds: ${resident.map((r) => r.toFixed(0)).join(' ')}`).toBeLessThan(16);
}, 600_000);

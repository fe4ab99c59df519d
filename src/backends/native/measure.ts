import { buildGraph } from '../../tensor/graph.js';
import { apply, full, input } from '../../tensor/node.js';
import type { Backend } from '../backend.js';

/**
 * Measures what the machine reaches in a 3x3 convolution of 64 channels (forward, direct algorithm, 8 images of
 * 56 x 56): the best of several runs, so that start-up does not count.
 */
export async function measureConv(backend: Backend, runs = 12): Promise<{ gflops: number; ms: number }> {
  const [n, c, size] = [8, 64, 56];
  const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
  const x = input('x', [1], 'float32').reshape([1, 1, 1, 1]).broadcastTo([n, c, size, size]);
  const w = full([c, c, 3, 3], 0.01);
  // Many convolutions in one program: the crossing and the reading of the result do not count.
  const depth = 16;
  let y = x;
  for (let i = 0; i < depth; i++) y = apply('conv2d', [y, w], attrs);
  const store = backend.createStore();
  const program = await backend.compile(buildGraph({ outputs: { y: y.sum() } }), store, { exact: true });
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await program.run({ x: { shape: [1], dtype: 'float32', data: Float32Array.of(i / 100) } });
    best = Math.min(best, performance.now() - start);
  }
  program.dispose();
  store.dispose();
  const work = 2 * n * c * c * size * size * 9 * depth;
  return { gflops: work / best / 1e6, ms: best / depth };
}

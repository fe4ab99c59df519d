import type { Backend } from '../backends/backend.js';
import { buildGraph } from '../tensor/graph.js';
import { apply, input } from '../tensor/node.js';
import { hostTensor } from '../tensor/shape.js';

const CHANNELS = 64;
const RUNS = 24;

/**
 * Speed of a 3x3 convolution, 64 to 64 channels, as networks run it: the median over two dozen runs of one program.
 * Several convolutions stand in a row, so that what goes in and comes out does not count.
 * @returns 10^9 multiplications and additions a second
 */
export async function timeConvolution(
  backend: Backend,
  { images, side }: { images: number; side: number },
): Promise<number> {
  const depth = backend.device.backend === 'reference' ? 1 : 8;
  const store = backend.createStore();
  try {
    const size = CHANNELS * CHANNELS * 9;
    // Each layer keeps the size of numbers: no overflow, no denormals.
    const weights = Float32Array.from({ length: size }, (_, i) => (i % 7 === 3 ? 0.04 : i % 5 === 0 ? -0.03 : 0.01));
    await store.set('weight', hostTensor(weights, [CHANNELS, CHANNELS, 3, 3]));
    const window = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
    let x = input('image', [images, CHANNELS, side, side]);
    const weight = apply('state', [], { name: 'weight', shape: [CHANNELS, CHANNELS, 3, 3], dtype: 'float32' });
    for (let i = 0; i < depth; i++) x = apply('conv2d', [x, weight], window);
    const program = await backend.compile(buildGraph({ outputs: { sum: x.sum() } }), store, { name: 'doctor' });
    const pixels = Float32Array.from(
      { length: images * CHANNELS * side * side },
      (_, i) => ((i * 37) % 101) / 101 - 0.5,
    );
    const image = hostTensor(pixels, [images, CHANNELS, side, side]);
    await program.run({ image });
    const times: number[] = [];
    const begin = performance.now();
    while (times.length < RUNS && (times.length < 3 || performance.now() - begin < 1500)) {
      const from = performance.now();
      await program.run({ image });
      times.push(performance.now() - from);
    }
    program.dispose();
    const median = times.sort((a, b) => a - b)[times.length >> 1]!;
    return (2 * depth * images * side * side * CHANNELS * CHANNELS * 9) / (median * 1e6);
  } finally {
    store.dispose();
  }
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { receptiveFields } from '../../src/inspect/index.js';
import { F } from '../../src/nn/index.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { full, input, type Tensor } from '../../src/tensor/node.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { topologicalOrder } from '../../src/tensor/topology.js';

/** One stage: its weights are positive, so that nothing that is seen can cancel. */
type Stage =
  | { kind: 'conv'; kernel: [number, number]; stride: number; dilation: number }
  | { kind: 'pool'; kernel: number; stride: number }
  | { kind: 'branch'; kernel: number };
const stage: fc.Arbitrary<Stage> = fc.oneof(
  fc.record({
    kind: fc.constant('conv' as const),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 })),
    stride: fc.integer({ min: 1, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
  }),
  fc.record({
    kind: fc.constant('pool' as const),
    kernel: fc.integer({ min: 2, max: 3 }),
    stride: fc.integer({ min: 1, max: 2 }),
  }),
  fc.record({ kind: fc.constant('branch' as const), kernel: fc.constantFrom(3, 5) }),
);

function apply(x: Tensor, s: Stage): Tensor {
  if (s.kind === 'conv')
    return F.conv2d(x, full([1, x.shape[1]!, ...s.kernel], 0.5), undefined, { stride: s.stride, dilation: s.dilation });
  if (s.kind === 'pool') return F.avgPool2d(x, { kernel: s.kernel, stride: s.stride });
  const wide = F.conv2d(x, full([1, x.shape[1]!, s.kernel, s.kernel], 0.5), undefined, { padding: (s.kernel - 1) / 2 });
  return F.cat([wide, x]);
}

describe('the receptive field', () => {
  it('is the extent of the gradient of one value', async () => {
    const backend = createReferenceBackend();
    const store = backend.createStore();
    await fc.assert(
      fc.asyncProperty(fc.array(stage, { minLength: 1, maxLength: 4 }), async (stages) => {
        const side = 96;
        const image = input('image', [1, 1, side, side]);
        let y: Tensor = image;
        for (const s of stages) y = apply(y, s);
        const field = receptiveFields(topologicalOrder([y]), image).get(y.node)!;
        const [, channels, h, w] = y.shape as [number, number, number, number];
        // The value in the middle sees no border.
        const upstream = input('upstream', y.shape);
        const chosen = new Float32Array(channels * h * w);
        for (let c = 0; c < channels; c++) chosen[(c * h + (h >> 1)) * w + (w >> 1)] = 1;
        const [gradient] = gradients(y, [image], upstream);
        const program = await backend.compile(buildGraph({ outputs: { gradient: gradient! } }), store);
        const values = await program.run({
          image: hostTensor(new Float32Array(side * side), [1, 1, side, side]),
          upstream: hostTensor(chosen, y.shape),
        });
        const rows = new Set<number>();
        const columns = new Set<number>();
        for (const [i, v] of values.gradient!.data.entries())
          if (v !== 0) {
            rows.add(Math.floor(i / side));
            columns.add(i % side);
          }
        const extent = (s: Set<number>) => Math.max(...s) - Math.min(...s) + 1;
        expect([extent(rows), extent(columns)]).toEqual(field.size);
      }),
      { numRuns: 25, seed: 7 },
    );
  });
});

import { afterAll, describe, expect, test } from 'vitest';
import { createNativeBackend } from '../../src/backends/native/index.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { apply, constant, input } from '../../src/tensor/node.js';
import type { OpName } from '../../src/tensor/ops/signatures.js';
import { opNames } from '../../src/tensor/ops/table.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { sample } from '../tensor/samples.js';
import { compareOp, expectClose, runOn } from './conformance.js';

const native = createNativeBackend();
const reference = createReferenceBackend();
afterAll(() => native.dispose());

/** Relative to the largest value; the reference computes in float64 and rounds once. */
const TOLERANCE = 2e-6;
const PER_OP: { readonly [K in OpName]?: number } = {
  // Powers by exponential and logarithm of float32 arguments.
  localResponseNorm: 5e-6,
  localResponseNormGrad: 5e-6,
  // Sums of products cancel.
  batchNormGrad: 1e-5,
};

const SOURCES: readonly OpName[] = ['input', 'state', 'constant', 'full'];
const seeds = Array.from({ length: 25 }, (_, i) => i + 1);

describe('native agrees with reference, op by op', () => {
  test.each(opNames.filter((op) => !SOURCES.includes(op)))('%s', async (op) => {
    const compared = await compareOp(native, reference, op, seeds, PER_OP[op] ?? TOLERANCE);
    expect(compared).toBeGreaterThan(seeds.length / 2);
  });

  test.each(['constant', 'full'] as const)('%s', async (op) => {
    for (const seed of seeds) {
      const s = sample(op, seed, 'float32');
      const graph = buildGraph({ outputs: { y: apply(op, [], s.attrs as never) } });
      const [got, want] = [await runOn(native, graph, {}), await runOn(reference, graph, {})];
      expectClose(got.outputs.y!, want.outputs.y!, 0, `${op}, seed ${seed}`);
    }
  });

  test('input and state', async () => {
    const x = hostTensor(Float32Array.of(1, -2, 3), [3]);
    const w = apply('state', [], { name: 'w', shape: [3], dtype: 'float32' });
    const graph = buildGraph({ outputs: { x: input('x', [3]), w, c: constant(x) } });
    const { outputs } = await runOn(native, graph, { x }, { w: hostTensor(Float32Array.of(4, 5, 6), [3]) });
    expect([...outputs.x!.data]).toEqual([1, -2, 3]);
    expect([...outputs.w!.data]).toEqual([4, 5, 6]);
  });
});

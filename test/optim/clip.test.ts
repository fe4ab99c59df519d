import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { clipGradNorm, clipGradValue, globalNorm } from '../../src/optim/index.js';
import { constant, type Tensor } from '../../src/tensor/node.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { Bench } from '../nn/support.js';

const tensors = (lists: number[][]) =>
  new Map(lists.map((l, i) => [`p${i}`, constant(hostTensor(Float32Array.from(l), [l.length]))]));
const run = async (outputs: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(await new Bench().run({ outputs })).map(([n, t]) => [n, [...t.data]]));

const lists = fc.array(fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 5 }), {
  minLength: 1,
  maxLength: 4,
});

test('clipping by norm keeps the direction and never exceeds the limit', async () => {
  await fc.assert(
    fc.asyncProperty(lists, fc.float({ min: Math.fround(0.01), max: 300, noNaN: true }), async (values, limit) => {
      const { grads, norm } = clipGradNorm(tensors(values), limit);
      const found = await run({ norm, ...Object.fromEntries(grads) });
      const before = values.flat();
      const after = values.flatMap((_, i) => found[`p${i}`]!);
      const exact = Math.hypot(...before);
      expect(Math.abs(found.norm![0]! - exact)).toBeLessThanOrEqual(1e-6 * exact + 1e-20);
      const factor = Math.min(1, limit / (exact + 1e-6));
      for (const [i, v] of before.entries())
        expect(Math.abs(after[i]! - v * factor)).toBeLessThanOrEqual(1e-6 * Math.abs(v) + 1e-12);
    }),
    { numRuns: 60 },
  );
});

test('clipping by value clamps each element', async () => {
  await fc.assert(
    fc.asyncProperty(lists, fc.float({ min: Math.fround(0.01), max: 300, noNaN: true }), async (values, limit) => {
      const found = await run(Object.fromEntries(clipGradValue(tensors(values), limit)));
      for (const [i, list] of values.entries())
        expect(found[`p${i}`]).toEqual(list.map((v) => Math.fround(Math.max(-limit, Math.min(limit, v)))));
    }),
    { numRuns: 60 },
  );
});

test('a NaN makes the norm and every clipped gradient NaN', async () => {
  const { grads, norm } = clipGradNorm(tensors([[1, 2], [Number.NaN]]), 1);
  const found = await run({ norm, ...Object.fromEntries(grads) });
  expect(Object.values(found).flat().every(Number.isNaN)).toBe(true);
});

test('no gradients have norm 0', async () => {
  expect(await run({ norm: globalNorm([]) })).toEqual({ norm: [0] });
});

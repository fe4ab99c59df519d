import { expect } from 'vitest';
import type { Backend } from '../../src/backends/backend.js';
import { buildGraph, type Graph } from '../../src/tensor/graph.js';
import { applyAll, input, type Tensor } from '../../src/tensor/node.js';
import type { OpName } from '../../src/tensor/ops/signatures.js';
import type { HostTensor } from '../../src/tensor/shape.js';
import { type Sample, sample } from '../tensor/samples.js';

/** Runs a graph once on a fresh store: outputs and the states afterwards. */
export async function runOn(
  backend: Backend,
  graph: Graph,
  inputs: Readonly<Record<string, HostTensor>>,
  states: Readonly<Record<string, HostTensor>> = {},
  steps = 1,
): Promise<{ outputs: Record<string, HostTensor>; states: Record<string, HostTensor> }> {
  const store = backend.createStore();
  try {
    for (const [name, value] of Object.entries(states)) await store.set(name, value);
    const program = await backend.compile(graph, store);
    let outputs: Record<string, HostTensor> = {};
    for (let i = 0; i < steps; i++) outputs = await program.run(inputs);
    const after: Record<string, HostTensor> = {};
    for (const name of store.entries().keys()) after[name] = await store.get(name);
    program.dispose();
    return { outputs, states: after };
  } finally {
    store.dispose();
  }
}

/**
 * Asserts that values agree: integers and booleans exactly, floats within `tolerance` of the largest magnitude the
 * reference holds (or one), non-finite values in the same places.
 */
export function expectClose(actual: HostTensor, expected: HostTensor, tolerance: number, what: string): void {
  expect(actual.shape, what).toEqual(expected.shape);
  expect(actual.dtype, what).toBe(expected.dtype);
  let largest = 1;
  for (const v of expected.data) if (Number.isFinite(v)) largest = Math.max(largest, Math.abs(v));
  const exact = expected.dtype !== 'float32' && expected.dtype !== 'float64';
  for (const [i, e] of expected.data.entries()) {
    const a = actual.data[i]!;
    if (Object.is(a, e) || a === e) continue;
    if (exact || !Number.isFinite(e) || !(Math.abs(a - e) <= tolerance * largest))
      expect.fail(
        `${what}: element ${i} is ${a}, the reference says ${e} (largest ${largest}, tolerance ${tolerance})`,
      );
  }
}

/** The sample as a graph whose tensors all come in as inputs; `wrap` may send them through something else first. */
export function sampleGraph(
  op: OpName,
  { inputs, attrs }: Sample,
  wrap: (t: Tensor, index: number) => Tensor = (t) => t,
): { graph: Graph; values: Record<string, HostTensor> } {
  const values = Object.fromEntries(inputs.map((x, i) => [`x${i}`, x]));
  const tensors = inputs.map((x, i) => wrap(input(`x${i}`, x.shape, x.dtype), i));
  const outputs = applyAll(op, tensors, attrs as never);
  return { graph: buildGraph({ outputs: Object.fromEntries(outputs.map((t, i) => [`y${i}`, t])) }), values };
}

/** Whether a sample needs float64 whatever was asked for (casts), which a float32 device refuses. */
export const needsFloat64 = (op: OpName, s: Sample): boolean =>
  s.inputs.some((x) => x.dtype === 'float64') || (op === 'cast' && (s.attrs as { dtype: string }).dtype === 'float64');

/** Compares one operation on `backend` with the reference over random valid cases. */
export async function compareOp(
  backend: Backend,
  reference: Backend,
  op: OpName,
  seeds: readonly number[],
  tolerance: number,
): Promise<number> {
  let compared = 0;
  for (const seed of seeds) {
    const s = sample(op, seed, 'float32');
    if (needsFloat64(op, s)) continue;
    const { graph, values } = sampleGraph(op, s);
    const got = await runOn(backend, graph, values);
    const want = await runOn(reference, graph, values);
    for (const [name, e] of Object.entries(want.outputs))
      expectClose(got.outputs[name]!, e, tolerance, `${op}, seed ${seed}, ${name}`);
    compared++;
  }
  return compared;
}

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/tensor/autodiff.js';
import { allocate, type DType, isFloat } from '../../src/tensor/dtype.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { applyAll, input, type Tensor } from '../../src/tensor/node.js';
import type { OpName } from '../../src/tensor/ops/signatures.js';
import { opNames } from '../../src/tensor/ops/table.js';
import type { HostTensor } from '../../src/tensor/shape.js';
import { valuesOf } from './evaluate.js';

interface Stored {
  readonly kind: 'float' | 'int32' | 'uint8' | 'bool';
  readonly shape: number[];
  readonly data: string;
}
interface Case {
  readonly op: OpName;
  readonly attrs: Record<string, unknown>;
  readonly inputs: Stored[];
  readonly outputs: Stored[];
  readonly upstream: (Stored | null)[];
  readonly grads: (Stored | null)[];
}

/** Made by test/fixtures/make_ops.py. */
const cases: Case[] = ['basic', 'images'].flatMap(
  (part) => JSON.parse(readFileSync(new URL(`../fixtures/ops.${part}.json`, import.meta.url), 'utf8')).cases,
);

function decode({ kind, shape, data }: Stored, float: 'float32' | 'float64'): HostTensor {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64')).buffer;
  const dtype: DType = kind === 'float' ? float : kind;
  if (kind === 'bool' || kind === 'uint8') return { shape, dtype, data: new Uint8Array(bytes) };
  if (kind === 'int32') return { shape, dtype, data: new Int32Array(bytes) };
  const values = allocate(float, bytes.byteLength / 4);
  values.set(new Float32Array(bytes));
  return { shape, dtype, data: values };
}

/** Every element within `tolerance` of PyTorch's, relative to its size or to one, whichever is larger. */
function expectClose(found: HostTensor, expected: HostTensor, tolerance: number, what: string): void {
  expect(found.shape, what).toEqual(expected.shape);
  for (let i = 0; i < expected.data.length; i++) {
    const [f, e] = [found.data[i]!, expected.data[i]!];
    if (Object.is(f, e) || f === e) continue;
    if (!(Math.abs(f - e) <= tolerance * Math.max(1, Math.abs(e))))
      expect.fail(`${what}, element ${i}: ${f}, PyTorch has ${e}`);
  }
}

/** Applies the operation of a case and differentiates it with the case's upstream gradients. */
function trace(c: Case, float: 'float32' | 'float64') {
  const feeds: Record<string, HostTensor> = {};
  const feed = (name: string, stored: Stored): Tensor => {
    const value = (feeds[name] = decode(stored, float));
    return input(name, value.shape, value.dtype);
  };
  const inputs = c.inputs.map((x, i) => feed(`x${i}`, x));
  const attrs = 'dtype' in c.attrs && c.attrs.dtype === 'float64' ? { ...c.attrs, dtype: float } : c.attrs;
  const outputs = applyAll(c.op, inputs, attrs as never);
  const wanted = c.grads.flatMap((g, i) => (g ? [i] : []));
  let loss: Tensor | undefined;
  for (const [o, u] of c.upstream.entries()) {
    if (!u) continue;
    const term = outputs[o]!.mul(feed(`u${o}`, u)).sum();
    loss = loss ? loss.add(term) : term;
  }
  const grads = loss
    ? gradients(
        loss,
        wanted.map((i) => inputs[i]!),
      )
    : [];
  return { outputs, wanted, grads, feeds };
}

// Fixtures are rounded to float32 (relative error 6e-8); float32 kernels round inputs of later operations as well.
describe.each([
  ['float64', 1e-7],
  ['float32', 2e-6],
] as const)('operations agree with PyTorch in %s', (float, tolerance) => {
  for (const op of new Set(cases.map((c) => c.op)))
    test(op, () => {
      for (const [i, c] of cases.filter((c) => c.op === op).entries()) {
        const { outputs, wanted, grads, feeds } = trace(c, float);
        const values = valuesOf([...outputs, ...grads], feeds);
        const where = `case ${i} ${JSON.stringify(c.attrs)}`;
        for (const [o, e] of c.outputs.entries())
          expectClose(values[o]!, decode(e, float), tolerance, `${where}: output ${o}`);
        for (const [k, g] of wanted.entries())
          expectClose(
            values[outputs.length + k]!,
            decode(c.grads[g]!, float),
            tolerance,
            `${where}: gradient of input ${g}`,
          );
      }
    });
});

test('inputs with a gradient in PyTorch are exactly the floating-point ones that are no constants', () => {
  for (const c of cases.filter((c) => c.upstream.some((u) => u !== null)))
    for (const [i, g] of c.grads.entries()) if (g) expect(isFloat(decode(c.inputs[i]!, 'float64').dtype)).toBe(true);
});

/** Operations that no fixture holds, and why. */
const WITHOUT_FIXTURE: Partial<Record<OpName, string>> = {
  input: 'a source',
  state: 'a source',
  constant: 'a source',
  full: 'a source',
  random: 'PyTorch has other random numbers; see random.test.ts',
  dropout: 'PyTorch has other random numbers; see random.test.ts',
  lovaszWeights: 'PyTorch has none; see test/losses/segmentation.test.ts',
};

test('every operation is compared with PyTorch, by itself or inside a gradient, or says why not', () => {
  const reached = new Set<OpName>(cases.map((c) => c.op));
  for (const c of cases) {
    const { grads } = trace(c, 'float64');
    for (const node of buildGraph({ outputs: Object.fromEntries(grads.map((g, i) => [`g${i}`, g])) }).nodes)
      reached.add(node.op);
  }
  const missing = opNames.filter((op) => !reached.has(op) && !(op in WITHOUT_FIXTURE));
  expect(missing).toEqual([]);
});

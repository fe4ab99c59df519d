import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { crossEntropy } from '../../src/losses/index.js';
import { createModel } from '../../src/models/index.js';
import type { Module } from '../../src/nn/module.js';
import { parseOptimizer } from '../../src/optim/index.js';
import { hostTensor, numel } from '../../src/tensor/shape.js';
import { rngKey, Session } from '../../src/train/session.js';
import { buildTrainStep } from '../../src/train/step.js';
import { HEALTHY } from '../../src/train/update.js';
import { nativeBackend } from './native.js';

interface Case {
  readonly model: string;
  readonly optimizer: string;
  readonly options: Record<string, number>;
  readonly batchSize: number;
  readonly losses: readonly number[];
}

const fixture = JSON.parse(readFileSync(new URL('../fixtures/train_lenet.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

/** Batches repeat after this many, as in make_train.py. */
const BATCHES = 3;

/** As in make_train.py: the i-th value of the k-th parameter is sin((i + 1) * (0.7 + 0.13 k)) / sqrt(fan in). */
function fill(net: Module): void {
  let k = 0;
  for (const p of net.parameters().values()) {
    const fanIn = p.shape.length > 1 ? numel(p.shape.slice(1)) : p.shape[0]!;
    const frequency = 0.7 + 0.13 * k++;
    const values = Float32Array.from(
      { length: numel(p.shape) },
      (_, i) => Math.sin((i + 1) * frequency) / Math.sqrt(fanIn),
    );
    p.value = hostTensor(values, p.shape);
  }
}

/** As in make_train.py. */
function batch(step: number, size: number) {
  const labels = new Int32Array(size);
  const pixels = new Uint8Array(size * 784);
  for (let i = 0; i < size; i++) {
    const n = step * size + i;
    const label = (n * 7 + Math.floor(n / 10)) % 10;
    labels[i] = label;
    for (let p = 0; p < 784; p++) pixels[i * 784 + p] = (p * (label + 3) * 5 + n * 17 + ((p * p) % 97)) % 256;
  }
  return { image: hostTensor(pixels, [size, 1, 28, 28]), target: hostTensor(labels, [size]) };
}

async function losses(backend: Backend, { model, optimizer, options, batchSize, losses: wanted }: Case) {
  const net = createModel(model);
  fill(net);
  const session = new Session(net, backend);
  const objective = { net, loss: crossEntropy(), metrics: [], normalize: { mean: [0.1307], std: [0.3081] } };
  const { spec, update } = buildTrainStep(
    objective,
    batch(0, batchSize),
    parseOptimizer({ name: optimizer, options }),
    {},
  );
  await session.materialise(0);
  await session.store.set(HEALTHY, hostTensor(Uint8Array.of(1), [], 'bool'));
  const slots = await session.compile('slots', { updates: update.initial });
  await slots.run();
  const program = await session.program('train', () => spec);
  const found: number[] = [];
  for (let step = 0; step < wanted.length; step++) {
    const out = await program.run({
      ...batch(step % BATCHES, batchSize),
      rng: rngKey(0, step + 1),
      ...update.inputs(step + 1),
    });
    found.push(out.loss!.data[0]!);
  }
  session.dispose();
  return found;
}

const native = nativeBackend();

describe.each(fixture.cases)('ten steps of $model with $optimizer', (which) => {
  const check = (found: readonly number[]) => {
    for (const [i, loss] of found.entries())
      expect(Math.abs(loss / which.losses[i]! - 1), `step ${i + 1}: ${loss}, PyTorch ${which.losses[i]}`).toBeLessThan(
        1e-4,
      );
  };

  it("give PyTorch's losses on the reference backend", async () => {
    check(await losses(createReferenceBackend(), which));
  });

  it.skipIf(!native.backend)(`give PyTorch's losses on the native backend${native.reason}`, async () => {
    check(await losses(native.backend!, which));
  });
});

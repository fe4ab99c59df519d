import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { decodeCheckpoint } from '../../src/train/checkpoint.js';
import { loadRun } from '../../src/train/load.js';
import type { FitOptions } from '../../src/train/options.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { averageName, emaDecay } from '../../src/train/update.js';
import { nativeBackend } from './native.js';
import { options, stripes, TinyNet } from './support.js';

const native = nativeBackend();
const train = stripes(24);
const valid = stripes(12, 1);
const backends: [string, () => Backend | undefined][] = [
  ['reference', () => createReferenceBackend()],
  ['native', () => native.backend],
];

/** All weights after each of the first `steps` steps, from the checkpoints that a run leaves at every step. */
async function trajectory(backend: Backend, ema: number | undefined, steps: number, more: Partial<FitOptions> = {}) {
  const out = new MemoryStorage();
  const stop = new AbortController();
  const trainer = new Trainer(new TinyNet(0.2), { ...options({ ema }), backend });
  const files: Map<string, ArrayLike<number>>[] = [];
  const writeAtomic = out.writeAtomic.bind(out);
  out.writeAtomic = async (name, bytes) => {
    if (name === 'last.safetensors') {
      const { tensors } = decodeCheckpoint(bytes as Uint8Array, name);
      files.push(new Map([...tensors].map(([path, t]) => [path, Float64Array.from(t.data as Float32Array)])));
    }
    await writeAtomic(name, bytes);
  };
  trainer.on((e) => e.type === 'step' && e.step === steps && stop.abort());
  await trainer.fit(train, { valid, epochs: 9, batchSize: 6, saveEverySteps: 1, out, signal: stop.signal, ...more });
  await trainer.dispose();
  return files;
}

describe.each(backends)('moving averages on %s', (_, backendOf) => {
  const backend = backendOf();
  const check = it.skipIf(!backend);

  check('follow min(decay, (1 + t) / (10 + t)) and leave the weights themselves alone', async () => {
    const [plain, averaged] = [await trajectory(backend!, undefined, 3), await trajectory(backend!, 0.25, 3)];
    const paths = [...plain[0]!.keys()].filter((name) => !name.startsWith('optim.'));
    expect([...paths].sort()).toEqual(['conv.weight', 'fc.bias', 'fc.weight', 'running_mean']);
    for (const path of paths) {
      let expected = Array.from(plain[0]!.get(path)!);
      for (let t = 1; t <= 3; t++) {
        expect(averaged[t]!.get(path), `${path} after step ${t}`).toEqual(plain[t]!.get(path));
        const d = Math.min(0.25, (1 + t) / (10 + t));
        expect(d).toBe(emaDecay(0.25, t));
        expected = expected.map((old, i) => d * old + (1 - d) * plain[t]!.get(path)![i]!);
        const found = averaged[t]!.get(averageName(path))!;
        for (const [i, value] of expected.entries()) expect(found[i], `${path}[${i}]`).toBeCloseTo(value, 6);
      }
    }
    // Both branches of the formula were there.
    expect([1, 2, 3].map((t) => emaDecay(0.25, t))).toEqual([2 / 11, 0.25, 0.25]);
  });

  check('are what is validated, kept as the best, loaded, and the network has at the end', async () => {
    const out = new MemoryStorage();
    const net = new TinyNet(0);
    const trainer = new Trainer(net, { ...options({ ema: 0.95 }), backend });
    const { history, best } = await trainer.fit(train, { valid, epochs: 4, batchSize: 6, out });
    const end = net.stateDict();
    expect((await trainer.evaluate(valid)).loss).toBeCloseTo(history[3]!.valid!.loss, 6);
    await trainer.dispose();

    const { tensors } = decodeCheckpoint((await out.read('last.safetensors'))!, 'last');
    for (const [path, { data }] of Object.entries(end)) {
      expect(tensors.get(averageName(path))!.data, path).toEqual(data);
      expect(tensors.get(path)!.data, path).not.toEqual(data);
    }
    for (const [weights, epoch] of [
      ['last', 4],
      ['best', best!.epoch],
    ] as const) {
      const run = await loadRun(out, { weights, make: () => new TinyNet(0) });
      const loaded = new Trainer(run.net, { ...options(), backend });
      expect((await loaded.evaluate(valid)).loss, weights).toBeCloseTo(history[epoch - 1]!.valid!.loss, 6);
      await loaded.dispose();
    }
  });
});

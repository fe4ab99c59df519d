import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type ChoiceCache,
  type ConvolutionChoice,
  setChoiceCache,
  setTuningWarning,
} from '../../src/backends/tuning.js';
import { crossEntropy } from '../../src/losses/index.js';
import * as nn from '../../src/nn/index.js';
import { sgd } from '../../src/optim/index.js';
import type { Tensor } from '../../src/tensor/node.js';
import { objectiveOf } from '../../src/train/load.js';
import type { FitOptions, TrainerOptions } from '../../src/train/options.js';
import { RunDirectory } from '../../src/train/run.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { hasWinograd } from '../backends/winograd.js';
import { nativeBackend } from './native.js';
import { records, stripes, timeless } from './support.js';

const native = nativeBackend();
afterAll(() => native.backend?.dispose());

/** The second convolution has a choice: [N, 1, 6, 6] -> [N, 3]. */
class Net extends nn.Module {
  readonly layers = new nn.Sequential(
    new nn.Conv2d(1, 16, { kernel: 3, padding: 1 }),
    new nn.ReLU(),
    new nn.Conv2d(16, 32, { kernel: 3, padding: 1 }), // [N, 32, 6, 6]
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Linear(32 * 36, 3),
  );
  forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}

let cache: Map<string, ConvolutionChoice>;
/** Why the cache cannot be read. */
let broken: string | undefined;
beforeEach(() => {
  cache = new Map();
  broken = undefined;
});
setChoiceCache(
  (): ChoiceCache => ({
    load: () => (broken === undefined ? Promise.resolve(cache) : Promise.reject(new Error(broken))),
    save: async (_, choices) => {
      for (const [key, choice] of choices) cache.set(key, choice);
    },
  }),
);

async function run(out: MemoryStorage, more: Partial<FitOptions> = {}, stopAt = 0, how: Partial<TrainerOptions> = {}) {
  const stop = new AbortController();
  const warnings: string[] = [];
  const options = { loss: crossEntropy(), optimizer: sgd({ lr: 0.01 }), tune: true, backend: native.backend };
  const trainer = new Trainer(new Net(), { ...options, ...how });
  trainer.on((e) => {
    if (e.type === 'warning') warnings.push(e.message);
    if (e.type === 'step' && e.step === stopAt) stop.abort();
  });
  try {
    const fit = { valid: stripes(20, 1), epochs: 2, batchSize: 32, seed: 3, signal: stop.signal };
    await trainer.fit(stripes(96), { ...fit, ...more, out });
  } finally {
    await trainer.dispose();
  }
  return warnings;
}

async function expectSame(a: MemoryStorage, b: MemoryStorage) {
  for (const file of ['last.safetensors', 'best.safetensors', 'config.json', 'tuning.json'])
    expect(await a.read(file), file).toEqual(await b.read(file));
  expect(timeless(await records(a))).toEqual(timeless(await records(b)));
}

const flipped = (choices: ReadonlyMap<string, ConvolutionChoice>) =>
  new Map(
    [...choices].map(([key, { algorithm }]) => [
      key,
      { algorithm: algorithm === 'direct' ? 'winograd' : 'direct' } satisfies ConvolutionChoice,
    ]),
  );

describe.skipIf(!native.backend || !hasWinograd)(`a run with measured algorithms${native.reason}`, () => {
  it('goes on to the same bits when the cache is gone, and when it says otherwise by then', async () => {
    const whole = new MemoryStorage();
    await run(whole);
    const measured = new Map(cache);
    expect(measured.size).toBeGreaterThanOrEqual(4);
    for (const then of [new Map(), flipped(measured)]) {
      cache = new Map(measured);
      const out = new MemoryStorage();
      await run(out, {}, 2);
      cache = then;
      expect(await run(out, { resume: true })).toEqual([]);
      await expectSame(out, whole);
    }
    // It depends on the choices: a run that begins with the others ends in other bits.
    cache = flipped(measured);
    const other = new MemoryStorage();
    await run(other);
    expect(await other.read('last.safetensors')).not.toEqual(await whole.read('last.safetensors'));
  });

  it('warns when its record is gone or damaged, and goes on', async () => {
    const out = new MemoryStorage();
    await run(out, {}, 2);
    for (const [damage, message] of [
      [() => out.remove('tuning.json'), 'tuning.json is missing; algorithms are chosen anew'],
      [() => out.writeAtomic('tuning.json', '{'), 'tuning.json is damaged: it is not JSON; algorithms are chosen anew'],
    ] as const) {
      await damage();
      const [warning, ...rest] = await run(out, { resume: true }, 3);
      expect(warning).toContain(message);
      expect(rest).toEqual([]);
    }
  });

  it('says in its configuration that it is one, and cannot go on as another', async () => {
    const out = new MemoryStorage();
    await run(out, {}, 2);
    const config = await new RunDirectory(out).readConfig();
    expect(config.training.tune).toBe(true);
    expect(objectiveOf(config).tune).toBe(true);
    await expect(run(out, { resume: true }, 0, { tune: false })).rejects.toThrow('training.tune was true');
  });

  it('takes the choices of programs compiled before into its record', async () => {
    const trainer = new Trainer(new Net(), {
      loss: crossEntropy(),
      optimizer: sgd({ lr: 0.01 }),
      tune: true,
      backend: native.backend,
    });
    await trainer.evaluate(stripes(20, 1), { batchSize: 32 });
    const out = new MemoryStorage();
    await trainer.fit(stripes(96), { valid: stripes(20, 1), epochs: 1, batchSize: 32, out });
    await trainer.dispose();
    const { choices } = JSON.parse(new TextDecoder().decode(await out.read('tuning.json'))) as { choices: object };
    expect(Object.keys(choices).sort()).toEqual([...cache.keys()].sort());
  });

  it('warns of a cache that cannot be read: those who listen, else where the program sends such warnings', async () => {
    broken = 'the cache is damaged';
    const told: string[] = [];
    setTuningWarning((message) => told.push(message));
    try {
      expect(await run(new MemoryStorage())).toEqual(['the cache is damaged; algorithms are measured again']);
      expect(told).toEqual([]);
      const trainer = new Trainer(new Net(), { loss: crossEntropy(), tune: true, backend: native.backend });
      await trainer.evaluate(stripes(20, 1));
      await trainer.dispose();
      expect(told).toEqual(['the cache is damaged; algorithms are measured again']);
    } finally {
      setTuningWarning((message) => console.warn(message));
    }
  });
});

it('exact leaves nothing to tune', async () => {
  await expect(run(new MemoryStorage(), {}, 0, { exact: true })).rejects.toThrow('exact leaves nothing to tune');
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createNativeBackend } from '../../src/backends/native/index.js';
import {
  type ChoiceCache,
  type ConvolutionAlgorithm,
  type ConvolutionChoice,
  type ConvolutionChoices,
  ConvolutionTuning,
} from '../../src/backends/tuning.js';
import { TuningFile } from '../../src/node/tuning.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { apply, type Tensor } from '../../src/tensor/node.js';
import { hostTensor, numel } from '../../src/tensor/shape.js';
import { expectClose } from './conformance.js';
import { hasWinograd } from './winograd.js';

const backend = createNativeBackend();
const folder = await mkdtemp(join(tmpdir(), 'fovea-tuning-'));
afterAll(async () => {
  backend.dispose();
  await rm(folder, { recursive: true });
});

const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
const shapes = { x: [3, 16, 9, 12], v: [32, 16, 3, 3], w: [48, 32, 3, 3] } as const;
const state = (name: string, shape: readonly number[]) => apply('state', [], { name, shape, dtype: 'float32' });

/** Two convolutions and a step on the weights of the second: all four kinds, of which the first is inference. */
function graph() {
  const [x, v, w] = Object.entries(shapes).map(([name, shape]) => state(name, shape)) as [Tensor, Tensor, Tensor];
  const h = apply('conv2d', [x, v], attrs);
  const y = apply('conv2d', [h, w], attrs);
  const [dh, dw] = gradients(y.mul(y).mean(), [h, w]);
  return buildGraph({ outputs: { y, dh: dh!, dw: dw! }, updates: { w: w.sub(dw!.mul(0.1)) } });
}

async function open() {
  const store = backend.createStore();
  for (const [i, [name, shape]] of Object.entries(shapes).entries()) {
    const data = Float32Array.from({ length: numel(shape) }, (_, k) => Math.sin(k * 12.9898 + i) / 4);
    await store.set(name, hostTensor(data, shape));
  }
  return store;
}

async function compute(tuning: ConvolutionTuning | undefined) {
  const store = await open();
  const program = await backend.compile(graph(), store, { tuning });
  const plan = program.describe().filter(({ op }) => op.startsWith('conv2d'));
  const values = await program.run();
  store.dispose();
  return { values, winograd: plan.filter(({ impl }) => impl.includes('wino')).length, steps: plan.length };
}

/** A cache that counts. */
class Memory implements ChoiceCache {
  choices = new Map<string, { algorithm: ConvolutionAlgorithm }>();
  saved = 0;
  load(): Promise<ConvolutionChoices> {
    return Promise.resolve(this.choices);
  }
  async save(_: unknown, choices: ConvolutionChoices) {
    this.saved++;
    for (const [key, choice] of choices) this.choices.set(key, choice);
  }
}

const all = (of: ConvolutionChoices, algorithm: ConvolutionAlgorithm) =>
  new Map([...of.keys()].map((key) => [key, { algorithm }]));

describe.skipIf(!hasWinograd)('tuning, where there is a choice', () => {
  test('measures each kind and shape once; another program and another process measure nothing', async () => {
    const cache = new Memory();
    const first = new ConvolutionTuning(cache);
    await compute(first);
    expect([...first.choices.keys()].map((key) => key.split(' ')[0]).sort()).toEqual([
      'backward-data',
      'backward-weights',
      'forward',
      'inference',
    ]);
    expect(first.measured).toBe(4);
    for (const { algorithm, ms } of first.choices.values()) {
      expect(['direct', 'winograd']).toContain(algorithm);
      expect(Object.values(ms!).every((time) => time > 0)).toBe(true);
    }
    await compute(first);
    expect(first.measured).toBe(4);
    const second = new ConvolutionTuning(cache);
    await compute(second);
    expect(second.measured).toBe(0);
    expect(cache.saved).toBe(1);
    expect([...second.choices].map(([key, { algorithm }]) => [key, algorithm])).toEqual(
      [...first.choices].map(([key, { algorithm }]) => [key, algorithm]),
    );
  });

  test('two programs compiled at once share one measurement', async () => {
    const tuning = new ConvolutionTuning();
    await Promise.all([compute(tuning), compute(tuning)]);
    expect(tuning.measured).toBe(4);
  });

  test('does what is recorded, whatever the cache or the table says; both agree with the table', async () => {
    const cache = new Memory();
    const probe = new ConvolutionTuning(cache);
    const tuned = await compute(probe);
    const table = await compute(undefined);
    const results = [tuned];
    for (const algorithm of ['direct', 'winograd'] as const) {
      const other = algorithm === 'direct' ? 'winograd' : 'direct';
      cache.choices = all(probe.choices, other);
      const written: ConvolutionChoices[] = [];
      const tuning = new ConvolutionTuning(cache);
      expect(
        await tuning.follow(all(probe.choices, algorithm), (choices) => {
          written.push(new Map(choices));
          return Promise.resolve();
        }),
      ).toBe(true);
      const done = await compute(tuning);
      expect(tuning.measured).toBe(0);
      expect(done.winograd).toBe(algorithm === 'winograd' ? done.steps : 0);
      expect(written).toEqual([all(probe.choices, algorithm)]);
      results.push(done);
    }
    for (const { values } of results)
      for (const name of ['y', 'dh', 'dw']) expectClose(values[name]!, table.values[name]!, 1e-5, name);
    // That one can tell them apart at all: the bits differ.
    expect(results[1]!.values.y!.data).not.toEqual(results[2]!.values.y!.data);
  });

  test('says so when a program that exists computes otherwise than a record', async () => {
    const tuning = new ConvolutionTuning();
    await compute(tuning);
    const [key, { algorithm }] = [...tuning.choices][0]!;
    const other = new Map([[key, { algorithm: algorithm === 'direct' ? 'winograd' : 'direct' } as const]]);
    expect(await tuning.follow(other, () => Promise.resolve())).toBe(false);
  });

  test('exact leaves nothing to tune', async () => {
    const tuning = new ConvolutionTuning();
    const store = await open();
    const program = await backend.compile(graph(), store, { tuning, exact: true });
    expect(program.describe().some(({ impl }) => impl.includes('wino'))).toBe(false);
    expect(tuning.measured).toBe(0);
    store.dispose();
  });
});

test.skipIf(hasWinograd)('without Winograd nothing is measured and everything works', async () => {
  const tuning = new ConvolutionTuning(new Memory());
  const key = 'forward 3x32x9x12 48x32x3x3 p1x1';
  await tuning.follow(new Map([[key, { algorithm: 'winograd' }]]), () => Promise.resolve());
  const { values, winograd } = await compute(tuning);
  expect([tuning.measured, winograd]).toEqual([0, 0]);
  expect(values.y!.data).toEqual((await compute(undefined)).values.y!.data);
});

describe("the machine's file", () => {
  const device = { backend: 'native', description: 'native (oneDNN 9.9, AVX-512)', threads: 2 } as const;
  const fewer = { ...device, threads: 1 };
  const direct = new Map([['forward a', { algorithm: 'direct', ms: { direct: 1.5, winograd: 2 } } as const]]);
  const winograd = new Map([['forward b', { algorithm: 'winograd' } as const]]);

  test('adds up choices, apart for each machine and number of threads', async () => {
    const file = new TuningFile(join(folder, 'tuning.json'));
    expect((await file.load(device)).size).toBe(0);
    await file.save(device, direct);
    await new TuningFile(file.path).save(device, winograd);
    await file.save(fewer, winograd);
    expect(await file.load(device)).toEqual(new Map<string, ConvolutionChoice>([...direct, ...winograd]));
    expect(await file.load(fewer)).toEqual(winograd);
    // The first choice stays, so that runs of one machine go on alike.
    await file.save(device, new Map([['forward a', { algorithm: 'winograd' }]]));
    expect((await file.load(device)).get('forward a')).toEqual(direct.get('forward a'));
  });

  test.each([
    ['half', '{ "format": 1, "mach', 'is damaged: it is not JSON'],
    ['another', '[1, 2]', 'is damaged: it is not a cache of version 1'],
    ['newer', '{ "format": 2, "machines": {} }', 'is damaged: it is not a cache of version 1'],
  ])('of which only %s is there is reported, worked without and replaced', async (_, content, message) => {
    const file = new TuningFile(join(folder, 'damaged.json'));
    await writeFile(file.path, content);
    await expect(file.load(device)).rejects.toThrow(`${file.path} ${message}`);
    const warnings: string[] = [];
    const tuning = new ConvolutionTuning(file, (w) => warnings.push(w));
    const found = { choices: direct, measured: 1 };
    await tuning.compile(device, (known) => Promise.resolve({ ...found, size: known.size }));
    expect(warnings).toEqual([`${file.path} ${message}; algorithms are measured again`]);
    expect(await file.load(device)).toEqual(direct);
  });

  test('with an algorithm that nobody knows is damaged', async () => {
    const file = new TuningFile(join(folder, 'unknown.json'));
    await file.save(device, direct);
    await writeFile(file.path, (await readFile(file.path, 'utf8')).replace('"direct"', '"fft"'));
    await expect(file.load(device)).rejects.toThrow(
      'the algorithm of "forward a" is "fft", expected direct or winograd',
    );
  });

  test('that cannot be written costs a warning', async () => {
    await writeFile(join(folder, 'blocked'), '');
    const warnings: string[] = [];
    const tuning = new ConvolutionTuning(new TuningFile(join(folder, 'blocked', 'tuning.json')), (w) =>
      warnings.push(w),
    );
    await tuning.compile(device, () => Promise.resolve({ choices: direct, measured: 1 }));
    expect(warnings.at(-1)).toMatch(/blocked.*; the algorithms measured now are not kept for other runs$/);
    expect(tuning.choices).toEqual(direct);
  });
});

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { adam } from '../../src/optim/index.js';
import { exponential, reduceOnPlateau } from '../../src/optim/schedulers.js';
import { decodeCheckpoint } from '../../src/train/checkpoint.js';
import type { StepEvent } from '../../src/train/events.js';
import { loadRun, loadWeights } from '../../src/train/load.js';
import type { FitOptions, TrainerOptions } from '../../src/train/options.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { CrashStorage } from './crash.js';
import { options, records, stripes, TinyNet, timeless } from './support.js';

const train = stripes(60);
const valid = stripes(20, 1);

/** Adam and a plateau scheduler: both have state that must survive. */
const stateful = (): Partial<TrainerOptions> => ({
  optimizer: adam({ lr: 0.01 }),
  scheduler: reduceOnPlateau({ patience: 0, threshold: 0.5 }),
});

async function run(out: MemoryStorage, more: Partial<FitOptions> = {}, atStep?: (s: StepEvent) => void) {
  const steps: StepEvent[] = [];
  const trainer = new Trainer(new TinyNet(), options({ ...stateful(), backend: createReferenceBackend() }));
  trainer.on((e) => {
    if (e.type !== 'step') return;
    steps.push(e);
    atStep?.(e);
  });
  const result = await trainer.fit(train, { valid, epochs: 3, batchSize: 16, seed: 5, out, ...more });
  return { steps, result };
}

const whole = new MemoryStorage();
const uninterrupted = await run(whole);

async function expectSame(out: MemoryStorage) {
  for (const file of ['last.safetensors', 'best.safetensors', 'config.json'])
    expect(await out.read(file), file).toEqual(await whole.read(file));
  expect(timeless(await records(out))).toEqual(timeless(await records(whole)));
  expect(await out.list()).toEqual(await whole.list());
}

describe('resume', () => {
  it.each([1, 3, 4, 5, 9, 10])(
    'after an interruption at step %i goes on at the very next step and ends the same',
    async (at) => {
      const out = new MemoryStorage();
      const stop = new AbortController();
      const first = await run(out, { signal: stop.signal }, (s) => s.step === at && stop.abort());
      expect(first.result.reason).toBe('interrupted');
      const done = first.steps.at(-1)!.step;
      // The step that was already on its way is finished, no other is begun.
      expect(done - at).toBeLessThanOrEqual(1);
      const { position } = decodeCheckpoint((await out.read('last.safetensors'))!, 'last').state!;
      expect(position).toMatchObject({ step: done, epoch: Math.ceil(done / 4), batch: ((done - 1) % 4) + 1 });

      const second = await run(out, { resume: true });
      expect(second.steps[0]!.step).toBe(done + 1);
      expect([...first.steps, ...second.steps].map((s) => [s.epoch, s.batch, s.step, s.loss, s.lr])).toEqual(
        uninterrupted.steps.map((s) => [s.epoch, s.batch, s.step, s.loss, s.lr]),
      );
      expect([...first.steps, ...second.steps].map((s) => s.step)).toEqual(uninterrupted.steps.map((s) => s.step));
      await expectSame(out);
    },
  );

  it('survives a crash at every single operation on the disk, halves of writes included', async () => {
    const counting = new CrashStorage(Number.POSITIVE_INFINITY);
    await run(counting);
    await expectSame(counting);
    expect(counting.operations).toBeGreaterThan(30);
    for (let at = 1; at <= counting.operations; at++) {
      const out = new CrashStorage(at);
      await expect(run(out), `crash ${at}`).rejects.toThrow('the power went off');
      out.repair();
      const begun = (await out.exists('config.json')) || (await out.exists('last.safetensors'));
      await run(out, begun ? { resume: true } : {});
      await expectSame(out);
    }
  }, 120_000);

  it('after an interruption in the middle of a validation repeats that and nothing else', async () => {
    const out = new MemoryStorage();
    const stop = new AbortController();
    const schedule = () => ({ scheduler: exponential({ gamma: 0.9, unit: 'step' }) });
    const go = async (more: Partial<FitOptions>, to: MemoryStorage, onEvaluate?: () => void) => {
      const trainer = new Trainer(new TinyNet(), options(schedule()));
      let steps = 0;
      trainer.on((e) => {
        if (e.type === 'step') steps++;
        if (e.type === 'evaluate' && e.batch === 1) onEvaluate?.();
      });
      const result = await trainer.fit(train, { valid, epochs: 2, batchSize: 8, seed: 5, out: to, ...more });
      return { steps, reason: result.reason };
    };
    expect(await go({ signal: stop.signal }, out, () => stop.abort())).toEqual({ steps: 8, reason: 'interrupted' });
    expect(await go({ resume: true }, out)).toEqual({ steps: 8, reason: 'done' });
    const direct = new MemoryStorage();
    await go({}, direct);
    for (const file of ['last.safetensors', 'best.safetensors'])
      expect(await out.read(file)).toEqual(await direct.read(file));
    expect(timeless(await records(out))).toEqual(timeless(await records(direct)));
  });

  it('survives crash after crash while it resumes', async () => {
    const out = new CrashStorage(14);
    await expect(run(out)).rejects.toThrow('the power went off');
    let crashes = 0;
    for (;;) {
      out.repair(15 + (crashes % 9));
      try {
        await run(out, { resume: true });
        break;
      } catch (error) {
        expect((error as Error).message).toBe('the power went off');
        expect(++crashes).toBeLessThan(100);
      }
    }
    expect(crashes).toBeGreaterThan(1);
    await expectSame(out);
  });

  it('also goes on from saves in the middle of an epoch', async () => {
    const out = new CrashStorage(19);
    await expect(run(out, { saveEverySteps: 1 })).rejects.toThrow('the power went off');
    out.repair();
    const { steps } = await run(out, { resume: true });
    expect(steps[0]!.step).toBe(2);
    await expectSame(out);
  });

  it('of a finished run does nothing, and trains more epochs where asked', async () => {
    const out = new MemoryStorage();
    const stop = new AbortController();
    const plain = { scheduler: undefined };
    const go = async (more: Partial<FitOptions>) => {
      const t = new Trainer(new TinyNet(), options({ ...stateful(), ...plain }));
      return t.fit(train, { valid, batchSize: 16, seed: 5, out, epochs: 2, signal: stop.signal, ...more });
    };
    await go({});
    const before = await out.read('last.safetensors');
    expect(await go({ resume: true })).toMatchObject({ reason: 'done', history: [{ epoch: 1 }, { epoch: 2 }] });
    expect(await out.read('last.safetensors')).toEqual(before);
    expect((await go({ resume: true, epochs: 3 })).history.length).toBe(3);
    const direct = new MemoryStorage();
    const t = new Trainer(new TinyNet(), options({ ...stateful(), ...plain }));
    await t.fit(train, { valid, batchSize: 16, seed: 5, out: direct, epochs: 3 });
    expect(await out.read('last.safetensors')).toEqual(await direct.read('last.safetensors'));
  });

  it('of a run that early stopping ended does not train on', async () => {
    const out = new MemoryStorage();
    const more = { epochs: 20, earlyStopping: { patience: 1, minDelta: 5 } };
    const { result } = await run(out, more);
    expect(result.reason).toBe('early-stopping');
    const before = await out.read('last.safetensors');
    const again = await run(out, { ...more, resume: true });
    expect([again.result.reason, again.steps.length]).toEqual(['early-stopping', 0]);
    expect(await out.read('last.safetensors')).toEqual(before);
  });

  it('refuses in one sentence what it cannot go on with', async () => {
    await expect(run(new MemoryStorage('runs/x'), { resume: true })).rejects.toThrow(
      'runs/x holds no run to resume: it has no config.json',
    );
    const out = new MemoryStorage('runs/x');
    await run(out);
    await expect(run(out)).rejects.toThrow(
      'runs/x already holds a run: resume it, overwrite it, or choose another directory',
    );
    await expect(run(out, { resume: true, batchSize: 20 })).rejects.toThrow(
      'runs/x cannot go on with other options: training.batchSize was 16, now it is 20',
    );
    await expect(run(out, { resume: true, epochs: 4 })).rejects.toThrow('training.epochs was 3, now it is 4');
    const other = new Trainer(new TinyNet(0.25, 5), options(stateful()));
    await expect(other.fit(train, { epochs: 3, batchSize: 16, seed: 5, out, resume: true })).rejects.toThrow(
      'runs/x/last.safetensors holds weights of another network: "conv.weight" is [4, 1, 3, 3] there and [5, 1, 3, 3] here',
    );
    const bytes = (await out.read('last.safetensors'))!;
    await out.writeAtomic('last.safetensors', bytes.subarray(0, bytes.length - 9));
    await expect(run(out, { resume: true })).rejects.toThrow(
      /^runs\/x\/last\.safetensors is not a valid safetensors file: .* \(it may be cut short\); the run cannot go on from it; the best weights are in runs\/x\/best\.safetensors$/,
    );
    await out.writeAtomic('last.safetensors', (await out.read('best.safetensors'))!);
    await expect(run(out, { resume: true })).rejects.toThrow('runs/x/last.safetensors holds weights only');
  });

  it('overwrites a run where asked', async () => {
    const out = new MemoryStorage();
    await run(out, { seed: 6 });
    await out.writeAtomic('best.safetensors.123.tmp', 'left over');
    await run(out, { overwrite: true });
    await expectSame(out);
  });
});

describe('loadRun', () => {
  const make = () => new TinyNet();

  it('gives back the best or the last weights', async () => {
    const scores = async (weights: 'best' | 'last') => {
      const { net, config } = await loadRun(whole, { weights, make });
      return new Trainer(net, options({ normalize: config.normalize })).evaluate(valid);
    };
    const { history, best } = uninterrupted.result;
    expect((await scores('best')).loss).toBe(best!.value);
    expect((await scores('last')).loss).toBe(history[2]!.valid!.loss);
  });

  it('says in one sentence what is wrong', async () => {
    await expect(loadRun(new MemoryStorage('nowhere'))).rejects.toThrow(
      'nowhere is no run directory: it has no config.json',
    );
    await expect(loadRun(whole)).rejects.toThrow('the run does not say how its network is made');
    const damaged = new MemoryStorage('runs/y');
    await damaged.writeAtomic('config.json', '{');
    await expect(loadRun(damaged)).rejects.toThrow('runs/y/config.json is damaged: it is not JSON');
    await damaged.writeAtomic('config.json', '{"format":2}');
    await expect(loadRun(damaged)).rejects.toThrow('its format is 2, this version of fovea reads 1');
    await damaged.writeAtomic('config.json', (await whole.read('config.json'))!);
    await expect(loadRun(damaged)).rejects.toThrow(
      'runs/y has no weights: there is no best.safetensors or last.safetensors',
    );
  });

  it('names the first parameter that does not fit, with both shapes', async () => {
    const bytes = (await whole.read('best.safetensors'))!;
    expect(() => loadWeights(new TinyNet(0, 2), bytes, 'a.safetensors')).toThrow(
      'a.safetensors holds weights of another network: "conv.weight" is [4, 1, 3, 3] there and [2, 1, 3, 3] here',
    );
  });
});

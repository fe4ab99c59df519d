import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { readSafetensors } from '../../src/io/safetensors.js';
import { confusionMatrix } from '../../src/metrics/index.js';
import { adam, sgd } from '../../src/optim/index.js';
import { exponential, reduceOnPlateau, step as stepSchedule } from '../../src/optim/schedulers.js';
import { hostTensor } from '../../src/tensor/shape.js';
import type { StepEvent, TrainEvent } from '../../src/train/events.js';
import { setImageLoader } from '../../src/train/images.js';
import type { FitOptions, TrainerOptions } from '../../src/train/options.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { json, options, records, SIDE, stripes, TinyNet } from './support.js';

const train = stripes(100);
const valid = stripes(40, 1);

async function trained(more: Partial<FitOptions> = {}, trainer: Partial<TrainerOptions> = {}, net = new TinyNet()) {
  const events: TrainEvent[] = [];
  const t = new Trainer(net, options(trainer));
  t.on((e) => events.push(e));
  const result = await t.fit(train, { valid, epochs: 2, batchSize: 16, seed: 3, ...more });
  const steps = events.filter((e): e is StepEvent => e.type === 'step');
  return { trainer: t, net, events, steps, result };
}

describe('fit', () => {
  it('learns, says what happens in order, and leaves the run directory behind', async () => {
    const out = new MemoryStorage('runs/a');
    const { events, steps, result } = await trained({ out, epochs: 3 });
    const kinds = events.map((e) => e.type).filter((t) => t !== 'evaluate');
    const epoch = [...Array<string>(7).fill('step'), 'checkpoint', 'checkpoint', 'epoch'];
    expect(kinds).toEqual(['start', 'checkpoint', ...epoch, ...epoch, ...epoch, 'end']);
    expect(steps.map((s) => [s.epoch, s.batch, s.step])).toEqual(
      Array.from({ length: 21 }, (_, i) => [Math.floor(i / 7) + 1, (i % 7) + 1, i + 1]),
    );
    expect(result.reason).toBe('done');
    expect(result.history[2]!.valid!.accuracy).toBe(1);
    expect(result.history[2]!.train.loss).toBeLessThan(result.history[0]!.train.loss);
    expect(result.best).toMatchObject({ epoch: 3, monitor: 'valid.loss', value: result.history[2]!.valid!.loss });
    expect(await out.list()).toEqual(['best.safetensors', 'config.json', 'last.safetensors', 'metrics.jsonl']);
    expect(await records(out)).toEqual(json(result.history));
    const best = readSafetensors((await out.read('best.safetensors'))!);
    expect([...best.tensors.keys()].sort()).toEqual(['conv.weight', 'fc.bias', 'fc.weight', 'running_mean']);
    const last = readSafetensors((await out.read('last.safetensors'))!);
    expect(last.tensors.has('optim.momentum.conv.weight')).toBe(true);
    expect([...last.tensors.keys()].some((name) => name.startsWith('train.'))).toBe(false);
  });

  it("adds up an epoch's scores over all images, the smaller last batch included", async () => {
    const { steps, result } = await trained({ epochs: 1 });
    const sizes = [16, 16, 16, 16, 16, 16, 4];
    const mean = steps.reduce((sum, s, i) => sum + s.loss * sizes[i]!, 0) / 100;
    expect(result.history[0]!.train.loss).toBeCloseTo(mean, 12);
    const right = (result.history[0]!.train.accuracy as number) * 100;
    expect(right).toBeCloseTo(Math.round(right), 9);
  });

  it('leaves the smaller last batch out where asked', async () => {
    const { steps } = await trained({ epochs: 1, dropLast: true });
    expect(steps.length).toBe(6);
    expect(steps[0]!.batches).toBe(6);
  });

  it('is the same run, bit for bit, for the same seed, and another one for another', async () => {
    const [a, b, c] = await Promise.all(
      [3, 3, 4].map(async (seed) => {
        const out = new MemoryStorage();
        await trained({ out, seed });
        return (await out.read('last.safetensors'))!;
      }),
    );
    expect(b).toEqual(a);
    expect(c).not.toEqual(a);
  });

  it('has compiled what it needs before its first step, the smaller last batches too', async () => {
    const backend = createReferenceBackend();
    const compiled: string[] = [];
    let atFirstStep = -1;
    const counting: Backend = {
      ...backend,
      createStore: () => backend.createStore(),
      dispose: () => backend.dispose(),
      compile: (graph, store, how) => {
        compiled.push(how?.name ?? '');
        return backend.compile(graph, store, how);
      },
    };
    const trainer = new Trainer(new TinyNet(), options({ backend: counting }));
    trainer.on((e) => {
      if (e.type === 'start') atFirstStep = compiled.length;
    });
    await trainer.fit(stripes(20), { valid: stripes(10, 1), epochs: 1, batchSize: 8, seed: 1 });
    expect(compiled.slice(atFirstStep)).toEqual([]);
    for (const size of [8, 4]) expect(compiled.join('\n')).toContain(`train uint8[${size},1,6,6]`);
    for (const size of [8, 2]) expect(compiled.join('\n')).toContain(`evaluate uint8[${size},1,6,6]`);
  });

  it('moves buffers in training and not in evaluation', async () => {
    const { trainer, net } = await trained();
    const before = net.stateDict().running_mean!.data.slice();
    expect(before.some((v) => v !== 0)).toBe(true);
    const scores = await trainer.evaluate(valid);
    await trainer.fit(train, { epochs: 1, batchSize: 50, signal: AbortSignal.abort() });
    expect(net.stateDict().running_mean!.data).toEqual(before);
    expect(scores.loss).toBe((await trainer.evaluate(valid)).loss);
    // Tracing leaves the network in the mode that its owner chose.
    net.eval();
    await trainer.evaluate(valid, { batchSize: 9 });
    expect(net.fc.training).toBe(false);
  });

  it('does not touch frozen parameters', async () => {
    const still = new TinyNet();
    await trained({ signal: AbortSignal.abort() }, {}, still);
    const frozen = new TinyNet();
    frozen.freeze('conv');
    await trained({}, {}, frozen);
    expect(frozen.stateDict()['conv.weight']).toEqual(still.stateDict()['conv.weight']);
    expect(frozen.stateDict()['fc.weight']).not.toEqual(still.stateDict()['fc.weight']);
  });

  it('keeps a frozen parameter out of the checkpointed slots', async () => {
    const net = new TinyNet();
    net.freeze('conv');
    const out = new MemoryStorage();
    await trained({ out }, {}, net);
    const names = [...readSafetensors((await out.read('last.safetensors'))!).tensors.keys()];
    expect(names).toContain('optim.momentum.fc.weight');
    expect(names).not.toContain('optim.momentum.conv.weight');
  });

  it('follows schedules by epoch and by step, and plateaus by the monitored value', async () => {
    const byEpoch = await trained({ epochs: 3 }, { scheduler: stepSchedule({ stepSize: 1, gamma: 0.5 }) });
    expect(byEpoch.result.history.map((r) => r.lr)).toEqual([0.05, 0.025, 0.0125]);
    const byStep = await trained({ epochs: 1 }, { scheduler: exponential({ gamma: 0.9, unit: 'step' }) });
    expect(byStep.steps.map((s) => s.lr)).toEqual(byStep.steps.map((_, i) => 0.05 * 0.9 ** i));
    // A threshold that nothing meets: the rate falls after each epoch but the first.
    const scheduler = reduceOnPlateau({ factor: 0.5, patience: 0, threshold: 0.9999 });
    const plateau = await trained({ epochs: 4 }, { scheduler, optimizer: sgd({ lr: 1e-6 }) });
    expect(plateau.result.history.map((r) => r.lr)).toEqual([1e-6, 1e-6, 5e-7, 2.5e-7]);
  });

  it('stops early after so many epochs without improvement, and keeps the best epoch', async () => {
    const { result, events } = await trained(
      { epochs: 50, earlyStopping: { patience: 2, minDelta: 0.5 } },
      { optimizer: adam({ lr: 0.01 }) },
    );
    expect(result.reason).toBe('early-stopping');
    expect(result.history.length).toBeLessThan(20);
    expect(events.find((e) => e.type === 'stopped')).toMatchObject({
      reason: 'early-stopping',
      message: `stopped after epoch ${result.history.length}: valid.loss has not improved for 2 epochs`,
    });
    const losses = result.history.map((r) => r.valid!.loss);
    expect(result.best!.value).toBe(Math.min(...losses));
  });

  it('chooses the best epoch by a metric where asked, and says what there is if it does not exist', async () => {
    const { result } = await trained({ epochs: 3, monitor: { of: 'valid.accuracy', direction: 'higher' } });
    const accuracies = result.history.map((r) => r.valid!.accuracy as number);
    expect(result.best).toMatchObject({
      value: Math.max(...accuracies),
      epoch: accuracies.indexOf(Math.max(...accuracies)) + 1,
    });
    await expect(trained({ monitor: { of: 'valid.iou', direction: 'higher' } })).rejects.toThrow(
      'there is no number "valid.iou" to choose the best epoch by; there are train.loss, train.accuracy, valid.loss, valid.accuracy',
    );
    await expect(trained({ valid: undefined, monitor: { of: 'valid.loss', direction: 'lower' } })).rejects.toThrow(
      'there is no number "valid.loss" to choose the best epoch by; there are train.loss, train.accuracy',
    );
    const matrix = { metrics: [confusionMatrix()] };
    await expect(trained({ monitor: { of: 'valid.confusion', direction: 'higher' } }, matrix)).rejects.toThrow(
      'there is no number "valid.confusion" to choose the best epoch by; there are train.loss, valid.loss',
    );
  });

  it('clips gradients: a tiny norm all but stops training', async () => {
    const free = await trained();
    const held = await trained({}, { clip: { norm: 1e-7 } });
    expect(held.result.history[1]!.train.loss).toBeGreaterThan(free.result.history[1]!.train.loss * 2);
  });

  it('goes on with the weights of an earlier fit, with the optimizer as new', async () => {
    const { trainer, net, result } = await trained();
    const out = new MemoryStorage();
    const more = await trainer.fit(train, { valid, epochs: 1, batchSize: 16, seed: 4, out });
    expect(more.history[0]!.train.loss).toBeLessThan(result.history[0]!.train.loss);
    const again = new MemoryStorage();
    const copy = new TinyNet();
    const first = await trained({}, {}, copy);
    await first.trainer.dispose();
    await new Trainer(copy, options()).fit(train, { valid, epochs: 1, batchSize: 16, seed: 4, out: again });
    expect(await again.read('last.safetensors')).toEqual(await out.read('last.safetensors'));
    expect(copy.stateDict()).toEqual(net.stateDict());
  });

  it('refuses data that does not fit the network, naming the layer or the classes', async () => {
    const large = stripes(10);
    Object.defineProperty(large, 'classes', { value: ['a', 'b', 'c', 'd'] });
    const trainer = new Trainer(new TinyNet(), options());
    const out = new MemoryStorage();
    await expect(trainer.fit(large, { epochs: 1, out })).rejects.toThrow(
      "stripes has 4 classes, the network's output [1, 3] has room for 3",
    );
    const rgb = stripes(10);
    Object.defineProperty(rgb, 'inputShape', { value: [3, SIDE, SIDE] });
    await expect(trainer.fit(rgb, { epochs: 1, out })).rejects.toThrow(/^conv: conv2d\(float32\[1, 3, 6, 6\]/);
    expect(await out.list()).toEqual([]);
  });

  it('refuses what cannot work, in one sentence', async () => {
    await expect(trained({ epochs: 0 })).rejects.toThrow('epochs is 0, it must be a whole number, at least 1');
    await expect(trained({ seed: -1 })).rejects.toThrow('the seed is -1');
    await expect(trained({ batchSize: 0 })).rejects.toThrow(/batch size.*got 0/);
    await expect(trained({ resume: true })).rejects.toThrow('resume needs the run directory');
    await expect(trained({ earlyStopping: { patience: 0 } })).rejects.toThrow('patience is 0');
    await expect(trained({}, { optimizer: undefined })).rejects.toThrow('fit needs an optimizer');
    const { trainer } = await trained();
    const two = Promise.all([trainer.evaluate(valid), trainer.evaluate(valid)]);
    await expect(two).rejects.toThrow('already training or evaluating');
  });
});

describe('evaluate and predict', () => {
  it('agree with each other and do not depend on the batch size', async () => {
    const { trainer } = await trained({}, { metrics: [...options().metrics!, confusionMatrix()] });
    const [a, b] = [await trainer.evaluate(valid, { batchSize: 7 }), await trainer.evaluate(valid, { batchSize: 40 })];
    expect(b.accuracy).toBe(a.accuracy);
    expect(b.loss).toBeCloseTo(a.loss, 6);
    const images = new Uint8Array(40 * SIDE * SIDE);
    const labels = new Int32Array(40);
    valid.gather(Int32Array.from(labels.keys()), images, labels);
    const logits = await trainer.predict(hostTensor(images, [40, 1, SIDE, SIDE]));
    expect(logits.shape).toEqual([40, 3]);
    let right = 0;
    for (const [i, label] of labels.entries()) {
      const row = [...logits.data.subarray(3 * i, 3 * i + 3)];
      if (row.indexOf(Math.max(...row)) === label) right++;
    }
    expect(right / 40).toBe(a.accuracy);
    const one = await trainer.predict(hostTensor(images.slice(0, SIDE * SIDE), [1, SIDE, SIDE]));
    expect(one.shape).toEqual([1, 3]);
    for (const [i, v] of one.data.entries()) expect(v).toBeCloseTo(logits.data[i]!, 5);
  });

  it('takes image files, too', async () => {
    setImageLoader(async (source, [c, h, w]) => {
      if (typeof source !== 'string') return source;
      return new Uint8Array(c * h * w).fill(Number(source));
    });
    const { trainer } = await trained({ epochs: 1 });
    const pixels = new Uint8Array(2 * SIDE * SIDE).fill(9).fill(200, SIDE * SIDE);
    const wanted = await trainer.predict(hostTensor(pixels, [2, 1, SIDE, SIDE]));
    expect(await trainer.predict(['9', pixels.subarray(SIDE * SIDE)])).toEqual(wanted);
    expect((await trainer.predict('9')).data).toEqual(wanted.data.slice(0, 3));
    await expect(trainer.predict([])).rejects.toThrow('empty list');
    const unknown = new Trainer(new TinyNet(), options({ normalize: { mean: [0], std: [1] } }));
    await expect(unknown.predict('9')).rejects.toThrow('give the Trainer "inputShape"');
  });

  it('with the values on the device alone: the same, and never with values that were lost', async () => {
    const { trainer } = await trained({ epochs: 1 });
    const pixels = hostTensor(new Uint8Array(2 * SIDE * SIDE).fill(90, SIDE), [2, 1, SIDE, SIDE]);
    const wanted = await trainer.predict(pixels);
    await trainer.moveToDevice();
    expect([...trainer.net.states().values()].every((p) => p.value === undefined)).toBe(true);
    expect(await trainer.predict(pixels)).toEqual(wanted);
    // Training brings them back, so that the device can be given up.
    await trainer.fit(train, { epochs: 1, batchSize: 16 });
    await trainer.dispose();
    const after = await trainer.predict(pixels);
    expect(after.data).not.toEqual(wanted.data);
    await trainer.moveToDevice();
    await trainer.dispose();
    await expect(trainer.predict(pixels)).rejects.toThrow('on the device only and are freed');
  });

  it('says what predict takes', async () => {
    const { trainer } = await trained({ epochs: 1 });
    await expect(trainer.predict(hostTensor(new Float32Array(36), [1, 1, 6, 6]))).rejects.toThrow(
      'predict takes uint8 images [N, C, H, W], got float32[1, 1, 6, 6]',
    );
    const fresh = new Trainer(new TinyNet(), options({ backend: createReferenceBackend() }));
    await expect(fresh.predict(hostTensor(new Uint8Array(36), [1, 6, 6]))).rejects.toThrow('normalised');
  });
});

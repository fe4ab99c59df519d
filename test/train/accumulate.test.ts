import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import * as nn from '../../src/nn/index.js';
import { adam, schedulers, sgd } from '../../src/optim/index.js';
import type { Tensor } from '../../src/tensor/node.js';
import { decodeCheckpoint } from '../../src/train/checkpoint.js';
import type { FitOptions, TrainerOptions } from '../../src/train/options.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { nativeBackend } from './native.js';
import { options, records, stripes, TinyNet, timeless } from './support.js';

const native = nativeBackend();
const train = stripes(50);
const valid = stripes(20, 1);

interface Run {
  readonly backend?: Backend;
  readonly net?: nn.Module;
  readonly trainer?: Partial<TrainerOptions>;
  readonly fit?: Partial<FitOptions>;
  /** Ends the run after that step. */
  readonly stopAt?: number;
}

async function run({ backend = createReferenceBackend(), net = new TinyNet(0), trainer: t, fit, stopAt }: Run) {
  const out = (fit?.out as MemoryStorage | undefined) ?? new MemoryStorage();
  const stop = new AbortController();
  const trainer = new Trainer(net, { ...options(), backend, ...t });
  trainer.on((e) => e.type === 'step' && e.step === stopAt && stop.abort());
  const result = await trainer.fit(train, {
    valid,
    epochs: 2,
    batchSize: 8,
    seed: 3,
    signal: stop.signal,
    ...fit,
    out,
  });
  const weights = net.stateDict();
  const scores = await trainer.evaluate(valid);
  await trainer.dispose();
  return { out, result, weights, scores };
}

const backends: [string, () => Backend | undefined][] = [
  ['reference', () => createReferenceBackend()],
  ['native', () => native.backend],
];

const last = async (out: MemoryStorage) => decodeCheckpoint((await out.read('last.safetensors'))!, 'last');

describe.each(backends)('gradient accumulation on %s', (_, backendOf) => {
  const backend = backendOf();
  const check = it.skipIf(!backend);

  // 50 images: groups of 3 x 8, 3 x 8 and one of a single batch of 2; large batches of 24, 24 and 2.
  check('gives the weights of the large batch, smaller last group included', async () => {
    for (const optimizer of [sgd({ lr: 0.1, momentum: 0.9 }), adam({ lr: 0.01 })]) {
      const t = { optimizer, clip: { norm: 0.5 }, scheduler: schedulers.cosine({ unit: 'step' }) };
      const large = await run({ backend, trainer: t, fit: { batchSize: 24 } });
      const small = await run({ backend, trainer: t, fit: { batchSize: 8, accumulate: 3 } });
      // The buffer of this network moves with every batch, as running statistics do.
      for (const [name, { data }] of Object.entries(large.weights))
        if (!name.includes('running'))
          for (const [i, value] of data.entries())
            expect(Math.abs(small.weights[name]!.data[i]! - value), `${name}[${i}]`).toBeLessThan(2e-5);
      const history = small.result.history.map((r) => [r.train.loss, r.lr]);
      for (const [e, record] of large.result.history.entries()) {
        expect(history[e]![0]).toBeCloseTo(record.train.loss, 4);
        expect(history[e]![1]).toBeCloseTo(record.lr, 10);
      }
      expect((await last(small.out)).state!.position).toMatchObject({ step: 14, updates: 6, pending: 0 });
    }
  });

  check('differs from small batches without it', async () => {
    const [a, b] = [await run({ backend }), await run({ backend, fit: { accumulate: 3 } })];
    expect(a.weights['fc.weight']!.data).not.toEqual(b.weights['fc.weight']!.data);
  });

  check('goes on in the middle of a group as if it had not been stopped', async () => {
    const t = { ema: 0.9 };
    const whole = await run({ backend, net: new TinyNet(), trainer: t, fit: { accumulate: 3 } });
    for (const stopAt of [1, 2, 3, 8, 13]) {
      const part = await run({ backend, net: new TinyNet(), trainer: t, fit: { accumulate: 3 }, stopAt });
      expect(part.result.reason).toBe('interrupted');
      const { tensors, state } = await last(part.out);
      expect(tensors.has('optim.accumulated.fc.weight')).toBe(state!.position.pending > 0);
      const fit = { accumulate: 3, out: part.out, resume: true };
      await run({ backend, net: new TinyNet(), trainer: t, fit });
      for (const file of ['last.safetensors', 'best.safetensors'])
        expect(await part.out.read(file), `${file}, stopped at ${stopAt}`).toEqual(await whole.out.read(file));
      expect(timeless(await records(part.out))).toEqual(timeless(await records(whole.out)));
    }
  });
});

it('refuses a resume with another number of batches, and numbers that are none', async () => {
  const { out } = await run({ fit: { accumulate: 2 }, stopAt: 3 });
  await expect(run({ fit: { accumulate: 3, out, resume: true } })).rejects.toThrow(
    'training.accumulate was 2, now it is 3',
  );
  await expect(run({ fit: { accumulate: 0 } })).rejects.toThrow('accumulate is 0');
  await expect(run({ trainer: { ema: 1 } })).rejects.toThrow('ema is 1');
});

/** A convolution with batch normalisation, and the head that is trained. */
class Net extends nn.Module {
  readonly body = new nn.Sequential(
    new nn.Conv2d(1, 4, { kernel: 3, bias: false }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.BatchNorm2d(4, { affine: false }),
  );
  readonly head = new nn.Sequential(new nn.Flatten(), new nn.Linear(64, 3));
  forward(x: Tensor): Tensor {
    return this.head.forward(this.body.forward(x)) as Tensor;
  }
}

describe.each(backends)('frozen layers on %s', (_, backendOf) => {
  const backend = backendOf();
  const check = it.skipIf(!backend);

  check('keep their running statistics and are normalised by them in training', async () => {
    const before = await run({ backend, net: new Net(), fit: { epochs: 1 } });
    const net = new Net();
    net.loadStateDict(before.weights);
    net.freeze('body');
    const after = await run({ backend, net, fit: { epochs: 2, batchSize: 7 } });
    for (const [name, value] of Object.entries(before.weights))
      if (name.startsWith('body')) expect(after.weights[name], name).toEqual(value);
    expect(after.weights['head.1.weight']).not.toEqual(before.weights['head.1.weight']);

    // In one step of rate 0 the training loss is the evaluation's: nothing depends on the batch.
    const still = new Net();
    still.loadStateDict(before.weights);
    still.freeze('body');
    const trainer = new Trainer(still, { ...options({ optimizer: sgd({ lr: 0 }) }), backend });
    const { history } = await trainer.fit(valid, { valid, epochs: 1, batchSize: 10 });
    expect(history[0]!.train.loss).toBeCloseTo(history[0]!.valid!.loss, 5);
    still.unfreeze('body');
    const moved = await trainer.fit(valid, { epochs: 1, batchSize: 10 });
    expect(Math.abs(moved.history[0]!.train.loss - history[0]!.train.loss)).toBeGreaterThan(1e-4);
    expect(still.stateDict()['body.1.running_mean']).not.toEqual(before.weights['body.1.running_mean']);
    await trainer.dispose();
  });

  check('pass gradients to trained layers before them', async () => {
    const net = new Net().freeze('body.1', 'body.3');
    const first = (await run({ backend, net, fit: { epochs: 1, batchSize: 10 } })).weights['body.0.weight']!;
    const other = new Net();
    other.freeze('body');
    const second = (await run({ backend, net: other, fit: { epochs: 1, batchSize: 10 } })).weights['body.0.weight']!;
    expect(first.data).not.toEqual(second.data);
  });

  check('are written down, so that a run that goes on freezes the same', async () => {
    const whole = await run({ backend, net: new Net().freeze('body') });
    const { out } = await run({ backend, net: new Net().freeze('body'), stopAt: 3 });
    const { frozen } = JSON.parse(new TextDecoder().decode((await out.read('config.json'))!)).training;
    // The last layer of the body has running statistics only.
    expect(frozen).toEqual(['body.0.weight', 'body.1.weight', 'body.1.bias', 'body.3']);
    const after = await run({ backend, net: new Net().freeze(...frozen), fit: { out, resume: true } });
    expect(after.weights).toEqual(whole.weights);
    await expect(run({ backend, net: new Net(), fit: { out, resume: true } })).rejects.toThrow('training.frozen');
  });
});

it('freezing what is not there is one sentence with the nearest name', () => {
  const frozen = (...paths: string[]) =>
    [...new Net().freeze(...paths).parameters()].filter(([, p]) => !p.requiresGrad);
  expect(frozen('head.1.bias').map(([path]) => path)).toEqual(['head.1.bias']);
  expect(() => frozen('body', 'haed.1')).toThrow(
    'the network has no parameters at "haed.1", did you mean "head.1"? (its parts: body, head)',
  );
  // A name is whole: "bod" is not "body", and a layer without parameters is nothing to freeze.
  expect(() => frozen('bod')).toThrow('did you mean "body"?');
  expect(() => frozen('body.2')).toThrow('the network has no parameters at "body.2"');
});

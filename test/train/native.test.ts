import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { crossEntropy } from '../../src/losses/index.js';
import { accuracy } from '../../src/metrics/index.js';
import * as nn from '../../src/nn/index.js';
import { adam } from '../../src/optim/index.js';
import type { Tensor } from '../../src/tensor/node.js';
import type { FitOptions } from '../../src/train/options.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { nativeBackend } from './native.js';
import { records, stripes, timeless } from './support.js';

const native = nativeBackend();
const train = stripes(150);
const valid = stripes(30, 1);

/** Layers of the library: convolution, batch normalisation, pooling, dropout, linear. */
class Net extends nn.Module {
  readonly features = new nn.Sequential(
    new nn.Conv2d(1, 8, { kernel: 3, padding: 1, bias: false }), // [N, 8, 6, 6]
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
    new nn.MaxPool2d({ kernel: 2 }), // [N, 8, 3, 3]
  );
  readonly classifier = new nn.Sequential(new nn.Flatten(), new nn.Dropout(0.2), new nn.Linear(72, 3));
  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}

async function run(backend = native.backend ?? createReferenceBackend(), more: Partial<FitOptions> = {}, stopAt = 0) {
  const out = (more.out as MemoryStorage | undefined) ?? new MemoryStorage();
  const stop = new AbortController();
  const trainer = new Trainer(new Net(), {
    loss: crossEntropy({ labelSmoothing: 0.1 }),
    optimizer: adam({ lr: 0.01 }),
    metrics: [accuracy()],
    clip: { norm: 1 },
    backend,
  });
  const losses: number[] = [];
  trainer.on((e) => {
    if (e.type !== 'step') return;
    losses.push(e.loss);
    if (e.step === stopAt) stop.abort();
  });
  const result = await trainer.fit(train, {
    valid,
    epochs: 3,
    batchSize: 32,
    seed: 8,
    signal: stop.signal,
    ...more,
    out,
  });
  await trainer.dispose();
  return { out, losses, result };
}

describe.skipIf(!native.backend)(`training on the native backend${native.reason}`, () => {
  it('follows the reference backend', async () => {
    const [a, b] = [await run(), await run(createReferenceBackend())];
    expect(a.losses.length).toBe(15);
    for (const [i, loss] of a.losses.entries()) expect(Math.abs(loss - b.losses[i]!)).toBeLessThan(1e-5);
    expect(a.result.history[2]!.valid!.accuracy).toBe(b.result.history[2]!.valid!.accuracy);
  });

  it('is the same run bit for bit, also across a stop and a resume', async () => {
    const whole = await run();
    const again = await run();
    const stopped = await run(undefined, {}, 7);
    expect(stopped.result.reason).toBe('interrupted');
    await run(undefined, { out: stopped.out, resume: true });
    for (const other of [again, stopped]) {
      for (const file of ['last.safetensors', 'best.safetensors'])
        expect(await other.out.read(file), file).toEqual(await whole.out.read(file));
      expect(timeless(await records(other.out))).toEqual(timeless(await records(whole.out)));
    }
  });

  it('names the step and the layer when numbers run away', async () => {
    const trainer = new Trainer(new Net(), {
      loss: crossEntropy(),
      optimizer: adam({ lr: 1e38 }),
      backend: native.backend,
    });
    await expect(trainer.fit(train, { epochs: 2, batchSize: 32, seed: 8 })).rejects.toThrow(
      /^training stopped at step \d+ .*the first bad tensor is .* (features|classifier)\.\d+/,
    );
    await trainer.dispose();
  });
});

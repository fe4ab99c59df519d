import { describe, expect, it } from 'vitest';
import { MemoryDataset } from '../../src/data/memory.js';
import { Module } from '../../src/nn/module.js';
import { adam, sgd } from '../../src/optim/index.js';
import { apply, type Tensor } from '../../src/tensor/node.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { NonFiniteError } from '../../src/train/diagnose.js';
import type { StepEvent } from '../../src/train/events.js';
import type { TrainerOptions } from '../../src/train/options.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { options, SIDE, stripes, TinyNet } from './support.js';

/** An operation that one special image makes blow up, as a layer of its own. */
class Bomb extends Module {
  constructor(private readonly body: (x: Tensor) => Tensor) {
    super();
  }
  forward(x: Tensor): Tensor {
    return this.body(x);
  }
}

class Fragile extends Module {
  readonly bomb: Bomb;
  readonly body = new TinyNet();
  constructor(bomb: (x: Tensor) => Tensor) {
    super();
    this.bomb = new Bomb(bomb);
  }
  forward(x: Tensor): Tensor {
    return this.body.forward(this.bomb.forward(x));
  }
}

/** Sixty-four ordinary images and one that is white all over, which no other is anywhere. */
function withWhite(): MemoryDataset {
  const ordinary = stripes(63);
  const images = new Uint8Array(64 * SIDE * SIDE).fill(255);
  const labels = new Int32Array(64);
  ordinary.gather(
    Int32Array.from({ length: 63 }, (_, i) => i),
    images,
    labels,
  );
  const { classes } = ordinary;
  return new MemoryDataset({
    name: 'one white',
    images,
    labels,
    shape: [1, SIDE, SIDE],
    classes,
    normalize: { mean: [0], std: [1] },
  });
}

/** Fine below 1, minus infinity at 1. */
const logBomb = (x: Tensor) => x.add(apply('log', [x.neg().add(1)], {}).mul(1e-3));

async function fail(
  net: Module,
  more: Partial<TrainerOptions> = {},
  fit: { signal?: AbortSignal; stopAfter?: number } = {},
) {
  const out = new MemoryStorage('runs/n');
  const stop = new AbortController();
  const trainer = new Trainer(net, options(more));
  const steps: StepEvent[] = [];
  trainer.on((e) => {
    if (e.type !== 'step') return;
    steps.push(e);
    if (e.step === fit.stopAfter) stop.abort();
  });
  const job = trainer.fit(withWhite(), { epochs: 4, batchSize: 8, seed: 2, out, signal: stop.signal });
  const error = await job.then(
    () => undefined,
    (e: Error) => e,
  );
  return { error, out, steps, net };
}

describe('a step that is not finite', () => {
  it('stops the run, names step, layer and operation, and leaves the checkpoint as it was', async () => {
    const { error, out, steps } = await fail(new Fragile(logBomb));
    expect(error).toBeInstanceOf(NonFiniteError);
    const step = steps.length + 1;
    expect(step).toBeLessThanOrEqual(8);
    expect((error as NonFiniteError).step).toBe(step);
    expect(error!.message).toBe(
      `training stopped at step ${step} (epoch 1, batch ${step} of 8): the loss is NaN; the first bad tensor is the output of bomb (log); ` +
        'runs/n keeps the last good checkpoint; try a lower learning rate, or clip the gradients',
    );
    // The same run, never begun: what the file holds is the state before the first step.
    const untouched = new MemoryStorage();
    const idle = new Trainer(new Fragile(logBomb), options());
    await idle.fit(withWhite(), { epochs: 4, batchSize: 8, seed: 2, out: untouched, signal: AbortSignal.abort() });
    expect(await out.read('last.safetensors')).toEqual(await untouched.read('last.safetensors'));
  });

  it('updates nothing, though the next step was on its way already', async () => {
    const bad = await fail(new Fragile(logBomb), { optimizer: adam({ lr: 0.01 }) });
    const good = bad.steps.length;
    // Interrupted while the step before was running, the run has done exactly the good steps.
    const stopped = await fail(new Fragile(logBomb), { optimizer: adam({ lr: 0.01 }) }, { stopAfter: good - 1 });
    expect(stopped.error).toBeUndefined();
    expect(stopped.steps.length).toBe(good);
    expect(bad.net.stateDict()).toEqual(stopped.net.stateDict());
  });

  it('is found in the backward pass, too', async () => {
    // The square root of zero is finite, its slope is not.
    class Slope extends Module {
      readonly body = new TinyNet(0);
      readonly steep = new Bomb((x) => apply('sqrt', [x], {}));
      forward(x: Tensor): Tensor {
        return this.steep.forward(this.body.forward(x).mul(0));
      }
    }
    const { error } = await fail(new Slope());
    expect(error!.message).toMatch(
      /^training stopped at step 1 .*: a gradient is not finite; the first bad tensor is a gradient computed in steep \(\w+\);/,
    );
  });

  it('is told from a learning rate that is far too high', async () => {
    const { error } = await fail(new TinyNet(), { optimizer: sgd({ lr: 1e30 }) });
    expect(error!.message).toMatch(/^training stopped at step [23] .*the loss is (NaN|Infinity)/);
    expect((error as NonFiniteError).culprit).toMatch(/the output of (conv|fc) \(\w+\)/);
  });

  it('blames a weight that was bad from the start', async () => {
    const net = new TinyNet();
    const bias = Float32Array.of(0, Number.NaN, 0);
    net.fc.bias.value = hostTensor(bias, [3]);
    const { error } = await fail(net);
    expect(error!.message).toContain('the first bad tensor is the stored value of fc.bias');
  });

  it('is found when clipping by norm would spread it', async () => {
    const { error } = await fail(new Fragile(logBomb), { clip: { norm: 1 } });
    expect(error!.message).toContain('the output of bomb (log)');
  });

  it('refuses normalisation that divides by zero before anything runs', async () => {
    const data = withWhite();
    Object.defineProperty(data, 'normalize', { value: { mean: [0], std: [0] } });
    const trainer = new Trainer(new TinyNet(), options());
    await expect(trainer.fit(data, { epochs: 1 })).rejects.toThrow(
      'normalize holds 0: means must be finite, standard deviations positive',
    );
  });
});

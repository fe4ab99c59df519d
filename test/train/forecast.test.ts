import { describe, expect, it, vi } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { adam } from '../../src/optim/adam.js';
import { forecast } from '../../src/train/forecast.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { options, stripes, TinyNet } from './support.js';

describe('the forecast of a run', () => {
  const [train, valid] = [stripes(40), stripes(16, 1)];
  const backend = createReferenceBackend();
  const trainer = options({ backend, optimizer: adam({ lr: 0.01 }) });
  const fit = { epochs: 2, batchSize: 8, valid, seed: 1 };

  it('counts steps, values and copies', async () => {
    const net = new TinyNet();
    const found = await forecast(net, trainer, train, { ...fit, out: new MemoryStorage() }, { seconds: 0.05 });
    expect(found.steps).toBeGreaterThanOrEqual(2);
    expect(found.stepSeconds).toBeGreaterThan(0);
    // Five steps of eight images, whatever an image takes.
    expect(found.trainSeconds).toBeCloseTo(5 * found.stepSeconds, 9);
    expect(found.imagesPerSecond).toBeCloseTo(40 / found.trainSeconds, 6);
    expect(found.validSeconds).toBeGreaterThan(0);
    // Weights 36 + 192 + 3, two slots of Adam for each, a buffer of 4: all of it is saved.
    const saved = 4 * (3 * net.parameterCount() + 4);
    expect(found.checkpointBytes).toBe(2 * saved);
    expect(found.deviceBytes).toBeGreaterThan(saved);
    const none = await forecast(net, trainer, train, { ...fit, valid: undefined }, { seconds: 0.02 });
    expect(none).toMatchObject({ validSeconds: 0, checkpointBytes: 0 });
  });

  it('of a short run takes no more steps than the run, and one pass of validation', async () => {
    const counted = stripes(16, 1);
    const gather = vi.spyOn(counted, 'gather');
    // Batches of four images here, ten of them of training and four of validation.
    const found = await forecast(new TinyNet(), trainer, train, { ...fit, epochs: 1, valid: counted }, { seconds: 1 });
    expect(found.steps).toBeLessThan(10);
    expect(gather).toHaveBeenCalledTimes(4);
  });

  it('changes nothing: the run after it has the same bits', async () => {
    const run = async (first: boolean) => {
      const net = new TinyNet();
      if (first) await forecast(net, trainer, train, fit, { seconds: 0.02 });
      const out = new MemoryStorage();
      await new Trainer(net, trainer).fit(train, { ...fit, out });
      return out.read('last.safetensors');
    };
    expect(await run(true)).toEqual(await run(false));
  });
});

import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { type Dataset, hflip, type SampleKey, transformed, UnreadableError } from '../../src/data/index.js';
import { MaskDataset } from '../../src/data/masks.js';
import { bceWithLogits, crossEntropy } from '../../src/losses/index.js';
import { accuracy } from '../../src/metrics/index.js';
import { Conv2d } from '../../src/nn/index.js';
import { adam } from '../../src/optim/index.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { options, stripes, TinyNet } from './support.js';

const SIDE = 6;

/** Bright pixels are class 1, the brightest class 2; noise below. */
function brightness(length: number, classes: readonly string[], ignoreIndex?: number): MaskDataset {
  const images = new Uint8Array(length * SIDE * SIDE);
  const masks = new Uint8Array(length * SIDE * SIDE);
  let state = 99;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x80000000;
  for (let i = 0; i < masks.length; i++) {
    masks[i] = ignoreIndex !== undefined && i % 7 === 0 ? ignoreIndex : Math.floor(random() * classes.length);
    images[i] = Math.min(255, 90 * masks[i]! + 40 * random());
  }
  const normalize = { mean: [0.4], std: [0.3] };
  return new MaskDataset({ name: 'bright', images, masks, shape: [1, SIDE, SIDE], classes, normalize, ignoreIndex });
}

const trainer = (out: number, loss = crossEntropy()) =>
  new Trainer(new Conv2d(1, out, { kernel: 1 }), {
    loss,
    optimizer: adam({ lr: 0.1 }),
    metrics: [accuracy()],
    backend: createReferenceBackend(),
  });

/** The same data, in which some samples cannot be read. */
function damaged(of: Dataset, bad: readonly number[]): Dataset {
  return Object.create(of, {
    resident: { value: false },
    skipUnreadable: { value: true },
    get: {
      value: async (index: number, key?: SampleKey) => {
        if (bad.includes(index)) throw new UnreadableError(`photo ${index} is damaged`);
        return of.get(index, key);
      },
    },
  }) as Dataset;
}

describe('training on masks', () => {
  it('takes uint8 class numbers, augmented with their images, a smaller last batch too', async () => {
    const data = brightness(20, ['dark', 'light', 'lightest']);
    const t = trainer(3);
    const { history } = await t.fit(transformed(data, [hflip()]), { valid: data, epochs: 30, batchSize: 8, seed: 1 });
    expect(history.at(-1)!.valid!.loss).toBeLessThan(0.4);
    expect(history.at(-1)!.valid!.accuracy).toBeGreaterThan(0.95);
    expect((await t.evaluate(data)).loss).toBeCloseTo(history.at(-1)!.valid!.loss, 5);
    await t.dispose();
  });

  it('of two classes with a single logit', async () => {
    const data = brightness(12, ['dark', 'light']);
    const t = trainer(1, bceWithLogits());
    const { history } = await t.fit(data, { epochs: 30, batchSize: 8, seed: 1 });
    expect(history.at(-1)!.train.loss).toBeLessThan(0.2);
    await t.dispose();
  });

  it('says which of data and network has no masks, and how many classes there is room for', async () => {
    const masks = brightness(4, ['a', 'b', 'c']);
    const fit = { epochs: 1, batchSize: 4 };
    const classifier = new Trainer(new TinyNet(), options());
    await expect(classifier.fit(masks, fit)).rejects.toThrow(
      /^bright has masks, the network's output \[1, 3\] is one for the whole image; take a network for segmentation/,
    );
    await expect(trainer(3).fit(stripes(8), fit)).rejects.toThrow(/one class for each image, .* is one for each pixel/);
    await expect(trainer(1).fit(masks, fit)).rejects.toThrow(/bright has 3 classes, .* has room for 2/);
    await expect(trainer(2).fit(masks, fit)).rejects.toThrow(/bright has 3 classes, .* has room for 2/);
  });

  it('goes on without images that cannot be read and names them at the end', async () => {
    const data = brightness(9, ['dark', 'light', 'lightest']);
    const train = damaged(data, [1, 2, 5]);
    const t = trainer(3);
    const steps: number[] = [];
    t.on((e) => e.type === 'step' && steps.push(e.batch));
    const storage = new MemoryStorage('runs/damaged');
    const run = { valid: damaged(data, [4]), epochs: 3, batchSize: 1, seed: 2, out: storage };
    const { history, skipped, reason } = await t.fit(train, run);
    expect(reason).toBe('done');
    expect(history.length).toBe(3);
    expect(steps.length).toBe(3 * 6);
    expect(skipped).toEqual([1, 2, 5, 4].map((i) => `photo ${i} is damaged`));
    for (const { train: scores } of history) expect(Number.isFinite(scores.loss)).toBe(true);
    await t.dispose();
    // The positions that a checkpoint counts are those of the loader, empty batches included.
    const more = trainer(3);
    const resumed = await more.fit(train, { ...run, epochs: 4, resume: true });
    expect(resumed.history.map((h) => h.epoch)).toEqual([1, 2, 3, 4]);
    await more.dispose();
  });
});

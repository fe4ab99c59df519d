import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch, Dataset } from '../../src/data/dataset.js';
import { augmentation, DataLoader, type DataLoaderOptions, MemoryDataset, transformed } from '../../src/data/index.js';

/** Image i is filled with i, so that a batch shows which samples it holds. */
function numbered(n: number): MemoryDataset {
  const shape = [2, 3, 4] as const;
  const images = new Uint8Array(n * 24);
  for (let i = 0; i < n; i++) images.fill(i, i * 24, (i + 1) * 24);
  return new MemoryDataset({
    name: 'numbered',
    images,
    labels: Int32Array.from({ length: n }, (_, i) => i % 3),
    shape,
    classes: ['a', 'b', 'c'],
    normalize: { mean: [0, 0], std: [1, 1] },
  });
}

async function collect(loader: DataLoader, epoch: number, from?: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of loader.epoch(epoch, from)) batches.push(batch);
  return batches;
}

const options = fc.record({
  batchSize: fc.integer({ min: 1, max: 20 }),
  shuffle: fc.boolean(),
  seed: fc.nat(),
  dropLast: fc.boolean(),
  prefetch: fc.integer({ min: 1, max: 5 }),
});

describe('DataLoader', () => {
  it('gives each sample once an epoch, in batches that hold what their indices say', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 20, max: 120 }), options, fc.nat(50), async (n, given, epoch) => {
        const loader = new DataLoader(numbered(n), given);
        const batches = await collect(loader, epoch);
        expect(batches.length).toBe(loader.batchesPerEpoch);
        const seen = batches.flatMap((b) => [...b.indices]);
        expect(new Set(seen).size).toBe(seen.length);
        const whole = Math.floor(n / given.batchSize) * given.batchSize;
        expect(seen.length).toBe(given.dropLast ? whole : n);
        if (!given.shuffle) expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => i));
        for (const { image, target, indices } of batches) {
          expect(image.shape).toEqual([indices.length, 2, 3, 4]);
          expect(target.shape).toEqual([indices.length]);
          indices.forEach((index, i) => {
            expect(image.data.subarray(i * 24, (i + 1) * 24).every((v) => v === index)).toBe(true);
            expect(target.data[i]).toBe(index % 3);
          });
        }
      }),
      { numRuns: 40 },
    );
  });

  it('entered at batch k it gives the tail of the epoch, with another loader too', async () => {
    await fc.assert(
      fc.asyncProperty(options, fc.nat(9), fc.nat(100), async (given, epoch, k) => {
        const data = transformed(numbered(60), ['hflip', 'crop:1'].map(augmentation));
        const whole = await collect(new DataLoader(data, given), epoch);
        const from = k % (whole.length + 1);
        expect(await collect(new DataLoader(data, given), epoch, from)).toEqual(whole.slice(from));
      }),
      { numRuns: 25 },
    );
  });

  it('shuffles anew in each epoch', async () => {
    const loader = new DataLoader(numbered(50), { batchSize: 50, shuffle: true });
    const [first] = await collect(loader, 0);
    const [second] = await collect(loader, 1);
    expect(first!.indices).not.toEqual(second!.indices);
  });

  it('augments by epoch and index only while training', async () => {
    const data = transformed(numbered(30), [augmentation('crop:2')]);
    const evaluate = new DataLoader(data, { batchSize: 30 });
    expect((await collect(evaluate, 0))[0]!.image).toEqual((await collect(evaluate, 1))[0]!.image);
    const train = new DataLoader(data, { batchSize: 30, augment: true });
    expect((await collect(train, 0))[0]!.image).not.toEqual((await collect(train, 1))[0]!.image);
    // In whatever batch a sample comes, it is changed in the same way.
    const shuffled = new DataLoader(data, { batchSize: 7, shuffle: true });
    const [{ image }] = (await collect(train, 3)) as [Batch];
    for (const batch of await collect(shuffled, 3))
      batch.indices.forEach((index, i) => {
        expect(batch.image.data.slice(i * 24, (i + 1) * 24)).toEqual(image.data.slice(index * 24, (index + 1) * 24));
      });
  });

  it('prepares batches ahead, never more than asked for', async () => {
    let running = 0;
    let most = 0;
    let asked = 0;
    const base = numbered(40);
    const slow: Dataset = {
      ...base,
      name: 'slow',
      length: 40,
      inputShape: base.inputShape,
      classes: base.classes,
      normalize: base.normalize,
      resident: false,
      describe: () => ({ kind: 'unregistered' }),
      portable: undefined,
      async get(index) {
        asked++;
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        return base.get(index);
      },
    };
    const loader = new DataLoader(slow, { batchSize: 4, prefetch: 3 });
    const batches = loader.epoch(0);
    await batches.next();
    expect(asked).toBe(16);
    await batches.return();
    expect(most).toBeLessThanOrEqual(16);
  });

  it('passes the failure of a sample on when its batch comes, not before', async () => {
    const base = numbered(12);
    const broken = Object.create(base, {
      resident: { value: false },
      get: {
        value: async (i: number) => {
          if (i === 9) throw new Error('photos/9.jpg is damaged');
          return base.get(i);
        },
      },
    }) as Dataset;
    const batches = new DataLoader(broken, { batchSize: 4, prefetch: 3, workers: 0 }).epoch(0);
    expect((await batches.next()).done).toBe(false);
    expect((await batches.next()).done).toBe(false);
    await expect(batches.next()).rejects.toThrow('photos/9.jpg is damaged');
  });

  it.each<[string, DataLoaderOptions, RegExp]>([
    ['batch size 0', { batchSize: 0 }, /the batch size must be a whole number at least 1, got 0/],
    ['batch size -3', { batchSize: -3 }, /the batch size .* got -3/],
    ['a fraction of a worker', { workers: 0.5 }, /the number of workers .* got 0.5/],
    ['no prefetch', { prefetch: 0 }, /prefetch/],
    ['a negative seed', { seed: -1 }, /the seed/],
    [
      'dropping the only batch',
      { batchSize: 50, dropLast: true },
      /numbered has 12 images, fewer than one batch of 50/,
    ],
  ])('refuses %s in one sentence', (_, given, message) => {
    expect(() => new DataLoader(numbered(12), given)).toThrow(message);
  });

  it('refuses an epoch or a first batch that does not exist', async () => {
    const loader = new DataLoader(numbered(12), { batchSize: 5 });
    await expect(loader.epoch(-1).next()).rejects.toThrow(/epoch/);
    await expect(loader.epoch(0, 4).next()).rejects.toThrow(/first batch/);
    expect((await loader.epoch(0, 3).next()).done).toBe(true);
  });

  it('refuses work after it is closed', async () => {
    const loader = new DataLoader(numbered(12), { batchSize: 5 });
    await loader.close();
    await expect(loader.epoch(0).next()).rejects.toThrow('the loader of numbered is closed');
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Batch, Dataset } from '../../src/data/dataset.js';
import { augmentation, Concat, DataLoader, openData, take, transformed } from '../../src/data/index.js';
import { WorkerPool } from '../../src/node/index.js';
import { Countdown } from './countdown.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-workers-'));
  for (const [c, label] of ['a', 'b', 'c'].entries()) {
    await mkdir(join(root, label));
    for (let i = 0; i < 9; i++) {
      const pixels = Buffer.from(Uint8Array.from({ length: 30 * 20 * 3 }, (_, k) => (k * (7 + c) + i * 31) & 255));
      const path = join(root, label, `${i}.jpg`);
      await sharp(pixels, { raw: { width: 30, height: 20, channels: 3 } })
        .jpeg()
        .toFile(path);
    }
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function epoch(dataset: Dataset, workers: number, n = 0, from = 0): Promise<Batch[]> {
  const loader = new DataLoader(dataset, { batchSize: 4, shuffle: true, seed: 5, workers });
  expect(loader.workerCount).toBe(workers);
  const batches: Batch[] = [];
  try {
    for await (const batch of loader.epoch(n, from)) batches.push(batch);
  } finally {
    await loader.close();
  }
  return batches;
}

const AUGMENT = ['hflip', 'rotate:20', 'crop:3', 'jitter:0.3'].map(augmentation);

describe('worker threads', () => {
  it('give the same batches whatever their number, also from the middle of an epoch', async () => {
    const folder = () => openData(root, { size: 16, valid: 0.2, seed: 1 });
    const { train, valid } = await folder();
    const augmented = transformed(new Concat([train, valid!]), AUGMENT);
    const alone = await epoch(augmented, 0, 1);
    for (const workers of [1, 2]) {
      // Opened again, so that the workers decode for themselves.
      const again = await folder();
      const data = transformed(new Concat([again.train, again.valid!]), AUGMENT);
      expect(await epoch(data, workers, 1)).toEqual(alone);
      expect(await epoch(data, workers, 1, 3)).toEqual(alone.slice(3));
    }
  });

  it('fill the memory that the main thread reads', async () => {
    const { train } = await openData(root, { size: 16, valid: 0 });
    const first = await epoch(train, 2);
    expect(train.resident).toBe(true);
    expect(await epoch(train, 0)).toEqual(first);
  });

  it('serve data in memory and generated data too', async () => {
    const { train } = await openData('shapes', { images: 60, seed: 3 });
    const data = transformed(take(train, 17), AUGMENT.slice(0, 2));
    expect(await epoch(data, 2)).toEqual(await epoch(data, 0));
  });

  it('name the file that fails, when its batch comes, and go on working', async () => {
    const bad = await mkdtemp(join(tmpdir(), 'fovea-bad-'));
    try {
      for (const label of ['x', 'y']) {
        await mkdir(join(bad, label));
        for (let i = 0; i < 4; i++)
          await sharp({ create: { width: 8, height: 8, channels: 3, background: '#123456' } })
            .png()
            .toFile(join(bad, label, `${i}.png`));
      }
      await writeFile(join(bad, 'y', '1.png'), 'broken');
      const { train } = await openData(bad, { size: 8, valid: 0 });
      const loader = new DataLoader(train, { batchSize: 2, workers: 2 });
      const batches = loader.epoch(0);
      expect((await batches.next()).done).toBe(false);
      expect((await batches.next()).done).toBe(false);
      await expect(batches.next()).rejects.toThrow(`${join(bad, 'y', '1.png')} is not an image that can be read`);
      const tail = loader.epoch(0, 3);
      expect((await tail.next()).done).toBe(false);
      await loader.close();
    } finally {
      await rm(bad, { recursive: true });
    }
  });

  it('that cannot open the data say so with the first batch; closing rejects what is under way', async () => {
    const pool = new WorkerPool({ portable: { kind: 'no such kind' }, modules: [] }, 1);
    await expect(pool.assemble(Int32Array.of(0), undefined)).rejects.toThrow(
      'cannot open a data set of kind "no such kind"',
    );
    const underWay = pool.assemble(Int32Array.of(0), undefined);
    await Promise.all([expect(underWay).rejects.toThrow('have been closed'), pool.close()]);
    await expect(pool.assemble(Int32Array.of(0), undefined)).rejects.toThrow('have been closed');
  });

  it('open kinds that a user has registered, by importing the module that does so', async () => {
    const own = new Countdown(9);
    expect(await epoch(own, 2)).toEqual(await epoch(own, 0));
  });

  it('that die take nothing with them: what they were asked for is rejected', async () => {
    const own = new Countdown(9, true);
    const loader = new DataLoader(own, { batchSize: 3, workers: 1 });
    await expect(loader.epoch(0).next()).rejects.toThrow('a data worker ended unexpectedly (exit code 7)');
    await expect(loader.epoch(0).next()).rejects.toThrow('a data worker ended unexpectedly (exit code 7)');
    await loader.close();
  });

  it('refuse data of a kind that they could not open', async () => {
    const { train } = await openData('shapes', { images: 60 });
    const own = Object.create(take(train, 20), {
      resident: { value: false },
      portable: { value: undefined },
      describe: { value: () => ({ kind: 'my own' }) },
    }) as Dataset;
    expect(() => new DataLoader(own, { workers: 1 })).toThrow(
      /shapes cannot be opened in worker threads: the kind "my own"/,
    );
    expect(new DataLoader(own).workerCount).toBe(0);
  });
});

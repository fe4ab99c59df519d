import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataLoader, openData } from '../../src/data/index.js';
import type { FolderDataset } from '../../src/node/folderDataset.js';
import '../../src/node/index.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-folder-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Writes flat images of grey level `v`. */
async function put(path: string, v: number, width = 8, height = 6): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await sharp({ create: { width, height, channels: 3, background: { r: v, g: v, b: v } } })
    .png()
    .toFile(path);
}

async function folder(name: string, parts: string[], classes: string[], each: number): Promise<string> {
  for (const part of parts)
    for (const [c, label] of classes.entries())
      for (let i = 0; i < each; i++) await put(join(root, name, part, label, `${i}.png`), 40 * c + i);
  return join(root, name);
}

describe('image folders', () => {
  it('have sorted classes, sorted files and a split by seed', async () => {
    const path = await folder('plain', [''], ['zebra', 'ant', 'Bee'], 10);
    await writeFile(join(path, 'notes.txt'), 'not an image');
    await mkdir(join(path, '.hidden'));
    const data = await openData(path, { valid: 0.2, seed: 3 });
    expect(data.classes).toEqual(['Bee', 'ant', 'zebra']);
    expect(data.inputShape).toEqual([3, 6, 8]);
    expect([data.train.length, data.valid?.length, data.test]).toEqual([24, 6, undefined]);
    expect(data.all.length).toBe(30);
    expect([...data.all.labels!()!]).toEqual([
      ...new Array(10).fill(0),
      ...new Array(10).fill(1),
      ...new Array(10).fill(2),
    ]);
    const first = await data.all.get(10);
    expect(first.target).toBe(1);
    expect(first.image.every((v) => v === 40)).toBe(true);
    expect((data.all as FolderDataset).file(10)).toBe(join('ant', '0.png'));
    const again = await openData(path, { valid: 0.2, seed: 3 });
    expect(again.describe()).toEqual(data.describe());
    const other = await openData(path, { valid: 0.2, seed: 4 });
    expect(other.describe()).not.toEqual(data.describe());
    const whole = await openData(path, { valid: 0 });
    expect([whole.train.length, whole.valid]).toEqual([30, undefined]);
  });

  it('change their fingerprint when a file comes', async () => {
    const path = await folder('print', [''], ['a', 'b'], 2);
    const before = (await openData(path, { valid: 0 })).describe();
    await put(join(path, 'b', 'late.png'), 200);
    expect((await openData(path, { valid: 0 })).describe()).not.toEqual(before);
  });

  it('with train, val and test beside each other', async () => {
    const path = await folder('parts', ['train', 'val', 'test'], ['a', 'b'], 3);
    const data = await openData(path, { channels: 1 });
    expect([data.train.length, data.valid?.length, data.test?.length]).toEqual([6, 6, 6]);
    expect(data.inputShape).toEqual([1, 6, 8]);
    expect(data.normalize.mean.length).toBe(1);
    await rm(join(path, 'val'), { recursive: true });
    const split = await openData(path, { valid: 0.34 });
    expect([split.train.length, split.valid?.length, split.test?.length]).toEqual([4, 2, 6]);
  });

  it('scale images of any size, and without a size say which differ', async () => {
    const path = await folder('sizes', [''], ['a'], 2);
    await put(join(path, 'a', 'x.png'), 9, 30, 20);
    await expect(openData(path)).rejects.toThrow(
      /images differ in size: .*0\.png is 8 x 6, .*x\.png is 30 x 20; give a size to scale them to$/,
    );
    const data = await openData(path, { size: [10, 12], valid: 0 });
    expect(data.inputShape).toEqual([3, 10, 12]);
    expect((await data.train.get(2)).image.length).toBe(360);
  });

  it('are decoded once and then come from memory', async () => {
    const path = await folder('kept', [''], ['a', 'b'], 4);
    const data = await openData(path, { valid: 0 });
    const loader = new DataLoader(data.train, { batchSize: 3, workers: 0 });
    const collect = async () => {
      const batches = [];
      for await (const batch of loader.epoch(0)) batches.push(batch);
      return batches;
    };
    expect(data.train.resident).toBe(false);
    const first = await collect();
    expect(data.train.resident).toBe(true);
    await rm(path, { recursive: true });
    expect(await collect()).toEqual(first);
  });

  it('follow links and look below class folders', async () => {
    const path = await folder('linked', [''], ['a', 'b'], 1);
    await put(join(path, 'a', 'deep', 'x.png'), 7);
    await symlink(join(path, 'a', '0.png'), join(path, 'b', 'link.png'));
    await symlink(join(path, 'a'), join(path, 'a', 'deep', 'circle'));
    const data = await openData(path, { valid: 0 });
    expect([...data.train.labels!()!].filter((l) => l === 1).length).toBe(2);
  });
});

describe('folders that cannot be used are refused in one sentence', () => {
  const failure = async (path: string, options = {}): Promise<string> => {
    const error = await openData(path, options).then(
      () => new Error('it was opened'),
      (e: Error) => e,
    );
    expect(error.message).not.toContain('\n');
    return error.message.replaceAll(root, 'ROOT');
  };

  it('missing, a file, empty, images without classes', async () => {
    expect(await failure(join(root, 'none'))).toBe('cannot open ROOT/none: there is no such file or directory');
    await writeFile(join(root, 'file'), '');
    expect(await failure(join(root, 'file'))).toMatch(/^ROOT\/file is a file; expected a folder of class folders/);
    await mkdir(join(root, 'void'));
    expect(await failure(join(root, 'void'))).toMatch(/^ROOT\/void holds no images; expected class\/name.jpg/);
    await mkdir(join(root, 'hollow/a'), { recursive: true });
    expect(await failure(join(root, 'hollow'))).toMatch(/^ROOT\/hollow holds no images/);
    await put(join(root, 'loose', 'x.png'), 1);
    expect(await failure(join(root, 'loose'))).toBe(
      'ROOT/loose holds images but no class folders; expected class/name.jpg',
    );
    await put(join(root, 'half', 'a', 'x.png'), 1);
    await mkdir(join(root, 'half', 'b'));
    expect(await failure(join(root, 'half'))).toBe('the class folder "b" of ROOT/half holds no images');
  });

  it('classes that differ between train and valid', async () => {
    await folder('differ', ['train'], ['a', 'b', 'c'], 1);
    await folder('differ', ['valid'], ['a', 'd'], 1);
    expect(await failure(join(root, 'differ'))).toBe(
      'the class folders of ROOT/differ/train and ROOT/differ/valid differ: "b", "c" are only in ROOT/differ/train, ' +
        '"d" is only in ROOT/differ/valid; make them agree',
    );
  });

  it('classes that a network does not know', async () => {
    const path = await folder('foreign', [''], ['a', 'b'], 1);
    expect(await failure(path, { classes: ['a', 'c'] })).toBe('ROOT/foreign has the class "b"; expected only "a", "c"');
    const data = await openData(path, { classes: ['b', 'x', 'a'], valid: 0 });
    expect([...data.all.labels!()!]).toEqual([2, 0]);
  });

  it('a corrupt image: named when it is read; left out and counted when that is wished', async () => {
    const path = await folder('corrupt', [''], ['a', 'b'], 3);
    await writeFile(join(path, 'b', '1.png'), 'no image');
    const data = await openData(path, { size: 8, valid: 0 });
    const loader = new DataLoader(data.train, { batchSize: 2, workers: 0 });
    const read = async () => {
      for await (const _ of loader.epoch(0));
    };
    await expect(read()).rejects.toThrow(/b\/1\.png is not an image that can be read/);
    const lenient = await openData(path, { size: 8, valid: 0, strict: false });
    expect(lenient.train.length).toBe(5);
    expect(lenient.skipped.length).toBe(1);
    expect(lenient.skipped[0]).toMatch(/b\/1\.png is not an image/);
  });
});

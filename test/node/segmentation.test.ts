import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countMasks, DataLoader, type Dataset, openData, type Sample } from '../../src/data/index.js';
import '../../src/node/index.js';
import { putColour, putGrey, putPalette, putPhoto } from './maskFiles.js';

let root: string;
let counter = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-segmentation-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const fresh = (): string => join(root, `set${counter++}`);

/** `n` photos of 16 x 12 with binary masks, foreground on the left, in two folders. */
async function folders(n: number, images = 'images', masks = 'masks'): Promise<string> {
  const path = fresh();
  for (let i = 0; i < n; i++) {
    await putPhoto(join(path, images, `p${i}.jpg`));
    await putGrey(join(path, masks, `p${i}.png`), 16, 12, (x) => (x < 4 + i ? 255 : 0));
  }
  return path;
}

/** Leaves a JPEG its header and a part of its pixels. */
async function cutShort(path: string): Promise<void> {
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, Math.round(bytes.length * 0.8)));
}

const target = async (dataset: Dataset, i: number): Promise<Uint8Array> =>
  ((await dataset.get(i)) as Sample).target as Uint8Array;
const sum = (values: Uint8Array): number => values.reduce((a, b) => a + b, 0);

describe('photos with masks', () => {
  it('in two folders become uint8 images and class numbers', async () => {
    const path = await folders(5);
    const data = await openData(path, { valid: 0.4, seed: 1 });
    expect(data.classes).toEqual(['background', 'foreground']);
    expect(data.inputShape).toEqual([3, 12, 16]);
    expect([data.train.length, data.valid!.length]).toEqual([3, 2]);
    expect(data.normalize.mean).toEqual([0.485, 0.456, 0.406]);
    for (let i = 0; i < 5; i++) expect(sum(await target(data.all, i))).toBe(12 * (4 + i));
    const loader = new DataLoader(data.all, { batchSize: 5 });
    for await (const batch of loader.epoch(0)) {
      expect(batch.target).toMatchObject({ shape: [5, 12, 16], dtype: 'uint8' });
      expect(batch.target.data).toBeInstanceOf(Uint8Array);
      expect(batch.image.shape).toEqual([5, 3, 12, 16]);
    }
    expect(data.train.resident).toBe(true);
    const again = await openData(data.spec.name, data.spec.options);
    expect(again.describe()).toEqual(data.describe());
    expect((await openData(path, { classes: ['person'] })).classes).toEqual(['background', 'person']);
  });

  it('are found in a CSV, beside it or by the tail of their paths', async () => {
    const path = await folders(4);
    await mkdir(join(path, 'lists'));
    const rows = [0, 1, 2, 3].map((i) => `old/disk/set/masks/p${i}.png,old/disk/set/images/p${i}.jpg`);
    await writeFile(join(path, 'list.csv'), `masks,images\r\n${rows.join('\r\n')}\r\n`);
    const data = await openData(join(path, 'list.csv'));
    expect(data.all.length).toBe(4);
    expect(data.notes[0]).toContain('8 paths found without their leading folders');
    // The longest tail wins: nearer to what the list says.
    await putGrey(join(path, 'set', 'masks', 'p0.png'), 16, 12, () => 255);
    expect(sum(await target((await openData(join(path, 'list.csv'))).all, 0))).toBe(12 * 16);
    expect(sum(await target((await openData(path)).all, 0))).toBe(12 * 16);
    await writeFile(
      join(path, 'list.csv'),
      `photo;ground truth\nimages/p1.jpg;masks/p1.png\nimages/p2.jpg;masks/p2.png`,
    );
    expect((await openData(path, { masks: { columns: { mask: 'Ground Truth' } } })).all.length).toBe(2);
    await writeFile(join(path, 'list.csv'), 'a,b\n1,2\n');
    await expect(openData(join(path, 'list.csv'))).rejects.toThrow(
      /list.csv has the columns a, b; expected images and masks/,
    );
  });

  it('keep the order of the CSV', async () => {
    const path = await folders(4);
    const order = [2, 0, 3, 1];
    await writeFile(
      join(path, 'a.csv'),
      `image,mask\n${order.map((i) => `images/p${i}.jpg,masks/p${i}.png`).join('\n')}`,
    );
    const { all } = await openData(path);
    for (const [k, i] of order.entries()) expect(sum(await target(all, k))).toBe(12 * (4 + i));
  });

  it('are mended where they can be, and that is counted in one line', async () => {
    const path = fresh();
    await putPhoto(join(path, 'images/a.jpg'), 16, 12);
    await putGrey(join(path, 'masks/a.png'), 32, 24, (x) => (x < 16 ? 200 : 90));
    await putPhoto(join(path, 'images/b.jpg'), 16, 12);
    await putGrey(join(path, 'masks/b_mask.png'), 16, 12, (x) => (x < 4 ? 255 : 0));
    await putGrey(join(path, 'images/c.png'), 16, 12, (x) => 10 * x);
    await putGrey(join(path, 'masks/c.png'), 16, 12, (x) => (x < 4 ? 255 : 0));
    const data = await openData(path, { valid: 0 });
    expect(sum(await target(data.all, 0))).toBe(12 * 8);
    expect(data.notes).toHaveLength(1);
    expect(data.notes[0]).toMatch(
      /3 photos with masks, binary masks of 2 classes; mended: 1 mask scaled to its photo, 1 mask with grey values cut at 128, 1 grey photo read as colour$/,
    );
    expect(data.skipped).toEqual([]);
    expect(data.warnings).toEqual([]);
    expect(sum(await target((await openData(path, { valid: 0, masks: { threshold: 64 } })).all, 0))).toBe(12 * 16);
  });

  it('follow the EXIF rotation of their photo, whichever way the mask was drawn', async () => {
    const path = fresh();
    // Stored 16 x 12, shown 12 x 16; the top left corner as shown is marked.
    await putPhoto(join(path, 'images/shown.jpg'), 16, 12, 6);
    await putGrey(join(path, 'masks/shown.png'), 12, 16, (x, y) => (x < 6 && y < 4 ? 255 : 0));
    await putPhoto(join(path, 'images/stored.jpg'), 16, 12, 6);
    // Turned clockwise, the stored lower left corner comes to the upper left.
    await putGrey(join(path, 'masks/stored.png'), 16, 12, (x, y) => (x < 4 && y >= 6 ? 255 : 0));
    const data = await openData(path, { valid: 0 });
    expect(data.inputShape).toEqual([3, 16, 12]);
    expect([...(await target(data.all, 1))]).toEqual([...(await target(data.all, 0))]);
    expect(data.notes[0]).toMatch(/2 photos turned upright, 1 mask turned with its photo/);
    const { image } = await data.all.get(0);
    // The red gradient runs along the stored x, which is down as shown.
    expect(image[15 * 12]! - image[0]!).toBeGreaterThan(150);
  });

  it('that cannot be mended are listed and left out, or end it with strict', async () => {
    const path = await folders(4);
    await putPhoto(join(path, 'images/odd.jpg'), 30, 10);
    await putGrey(join(path, 'masks/odd.png'), 10, 30, () => 255);
    await putPhoto(join(path, 'images/alone.jpg'));
    await putGrey(join(path, 'masks/nobody.png'), 16, 12, () => 255);
    await putPhoto(join(path, 'images/cut.jpg'), 160, 120);
    await cutShort(join(path, 'images/cut.jpg'));
    await putGrey(join(path, 'masks/cut.png'), 16, 12, () => 255);
    await writeFile(join(path, 'images/empty.jpg'), '');
    await putGrey(join(path, 'masks/empty.png'), 16, 12, () => 255);
    const data = await openData(path, { valid: 0, size: [12, 16] });
    expect(data.all.length).toBe(4);
    expect(data.skipped).toEqual([
      expect.stringMatching(/alone.jpg has no mask in .*masks$/),
      expect.stringMatching(/the mask .*nobody.png has no photo in .*images$/),
      expect.stringMatching(/empty.jpg is empty; expected an image/),
      expect.stringMatching(
        /the mask .*odd.png is 10 x 30, its photo .*odd.jpg 30 x 10: they do not show the same picture/,
      ),
      expect.stringMatching(/cut.jpg is damaged and cannot be read as an image/),
    ]);
    for (let i = 0; i < 4; i++) expect(sum(await target(data.all, i))).toBe(12 * (4 + i));
    await expect(openData(path, { strict: true })).rejects.toThrow(/4 cannot be used: .*alone.jpg has no mask/);
    await rm(join(path, 'images/odd.jpg'));
    await rm(join(path, 'masks/odd.png'));
    await rm(join(path, 'images/empty.jpg'));
    await rm(join(path, 'masks/empty.png'));
    await rm(join(path, 'images/alone.jpg'));
    await rm(join(path, 'masks/nobody.png'));
    await expect(openData(path, { strict: true })).rejects.toThrow(/1 cannot be used: .*cut.jpg is damaged/);
  });

  it('of a CSV that are not there: the first three and the count', async () => {
    const path = await folders(2);
    const missing = [5, 6, 7, 8, 9].map((i) => `images/p${i}.jpg,masks/p1.png`);
    const good = [0, 1].map((i) => `images/p${i}.jpg,masks/p${i}.png`);
    await writeFile(join(path, 'l.csv'), ['image,mask', ...good, ...missing].join('\n'));
    const data = await openData(path, { valid: 0 });
    expect([data.all.length, data.skipped.length]).toEqual([2, 5]);
    await expect(openData(path, { strict: true })).rejects.toThrow(
      /5 cannot be used: images\/p5.jpg is not there \(line 4 of .*l.csv\); images\/p6.jpg .*; images\/p7.jpg .*; and 2 more$/,
    );
    await writeFile(join(path, 'l.csv'), ['image,mask', ...good, 'a.jpg,b.png', 'images/p0.jpg,c.png'].join('\n'));
    expect((await openData(path, { valid: 0 })).skipped).toEqual([
      expect.stringMatching(/^a.jpg and b.png are not there \(line 4 of /),
      expect.stringMatching(/^c.png is not there \(line 5 of /),
    ]);
    await writeFile(join(path, 'l.csv'), ['image,mask', ...missing].join('\n'));
    await expect(openData(path)).rejects.toThrow(/holds no photo with a mask that can be used: 5 cannot be used/);
  });

  it('too many for memory are read when needed; damaged ones are left out of their batch', async () => {
    const path = await folders(5);
    await putPhoto(join(path, 'images/p1.jpg'), 160, 120);
    const options = { valid: 0, memory: 100, size: [12, 16] as const };
    const data = await openData(path, options);
    expect(data.train.resident).toBe(false);
    expect(data.notes).toContainEqual(expect.stringContaining('do not fit into memory'));
    const held = await openData(path, { valid: 0, size: [12, 16] });
    for (let i = 0; i < 5; i++) expect(await data.all.get(i)).toEqual(await held.all.get(i));
    await cutShort(join(path, 'images/p1.jpg'));
    for (const workers of [0, 1]) {
      const loader = new DataLoader(data.train, { batchSize: 2, workers });
      const sizes: number[] = [];
      const seen: number[] = [];
      for await (const batch of loader.epoch(0)) {
        sizes.push(batch.image.shape[0]);
        seen.push(...batch.indices);
        expect(batch.target.data.length).toBe(batch.image.shape[0] * 12 * 16);
      }
      expect(sizes).toEqual([1, 2, 1]);
      expect(seen).toEqual([0, 2, 3, 4]);
      expect(loader.skipped).toEqual([expect.stringMatching(/p1.jpg is damaged/)]);
      await loader.close();
    }
    const strict = await openData(path, { ...options, strict: true });
    const loader = new DataLoader(strict.train, { batchSize: 2, workers: 0 });
    const run = async () => {
      for await (const _ of loader.epoch(0));
    };
    await expect(run()).rejects.toThrow(/p1.jpg is damaged/);
  });

  it('that are all black are warned of', async () => {
    const path = await folders(3);
    await putGrey(join(path, 'masks/p1.png'), 16, 12, () => 0);
    const { warnings, all } = await openData(path, { valid: 0 });
    expect(all.length).toBe(3);
    expect(warnings).toEqual([
      expect.stringMatching(/^1 of 3 masks show nothing but background \(.*p1.png\): the IoU .* undefined/),
    ]);
  });
});

describe('masks of several classes', () => {
  const palette = [
    [0, 0, 0],
    [128, 0, 0],
    [0, 128, 0],
  ] as const;

  async function indexed(at: (i: number) => (x: number, y: number) => number, n = 3): Promise<string> {
    const path = fresh();
    for (let i = 0; i < n; i++) {
      await putPhoto(join(path, 'JPEGImages', `p${i}.jpg`));
      await putPalette(join(path, 'SegmentationClass', `p${i}.png`), 16, 12, at(i), colours);
    }
    return path;
  }
  const colours = [...palette, ...new Array<[number, number, number]>(252).fill([9, 9, 99]), [224, 224, 192]] as [
    number,
    number,
    number,
  ][];

  it('keep palette indices, ignored ones too', async () => {
    const path = await indexed((i) => (x, y) => (y === 0 ? 255 : x < 8 ? 0 : 1 + (i % 2)));
    const data = await openData(path, { valid: 0 });
    expect(data.classes).toEqual(['background', 'class 1', 'class 2']);
    expect(data.train.ignoreIndex).toBe(255);
    expect([...(await target(data.all, 1)).subarray(0, 34)].filter((_, i) => i === 0 || i === 16 || i === 31)).toEqual([
      255, 0, 2,
    ]);
    expect(await countMasks(data.all)).toEqual({
      pixels: [3 * 8 * 11, 2 * 8 * 11, 8 * 11],
      masks: [3, 2, 1],
      ignored: 48,
    });
    const named = await openData(path, { valid: 0, classes: ['void', 'cat', 'dog', 'cow'] });
    expect(named.classes).toEqual(['void', 'cat', 'dog', 'cow']);
  });

  it('of values outside the classes name file and value', async () => {
    const path = await indexed((i) => (x) => (i === 1 && x === 3 ? 7 : x % 2));
    await expect(openData(path, { classes: ['a', 'b', 'c'] })).rejects.toThrow(
      /p1.png holds the class number 7; expected 0 to 2 \(a, b, c\)/,
    );
    await expect(openData(path, { classes: ['a', 'b', 'c'], memory: 1 })).rejects.toThrow(
      /p1.png holds the class number 7/,
    );
  });

  it('in grey values are class numbers where they can be nothing else', async () => {
    const path = fresh();
    for (let i = 0; i < 2; i++) {
      await putPhoto(join(path, 'images', `${i}.jpg`));
      await putGrey(join(path, 'labels', `${i}.png`), 16, 12, (x) => (x === 0 ? 255 : x % 3));
    }
    const data = await openData(path, { valid: 0 });
    expect(data.classes.length).toBe(3);
    expect(data.train.ignoreIndex).toBe(255);
    const binary = await openData(path, { valid: 0, masks: { kind: 'binary' } });
    expect(sum(await target(binary.all, 0))).toBe(12);
    await expect(openData(path, { classes: ['a', 'b'], masks: { kind: 'indexed' } })).rejects.toThrow(
      /0.png holds the class number 2; expected 0 to 1 \(a, b\) or 255, which is ignored/,
    );
  });

  it('in colours need to be told which is which', async () => {
    const path = fresh();
    for (let i = 0; i < 2; i++) {
      await putPhoto(join(path, 'images', `${i}.jpg`));
      await putColour(join(path, 'masks', `${i}.png`), 16, 12, (x) =>
        x < 4 ? [0, 0, 0] : x < 8 ? [255, 0, 0] : x < 12 ? [0, 0, 255] : [250, 0, 0],
      );
    }
    await expect(openData(path)).rejects.toThrow(
      /masks.0.png is coloured \(#000000, #ff0000, #0000ff, #fa0000\); say which class/,
    );
    const map = { '#000': 'ground', '255,0,0': 'road', '#0000ff': 'ignore' };
    await expect(openData(path, { masks: { colours: map } })).rejects.toThrow(
      /0.png holds the colour #fa0000, which is no class/,
    );
    const data = await openData(path, { valid: 0, masks: { colours: map, nearest: true } });
    expect(data.classes).toEqual(['ground', 'road']);
    expect(data.train.ignoreIndex).toBe(255);
    const row = [...(await target(data.all, 0)).subarray(0, 16)];
    expect(row).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 255, 255, 255, 255, 1, 1, 1, 1]);
    const other = await openData(path, {
      valid: 0,
      classes: ['road', 'ground'],
      masks: { colours: map, nearest: true },
    });
    expect((await target(other.all, 0))[0]).toBe(1);
  });
});

describe('parts', () => {
  it('are those of folders, of CSV files or of lists', async () => {
    const path = fresh();
    for (const [part, n] of [
      ['train', 3],
      ['val', 2],
      ['test', 1],
    ] as const)
      for (let i = 0; i < n; i++) {
        await putPhoto(join(path, part, 'images', `${part}${i}.jpg`));
        await putGrey(join(path, part, 'masks', `${part}${i}.png`), 16, 12, () => 255);
      }
    const data = await openData(path);
    expect([data.train.length, data.valid!.length, data.test!.length, data.all.length]).toEqual([3, 2, 1, 5]);
    const two = fresh();
    for (const part of ['train', 'val'])
      for (let i = 0; i < 2; i++) {
        await putPhoto(join(two, 'images', part, `${i}.jpg`));
        await putGrey(join(two, 'masks', part, `${i}.png`), 16, 12, () => 255);
      }
    const inside = await openData(two);
    expect([inside.train.length, inside.valid!.length]).toEqual([2, 2]);
    const flat = await folders(6);
    await writeFile(join(flat, 'train.csv'), 'image,mask\nimages/p0.jpg,masks/p0.png\nimages/p1.jpg,masks/p1.png\n');
    await writeFile(join(flat, 'valid.csv'), 'image,mask\nimages/p5.jpg,masks/p5.png\n');
    const tables = await openData(flat);
    expect([tables.train.length, tables.valid!.length]).toEqual([2, 1]);
    expect(sum(await target(tables.valid!, 0))).toBe(12 * 9);
    await rm(join(flat, 'train.csv'));
    await rm(join(flat, 'valid.csv'));
    await writeFile(join(flat, 'val.txt'), 'p4\nimages/p2.jpg\n');
    const listed = await openData(flat, { lists: { valid: 'val.txt', test: ['p0'] } });
    expect([listed.train.length, listed.valid!.length, listed.test!.length]).toEqual([3, 2, 1]);
    expect(sum(await target(listed.valid!, 1))).toBe(12 * 8);
    await expect(openData(flat, { lists: { valid: ['p4', 'q1', 'q2', 'q3', 'q4'] } })).rejects.toThrow(
      /names 4 photos that .* does not have, or has twice: q1, q2, q3 and 1 more/,
    );
    await expect(openData(flat, { lists: { valid: ['p1'], test: ['p1'] } })).rejects.toThrow(
      /in the lists of both valid and test/,
    );
  });

  it('can be folds', async () => {
    const path = await folders(7);
    const seen: number[] = [];
    for (let index = 1; index <= 3; index++) {
      const { train, valid } = await openData(path, { fold: `${index}/3`, seed: 5 });
      expect(train.length + valid!.length).toBe(7);
      for (let i = 0; i < valid!.length; i++) seen.push(sum(await target(valid!, i)) / 12 - 4);
    }
    expect(seen.sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    await expect(openData(path, { fold: '4/3' })).rejects.toThrow('the fold is "4/3"; expected for example 2/5');
  });

  it('a class folder that is called mask is a class', async () => {
    const path = fresh();
    for (const name of ['mask', 'photo'])
      for (let i = 0; i < 3; i++) await putPhoto(join(path, name, `${name}${i}.jpg`));
    const data = await openData(path);
    expect(data.classes).toEqual(['mask', 'photo']);
    expect(data.train.targetShape).toBeUndefined();
    // Nor does a list of labels make masks of them.
    await writeFile(join(path, 'labels.csv'), 'image,label\nmask/mask0.jpg,mask\nphoto/photo1.jpg,photo\n');
    expect((await openData(path)).classes).toEqual(['mask', 'photo']);
  });
});

const people = new URL('../../../shared/data/human-segmentation', import.meta.url).pathname;

describe.skipIf(!existsSync(people))('human-segmentation (skipped where ../shared/data lacks it)', () => {
  it('opens as it lies there', async () => {
    const data = await openData(people, { size: 32, seed: 1 });
    expect([data.train.length, data.valid!.length]).toEqual([209, 52]);
    expect(data.skipped).toEqual([]);
    expect(data.notes[0]).toMatch(
      /261 photos with masks, binary .*180 masks scaled to their photos, 1 grey photo read as colour$/,
    );
    const { pixels, masks } = await countMasks(data.all);
    expect(masks).toEqual([261, 261]);
    expect(pixels[1]! / (261 * 32 * 32)).toBeCloseTo(0.282, 2);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Concat,
  MemoryDataset,
  materialise,
  measureNormalize,
  openData,
  SHAPE_CLASSES,
  ShapesDataset,
  splitFraction,
  splitLast,
  take,
} from '../../src/data/index.js';

function labelled(labels: number[], classes = ['a', 'b', 'c']): MemoryDataset {
  return new MemoryDataset({
    name: 'labelled',
    images: Uint8Array.from(labels, (_, i) => i),
    labels: Int32Array.from(labels),
    shape: [1, 1, 1],
    classes,
    normalize: { mean: [0.5], std: [0.5] },
  });
}

/** Which samples a part of `labelled` holds. */
const members = async (part: { length: number; get(i: number): unknown }): Promise<number[]> =>
  Promise.all(
    Array.from({ length: part.length }, async (_, i) => ((await part.get(i)) as { image: Uint8Array }).image[0]!),
  );

describe('MemoryDataset', () => {
  it('says in one sentence what does not fit', () => {
    const normalize = { mean: [0], std: [1] };
    const make = (bytes: number, labels: number[]) => () =>
      new MemoryDataset({
        name: 'mine',
        images: new Uint8Array(bytes),
        labels: Int32Array.from(labels),
        shape: [1, 2, 2],
        classes: ['x', 'y'],
        normalize,
      });
    expect(make(7, [0, 1])).toThrow('mine: 7 bytes of pixels are not 2 images of 1 x 2 x 2');
    expect(make(8, [0, 2])).toThrow('mine: sample 1 has the label 2; expected 0 to 1');
    expect(() => make(8, [0, 1])().get(2)).toThrow('mine has no sample 2; it has 2, counted from 0');
  });

  it('gives copies: changing one changes nothing else', () => {
    const data = labelled([0, 1, 2]);
    data.get(1).image.fill(99);
    expect(data.get(1).image[0]).toBe(1);
  });
});

describe('splits', () => {
  it('part the samples without overlap, the same for the same seed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 200 }), fc.nat(), async (n, seed) => {
        const data = labelled(Array.from({ length: n }, (_, i) => i % 2));
        const count = 1 + (seed % (n - 1));
        const { train, valid } = splitLast(data, count, seed);
        expect(valid.length).toBe(count);
        const all = [...(await members(train)), ...(await members(valid))];
        expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
        const again = splitLast(data, count, seed);
        expect(await members(again.valid)).toEqual(await members(valid));
      }),
      { numRuns: 30 },
    );
  });

  it('by fraction keep each class on both sides', async () => {
    const labels = [...new Array(50).fill(0), ...new Array(10).fill(1), 2, 2];
    const data = labelled(labels);
    const { train, valid } = splitFraction(data, 0.2, 7);
    const count = (part: Int32Array | undefined) => [0, 1, 2].map((c) => part!.filter((l) => l === c).length);
    expect(count(valid.labels!())).toEqual([10, 2, 1]);
    expect(count(train.labels!())).toEqual([40, 8, 1]);
    const other = splitFraction(data, 0.2, 8);
    expect(await members(other.valid)).not.toEqual(await members(valid));
  });

  it('refuse what cannot be split', () => {
    expect(() => splitFraction(labelled([0, 1]), 0.5, 1)).toThrow('labelled is too small to split');
    expect(() => splitFraction(labelled([0, 0]), 1.5, 1)).toThrow('the validation fraction is 1.5');
    expect(() => splitLast(labelled([0, 0]), 2, 1)).toThrow('cannot take 2 of 2 images');
  });

  it('can be put together again and cut', async () => {
    const data = labelled([0, 1, 2, 0, 1, 2]);
    const { train, valid } = splitLast(data, 2, 3);
    const joined = new Concat([train, valid]);
    expect(await members(joined)).toEqual([...(await members(train)), ...(await members(valid))]);
    expect([...joined.labels()!]).toEqual([...train.labels!()!, ...valid.labels!()!]);
    const images = new Uint8Array(3);
    const targets = new Int32Array(3);
    joined.gather(Int32Array.of(5, 0, 4), images, targets);
    const all = await members(joined);
    expect([...images]).toEqual([all[5], all[0], all[4]]);
    expect(await members(take(data, 2))).toEqual([0, 1]);
    expect(() => new Concat([data, labelled([0], ['other'])])).toThrow('does not continue');
  });
});

describe('shapes', () => {
  it('is a function of seed and index', async () => {
    const a = new ShapesDataset({ images: 20, size: [16, 20], channels: 3, seed: 5 });
    const b = new ShapesDataset({ images: 40, size: [16, 20], channels: 3, seed: 5 });
    const c = new ShapesDataset({ images: 20, size: [16, 20], channels: 3, seed: 6 });
    expect(a.get(7)).toEqual(b.get(7));
    expect(a.get(7).image).not.toEqual(c.get(7).image);
    expect(a.get(7).image).not.toEqual(a.get(12).image);
    expect(a.get(3).image.length).toBe(3 * 16 * 20);
    const kept = await materialise(a);
    expect(kept.get(7)).toEqual(a.get(7));
  });

  it('has balanced classes, full use of the range and noise of the strength that was asked for', async () => {
    const data = new ShapesDataset({ images: 500, seed: 2 });
    const counts = new Array(5).fill(0);
    for (const label of data.labels()) counts[label]++;
    expect(counts).toEqual([100, 100, 100, 100, 100]);
    const { mean, std } = await measureNormalize(data);
    expect(mean[0]).toBeGreaterThan(0.4);
    expect(mean[0]).toBeLessThan(0.6);
    expect(std[0]).toBeGreaterThan(0.15);
    expect(std[0]).toBeLessThan(0.35);
    // Differences of neighbours in the corner, where no figure reaches far, are noise: variance 2 sigma^2.
    let sum = 0;
    let n = 0;
    for (let i = 0; i < data.length; i++) {
      const { image } = data.get(i);
      const d = image[0]! - image[1]!;
      if (image[0]! > 8 && image[0]! < 247) {
        sum += d * d;
        n++;
      }
    }
    expect(Math.sqrt(sum / n / 2) / 255).toBeGreaterThan(0.06);
    expect(Math.sqrt(sum / n / 2) / 255).toBeLessThan(0.1);
  });

  it('figures of different classes cover different areas; a noiseless image has two levels', () => {
    const data = new ShapesDataset({ images: 5, size: 64, noise: 0, seed: 1 });
    for (let i = 0; i < SHAPE_CLASSES.length; i++) {
      const { image, target } = data.get(i);
      expect(target).toBe(i);
      const min = image.reduce((a, b) => Math.min(a, b));
      const max = image.reduce((a, b) => Math.max(a, b));
      expect(max - min).toBeGreaterThan(50);
    }
  });

  it('refuses options that make no sense', () => {
    expect(() => new ShapesDataset({ size: 4 })).toThrow(/size of shapes must be .* at least 8.*got 4/);
    expect(() => new ShapesDataset({ channels: 2 as 1 })).toThrow('1 or 3 channels, got 2');
    expect(() => new ShapesDataset({ images: -1 })).toThrow(/got -1/);
  });
});

describe('openData', () => {
  it('opens the generated set in three parts', async () => {
    const data = await openData('shapes', { images: 100, size: 12, channels: 3, seed: 4 });
    expect([data.train.length, data.valid?.length, data.test?.length]).toEqual([80, 10, 10]);
    expect(data.all.length).toBe(90);
    expect(data.inputShape).toEqual([3, 12, 12]);
    expect(data.classes).toEqual([...SHAPE_CLASSES]);
    const again = await openData(data.spec.name, data.spec.options);
    expect(again.describe()).toEqual(data.describe());
    expect(await again.train.get(3)).toEqual(await data.train.get(3));
    expect(JSON.parse(JSON.stringify(data.describe()))).toEqual(data.describe());
  });

  it('augments and limits the training images only', async () => {
    const data = await openData('shapes', { images: 100, augment: ['hflip:1'], limit: 30, seed: 1 });
    expect([data.train.length, data.valid?.length]).toEqual([30, 10]);
    const plain = await data.train.get(0);
    const flipped = await data.train.get(0, { seed: 1, epoch: 0 });
    for (let y = 0; y < 28; y++)
      expect([...flipped.image.slice(28 * y, 28 * y + 28)].reverse()).toEqual([
        ...plain.image.slice(28 * y, 28 * y + 28),
      ]);
    expect(new Set(data.train.labels!()).size).toBe(5);
  });

  it('takes other normalisation values', async () => {
    const normalize = { mean: [0.1], std: [0.9] };
    const data = await openData('shapes', { images: 100, normalize });
    expect(data.normalize).toEqual(normalize);
    expect(data.train.normalize).toEqual(normalize);
    expect(data.valid!.normalize).toEqual(normalize);
    await expect(openData('shapes', { images: 100, channels: 3, normalize })).rejects.toThrow(
      'normalize.mean has 1 values; shapes has 3 channels',
    );
  });

  it('suggests a name', async () => {
    await expect(openData('shaeps')).rejects.toThrow(/unknown data set "shaeps".*did you mean "shapes"\?/);
    await expect(openData('shapes', { images: 3 })).rejects.toThrow(/at least 50 images/);
    await expect(openData('shapes', { images: 100, limit: 0 })).rejects.toThrow(/the limit is 0/);
    await expect(openData('shapes', { images: 100, augment: ['rotat'] })).rejects.toThrow(/did you mean "rotate"\?/);
  });
});

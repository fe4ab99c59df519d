import { describe, expect, it } from 'vitest';
import {
  augmentations,
  CellsDataset,
  copyPaste,
  cutMix,
  DataLoader,
  type Dataset,
  type Image,
  MaskDataset,
  type MaskedImage,
  MemoryDataset,
  RandomStream,
  splitDataset,
  type Transform,
  transformed,
  UnreadableError,
} from '../../src/data/index.js';
import '../../src/node/index.js';

const [H, W] = [24, 32];
const random = (index: number) => new RandomStream(3, 9, 0, index);
const mix = (t: Transform, own: MaskedImage, other: MaskedImage, i: number, ignore?: number) =>
  t.mix!.mix(own, other, random(i), ignore);

/** Three flat channels of one value, and a mask of what `classOf` says. */
function flat(value: number, classOf: (y: number, x: number) => number, channels = 3): MaskedImage {
  const image: Image = { data: new Uint8Array(channels * H * W).fill(value), shape: [channels, H, W] };
  const mask = Uint8Array.from({ length: H * W }, (_, i) => classOf(Math.floor(i / W), i % W));
  return { image, mask: { data: mask, shape: [1, H, W] } };
}

const inBox = (y: number, x: number, [top, left, bottom, right]: readonly [number, number, number, number]) =>
  y >= top && y < bottom && x >= left && x < right;

describe('copyPaste', () => {
  const own = flat(10, (y, x) => (inBox(y, x, [0, 0, 6, 6]) ? 1 : 0));
  const other = flat(200, (y, x) => (inBox(y, x, [8, 10, 16, 22]) ? 2 : 0));

  it('pastes the other foreground into image and mask at one place, softly at the edge', () => {
    const places = new Set<string>();
    const areas: number[] = [];
    for (let i = 0; i < 40; i++) {
      const { image, mask } = mix(copyPaste(), own, other, i);
      expect([image.shape, mask.shape]).toEqual([own.image.shape, own.mask.shape]);
      const value = (k: number) => image.data[k]!;
      mask.data.forEach((c, k) => {
        for (let plane = 1; plane < 3; plane++) expect(value(k + plane * H * W)).toBe(value(k));
        // More of what is pasted than of what was there inside, less outside; a corner keeps nine sixteenths.
        if (c === 2) expect(value(k)).toBeGreaterThan(10 + 190 * 0.55);
        else expect(value(k)).toBeLessThan(10 + 190 * 0.5);
        if (c !== 2) expect(c).toBe(own.mask.data[k]);
      });
      const half = image.data.subarray(0, H * W).filter((v) => v > 10 && v < 200).length;
      areas.push(mask.data.filter((c) => c === 2).length);
      expect(half).toBeGreaterThan(0);
      expect(half).toBeLessThan(areas.at(-1)! + 100);
      places.add(mask.data.join(''));
    }
    expect(places.size).toBeGreaterThan(35);
    // 96 pixels, scaled by 0.5 to 1.25 along each side; some of it may lie outside.
    expect(Math.max(...areas)).toBeLessThan(96 * 1.25 ** 2 * 1.15);
    expect(Math.max(...areas)).toBeGreaterThan(110);
    expect(areas.filter((a) => a > 20).length).toBeGreaterThan(30);
  });

  it('changes neither of the two, and nothing where there is no foreground to paste', () => {
    const before = structuredClone([own, other]);
    mix(copyPaste(), own, other, 1);
    expect([own, other]).toEqual(before);
    expect(
      mix(
        copyPaste(),
        own,
        flat(200, () => 0),
        1,
      ),
    ).toEqual(own);
  });

  it('does not paste what the other mask ignores, nor give a pasted pixel the ignored number', () => {
    const ignored = flat(200, (y, x) => (inBox(y, x, [8, 10, 16, 22]) ? 255 : 0));
    expect(mix(copyPaste(), own, ignored, 1, 255)).toEqual(own);
    const everywhere = flat(10, () => 255);
    const { mask } = mix(copyPaste(), everywhere, other, 1, 255);
    expect(new Set(mask.data)).toEqual(new Set([2, 255]));
  });

  it('what a border cut off is cut off by a border again', () => {
    // A bust: it reaches over the lower border. Flipped or not, small or large, it must never float.
    const bust = flat(200, (y, x) => (inBox(y, x, [10, 10, H, 20]) ? 1 : 0));
    const atLeft = flat(200, (y, x) => (inBox(y, x, [8, 0, 16, 9]) ? 1 : 0));
    const across = flat(200, (y, x) => (inBox(y, x, [8, 0, 16, W]) ? 1 : 0));
    const empty = flat(10, () => 0);
    const seen = { left: 0, right: 0 };
    for (let i = 0; i < 60; i++) {
      const holds = (what: MaskedImage, test: (y: number, x: number) => boolean) =>
        mix(copyPaste({ shift: 0.4 }), empty, what, i).mask.data.some(
          (c, k) => c === 1 && test(Math.floor(k / W), k % W),
        );
      if (holds(bust, () => true)) expect(holds(bust, (y) => y === H - 1)).toBe(true);
      const left = holds(atLeft, (_, x) => x === 0);
      const right = holds(atLeft, (_, x) => x === W - 1);
      if (holds(atLeft, () => true)) expect(left || right).toBe(true);
      seen.left += Number(left);
      seen.right += Number(right);
      if (holds(across, () => true)) {
        expect(holds(across, (_, x) => x === 0)).toBe(true);
        expect(holds(across, (_, x) => x === W - 1)).toBe(true);
      }
    }
    expect(seen.left).toBeGreaterThan(10);
    expect(seen.right).toBeGreaterThan(10);
  });
});

describe('cutMix', () => {
  it('replaces one box of image and mask, of the area asked for', () => {
    const own = flat(10, () => 0);
    const other = flat(200, () => 3);
    const shares: number[] = [];
    for (let i = 0; i < 60; i++) {
      const { image, mask } = mix(cutMix({ area: [0.1, 0.5] }), own, other, i);
      const at = [...mask.data.keys()].filter((k) => mask.data[k] === 3);
      const ys = at.map((k) => Math.floor(k / W));
      const xs = at.map((k) => k % W);
      const box = (Math.max(...ys) - Math.min(...ys) + 1) * (Math.max(...xs) - Math.min(...xs) + 1);
      expect(at.length).toBe(box);
      for (let plane = 0; plane < 3; plane++)
        mask.data.forEach((c, k) => {
          expect(image.data[plane * H * W + k]).toBe(c === 3 ? 200 : 10);
        });
      shares.push(box / (H * W));
    }
    expect(Math.min(...shares)).toBeGreaterThan(0.08);
    expect(Math.min(...shares)).toBeLessThan(0.2);
    expect(Math.max(...shares)).toBeLessThan(0.53);
    expect(Math.max(...shares)).toBeGreaterThan(0.4);
    // As long and as large as can be: the whole picture.
    expect(mix(cutMix({ area: [1, 1], ratio: [3, 3] }), own, other, 1)).toEqual(other);
  });

  it('keeps what either mask ignores', () => {
    const { mask } = mix(
      cutMix(),
      flat(10, () => 1),
      flat(200, () => 255),
      1,
      255,
    );
    expect(new Set(mask.data)).toEqual(new Set([1, 255]));
  });
});

/** Image i is flat of the value 10 i; its mask holds its number + 1. */
function numbered(n: number): MaskDataset {
  const area = H * W;
  return new MaskDataset({
    name: 'numbered',
    images: Uint8Array.from({ length: n * area }, (_, k) => 10 * Math.floor(k / area)),
    masks: Uint8Array.from({ length: n * area }, (_, k) => 1 + Math.floor(k / area)),
    shape: [1, H, W],
    classes: Array.from({ length: n + 1 }, (_, c) => `class ${c}`),
    normalize: { mean: [0.5], std: [0.5] },
  });
}

const partners = async (dataset: Dataset, index: number, epochs: number) => {
  const seen = new Set<number>();
  for (let epoch = 0; epoch < epochs; epoch++) {
    const { target } = await dataset.get(index, { seed: 1, epoch });
    for (const c of target as Uint8Array) seen.add(c - 1);
  }
  return seen;
};

describe('mixing in a data set', () => {
  it('takes every other image of the same part, and never one of another part', async () => {
    const { train, valid } = splitDataset(numbered(10), { valid: 0.4, seed: 2 });
    const inPart = async (part: Dataset) =>
      new Set(
        await Promise.all(
          Array.from({ length: part.length }, async (_, i) => (await part.get(i)).target as Uint8Array),
        ).then((all) => all.map((m) => m[0]! - 1)),
      );
    const expected = await inPart(train);
    expect(expected.size).toBe(6);
    const mixed = transformed(train, [cutMix({ p: 1 })]);
    expect(await partners(mixed, 0, 60)).toEqual(expected);
    for (const other of await inPart(valid!)) expect(expected.has(other)).toBe(false);
  });

  it('is done with its probability, and not at all without random numbers or without a second image', async () => {
    const area = (target: unknown, own: number) => (target as Uint8Array).filter((c) => c !== own + 1).length;
    const mixed = transformed(numbered(10), [cutMix({ p: 0.3 })]);
    let times = 0;
    for (let epoch = 0; epoch < 40; epoch++)
      for (let i = 0; i < 10; i++) times += Number(area((await mixed.get(i, { seed: 4, epoch })).target, i) > 0);
    // 400 draws: mean 120, standard deviation 9.2.
    expect(times).toBeGreaterThan(75);
    expect(times).toBeLessThan(165);
    for (let i = 0; i < 10; i++) expect(await mixed.get(i)).toEqual(await numbered(10).get(i));
    const single = transformed(numbered(1), augmentations(['cutmix:1', 'copypaste:1']));
    expect(await single.get(0, { seed: 1, epoch: 0 })).toEqual(await numbered(1).get(0));
  });

  it('the other image goes through the transforms before with numbers of its own, the own one as without mixing', async () => {
    const cells = new CellsDataset({ images: 6, size: 32 });
    const before = augmentations(['hflip', 'noise:0.05', 'jitter:0.3']);
    const [plain, mixed] = [transformed(cells, before), transformed(cells, [...before, cutMix({ p: 1 })])];
    let others = 0;
    for (let index = 0; index < 6; index++) {
      const key = { seed: 1, epoch: 0 };
      const was = await plain.get(index, key);
      const now = await mixed.get(index, key);
      const fromOther = now.image.filter((v, k) => v !== was.image[k]).length;
      expect(fromOther).toBeGreaterThan(0);
      // The box takes half at most: the rest is exactly as without it.
      expect(fromOther).toBeLessThan(0.55 * now.image.length);
      for (let i = 0; i < 6; i++) {
        const raw = cells.get(i) as { image: Uint8Array };
        // Where the pixels come from no untouched image, they were transformed.
        if (now.image.every((v, k) => v === was.image[k] || v === raw.image[k])) others++;
      }
    }
    expect(others).toBe(0);
  });

  it('is the same in any order and number of workers', async () => {
    const cells = new CellsDataset({ images: 12, size: 32 });
    const data = transformed(cells, augmentations(['light', 'copypaste:0.7', 'cutmix:0.5']));
    const epoch = async (workers: number) => {
      const loader = new DataLoader(data, { batchSize: 5, shuffle: true, seed: 1, workers });
      const batches = [];
      for await (const { image, target, indices } of loader.epoch(2)) batches.push([image.data, target.data, indices]);
      await loader.close();
      return batches;
    };
    const batches = await epoch(0);
    expect(await epoch(2)).toEqual(batches);
    const last = await data.get(11, { seed: 1, epoch: 2 });
    const found = batches.flatMap(([image, , indices]) => {
      const k = [...(indices as Int32Array)].indexOf(11);
      return k < 0 ? [] : [(image as Uint8Array).slice(k * last.image.length, (k + 1) * last.image.length)];
    });
    expect(found).toEqual([last.image]);
  });

  it('a damaged other image is not mixed in where damage is allowed, and ends the run where not', async () => {
    const base = numbered(2);
    const broken = (skipUnreadable: boolean): Dataset =>
      Object.create(base, {
        skipUnreadable: { value: skipUnreadable },
        get: {
          value: async (index: number) => {
            if (index === 1) throw new UnreadableError('1.jpg is damaged');
            return base.get(index);
          },
        },
      });
    const key = { seed: 1, epoch: 0 };
    expect(await transformed(broken(true), [cutMix({ p: 1 })]).get(0, key)).toEqual(base.get(0));
    await expect(transformed(broken(false), [cutMix({ p: 1 })]).get(0, key)).rejects.toThrow('1.jpg is damaged');
  });

  it('data without masks, and bad numbers, are one sentence', () => {
    const labels = new MemoryDataset({
      name: 'digits',
      images: new Uint8Array(8),
      labels: Int32Array.of(0, 1),
      shape: [1, 2, 2],
      classes: ['a', 'b'],
      normalize: { mean: [0.5], std: [0.5] },
    });
    expect(() => transformed(labels, augmentations(['copypaste']))).toThrow(
      'copyPaste mixes images that have masks; digits has class labels: leave copyPaste out',
    );
    expect(() => augmentations(['copypaste:2'])).toThrow('the probability of copyPaste must be');
    expect(() => copyPaste({ scale: [2, 1] })).toThrow('the scale of copyPaste must be a rising range, got [2, 1]');
    expect(() => cutMix({ area: [0, 0.5] })).toThrow('the area of cutMix must be');
    expect(() => cutMix({ area: [0.5, 1.5] })).toThrow('the area of cutMix must be');
  });
});

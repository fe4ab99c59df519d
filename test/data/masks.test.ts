import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  affine,
  augmentation,
  augmentations,
  blur,
  CellsDataset,
  centerCrop,
  colourJitter,
  countMasks,
  DataLoader,
  type Dataset,
  elastic,
  hasMasks,
  hflip,
  type Image,
  MaskDataset,
  materialise,
  noise,
  openData,
  outputChannels,
  pad,
  parseFold,
  presetNames,
  RandomStream,
  randomCrop,
  randomGrayscale,
  randomResizedCrop,
  registerKind,
  resize,
  resizeNearest,
  rotate,
  type Sample,
  ShapesSegDataset,
  scale,
  splitDataset,
  type Transform,
  transform,
  transformed,
  UnreadableError,
  vflip,
} from '../../src/data/index.js';
import { gaussianBlur } from '../../src/data/transforms/blur.js';
import { sample } from '../../src/data/transforms/sample.js';

const random = (index = 0) => new RandomStream(7, 3, 0, index);

/** Geometry that mixes no pixels: image and mask must stay equal where they are equal. */
const moves: Transform[] = [
  hflip(),
  vflip(),
  randomCrop([9, 13], { padding: 3 }),
  centerCrop([20, 6]),
  pad([1, 2, 3, 4]),
];

/** Geometry that mixes the image's pixels and moves the mask's. */
const warps: Transform[] = [
  rotate(40),
  rotate([-90, 90], { border: 'reflect' }),
  scale(0.5),
  scale([0.6, 2], { border: 'edge' }),
  affine({ degrees: 20, translate: [0.2, 0.1], scale: [0.7, 1.3], shear: 10 }),
  affine({ degrees: 30, scale: [0.5, 1], border: 'reflect' }),
  elastic({ alpha: 0.05 }),
  elastic({ alpha: 0.1, grid: 5, border: 'fill' }),
  randomResizedCrop([18, 22], { scale: [0.3, 0.9] }),
  resize([31, 17]),
];

const colours: Transform[] = [
  colourJitter({ brightness: 0.4, hue: 0.1 }),
  randomGrayscale({ p: 1 }),
  blur({ p: 1 }),
  noise({ p: 1 }),
];

/** Smooth blobs, so that bilinear and nearest sampling nearly agree away from the contour. */
function blobs(h: number, w: number): { image: Image; mask: Image } {
  const values = new Uint8Array(h * w);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) values[y * w + x] = 127.5 + 127.5 * Math.sin(x / 4 + 1) * Math.cos(y / 5);
  return {
    image: { data: values, shape: [1, h, w] },
    mask: { data: values.map((v) => (v >= 128 ? 1 : 0)), shape: [1, h, w] },
  };
}

const applyBoth = (t: Transform, image: Image, mask: Image, i: number) => ({
  image: t.apply(image, random(i)),
  mask: t.applyMask === 'keep' ? mask : t.applyMask(mask, random(i), 0),
});

describe('image and mask', () => {
  it.each(moves.map((t) => [t.spec.name, t] as const))('%s: move together, pixel by pixel', (_, t) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 240, maxLength: 240 }), fc.nat(1000), (bytes, i) => {
        const data = Uint8Array.from(bytes);
        const both = applyBoth(t, { data, shape: [1, 15, 16] }, { data, shape: [1, 15, 16] }, i);
        expect(both.mask).toEqual(both.image);
      }),
      { numRuns: 30 },
    );
  });

  it.each(warps.map((t, i) => [`${t.spec.name} ${i}`, t] as const))('%s: move together', (_, t) => {
    const { image, mask } = blobs(40, 48);
    let moved = 0;
    for (let i = 0; i < 8; i++) {
      const both = applyBoth(t, image, mask, i);
      expect(both.mask.shape).toEqual([1, ...t.outputShape(image.shape).slice(1)]);
      expect([...new Set(both.mask.data)].every((v) => v <= 1)).toBe(true);
      let clear = 0;
      let wrong = 0;
      both.image.data.forEach((v, k) => {
        // Far from the contour there is no doubt, whatever the interpolation.
        if (Math.abs(v - 128) < 70) return;
        clear++;
        if (v >= 128 !== (both.mask.data[k] === 1)) wrong++;
      });
      expect(clear).toBeGreaterThan(60);
      // Only the padded outside (black, class 0) may be called clear by chance; it agrees too.
      expect(wrong / clear).toBeLessThan(0.005);
      if (both.mask.data.some((v, k) => v !== mask.data[k])) moved++;
    }
    expect(moved).toBeGreaterThan(0);
  });

  it('a mask moved by other numbers does not fit: the check above can fail', () => {
    const { image, mask } = blobs(40, 48);
    const t = rotate(40);
    const turned = t.apply(image, random(1));
    const other = t.applyMask as Exclude<Transform['applyMask'], 'keep'>;
    const wrong = other(mask, random(2), 0).data.filter(
      (v, k) => Math.abs(turned.data[k]! - 128) >= 70 && turned.data[k]! >= 128 !== (v === 1),
    );
    expect(wrong.length).toBeGreaterThan(50);
  });

  it.each(colours.map((t) => [t.spec.name, t] as const))('%s: changes the image and keeps the mask', (_, t) => {
    const bytes = Uint8Array.from({ length: 3 * 64 }, (_, i) => (i * 37) % 256);
    const image: Image = { data: bytes, shape: [3, 8, 8] };
    expect(t.applyMask).toBe('keep');
    expect(t.apply(image, random()).data).not.toEqual(bytes);
    expect(t.apply(image, random())).toEqual(t.apply(image, random()));
    expect(t.apply(image, undefined).data).toEqual(bytes);
    expect(transform(JSON.parse(JSON.stringify(t.spec))).apply(image, random())).toEqual(t.apply(image, random()));
  });

  it.each(warps.map((t, i) => [`${t.spec.name} ${i}`, t] as const))('%s: can be made again from its JSON', (_, t) => {
    const { image } = blobs(20, 24);
    expect(transform(JSON.parse(JSON.stringify(t.spec))).apply(image, random(3))).toEqual(t.apply(image, random(3)));
  });
});

describe('sampling', () => {
  const image: Image = { data: Uint8Array.of(10, 20, 30, 40), shape: [1, 1, 4] };
  const along = (from: number) => (_: number, xs: Float64Array, ys: Float64Array) => {
    for (let x = 0; x < 4; x++) xs[x] = from + x;
    ys.fill(0);
  };
  it('beyond the border', () => {
    expect([...sample(image, along(-2), { fill: 7 }).data]).toEqual([7, 7, 10, 20]);
    expect([...sample(image, along(-2), { border: 'edge' }).data]).toEqual([10, 10, 10, 20]);
    expect([...sample(image, along(-2), { border: 'reflect' }).data]).toEqual([30, 20, 10, 20]);
    expect([...sample(image, along(2), { border: 'reflect' }).data]).toEqual([30, 40, 30, 20]);
    expect([...sample(image, along(0.5), { border: 'edge' }).data]).toEqual([15, 25, 35, 40]);
    expect([...sample(image, along(0.4), { nearest: true, fill: 9 }).data]).toEqual([10, 20, 30, 40]);
  });

  it('resizing to the nearest pixel takes the one under the centre', () => {
    expect([...resizeNearest(image, 1, 2).data]).toEqual([20, 40]);
    expect([...resizeNearest(image, 2, 6).data]).toEqual([10, 20, 20, 30, 40, 40, 10, 20, 20, 30, 40, 40]);
  });

  it('a blur keeps flat images and the mean, and spreads a point by its sigma', () => {
    const n = 41;
    const point = new Uint8Array(n * n);
    for (let y = 18; y < 23; y++) for (let x = 18; x < 23; x++) point[y * n + x] = 250;
    const out = gaussianBlur({ data: point, shape: [1, n, n] }, 3);
    let mass = 0;
    let spread = 0;
    out.data.forEach((v, i) => {
      mass += v;
      spread += v * ((i % n) - 20) ** 2;
    });
    expect(mass / (25 * 250)).toBeCloseTo(1, 1);
    // Variance of the square (2) and of the kernel (9, cut at three sigma) add up.
    expect(spread / mass).toBeGreaterThan(9.5);
    expect(spread / mass).toBeLessThan(11.5);
    const flat = new Uint8Array(48).fill(77);
    expect(gaussianBlur({ data: flat, shape: [3, 4, 4] }, 2).data).toEqual(flat);
  });

  it('an elastic deformation is smooth and of the strength asked for', () => {
    const n = 64;
    const ramp: Image = { data: Uint8Array.from({ length: n * n }, (_, i) => 3 * (i % n) + 20), shape: [1, n, n] };
    let squares = 0;
    let count = 0;
    for (let i = 0; i < 40; i++) {
      const { data } = elastic({ alpha: 0.05, border: 'edge' }).apply(ramp, random(i));
      const at = 32 * n + 32;
      squares += ((data[at]! - ramp.data[at]!) / 3) ** 2;
      count++;
      for (let x = 9; x < 55; x++) expect(Math.abs(data[32 * n + x]! - data[32 * n + x - 1]!)).toBeLessThan(12);
    }
    // The centre is a grid point of 3: its displacement has the deviation itself.
    expect(Math.sqrt(squares / count)).toBeGreaterThan(0.05 * n * 0.7);
    expect(Math.sqrt(squares / count)).toBeLessThan(0.05 * n * 1.3);
  });
});

describe('augmented data sets', () => {
  const set = (): MaskDataset => {
    const images = new Uint8Array(4 * 3 * 64);
    const masks = new Uint8Array(4 * 64);
    for (let n = 0; n < 4; n++)
      for (let i = 0; i < 64; i++) {
        masks[n * 64 + i] = (i % 8) + n > 6 ? 1 : 0;
        for (let c = 0; c < 3; c++) images[(n * 3 + c) * 64 + i] = masks[n * 64 + i]! * 200 + 20;
      }
    return new MaskDataset({
      name: 'mine',
      images,
      masks,
      shape: [3, 8, 8],
      classes: ['background', 'thing'],
      normalize: { mean: [0, 0, 0], std: [1, 1, 1] },
    });
  };

  it('give masks that fit, the same for the same seed, epoch and index, in any order and number of workers', async () => {
    const data = transformed(set(), [hflip(), randomCrop('same', { padding: 3, fill: 20 })]);
    expect([data.targetShape, data.targetDtype, hasMasks(data)]).toEqual([[8, 8], 'uint8', true]);
    for (let epoch = 0; epoch < 5; epoch++)
      for (let i = 0; i < 4; i++) {
        const { image, target } = await data.get(i, { seed: 1, epoch });
        expect([...image.subarray(0, 64)]).toEqual([...(target as Uint8Array)].map((v) => v * 200 + 20));
        expect(await data.get(i, { seed: 1, epoch })).toEqual({ image, target });
      }
    const plain = (await data.get(0)) as Sample;
    expect(plain).toEqual(set().get(0));
    const a = new DataLoader(data, { batchSize: 4, shuffle: true, seed: 3, workers: 0 });
    const b = new DataLoader(data, { batchSize: 1, shuffle: true, seed: 3, workers: 0 });
    const whole: number[] = [];
    for await (const batch of a.epoch(2)) whole.push(...batch.target.data);
    const single: number[] = [];
    for await (const batch of b.epoch(2)) single.push(...batch.target.data);
    expect(single).toEqual(whole);
  });

  it('crops change the size of both', async () => {
    const data = transformed(set(), [randomCrop(4)]);
    expect([data.inputShape, data.targetShape]).toEqual([
      [3, 4, 4],
      [4, 4],
    ]);
    expect(((await data.get(0)).target as Uint8Array).length).toBe(16);
  });

  it('what comes in from outside is ignored where the data can say so', async () => {
    const images = new Uint8Array(3 * 64).fill(9);
    const masks = new Uint8Array(64).fill(1);
    const options = { name: 'm', images, masks, shape: [3, 8, 8] as const, classes: ['a', 'b', 'c'] };
    const normalize = { mean: [0, 0, 0], std: [1, 1, 1] };
    const ignoring = transformed(new MaskDataset({ ...options, normalize, ignoreIndex: 255 }), [pad(1)]);
    expect(((await ignoring.get(0)).target as Uint8Array)[0]).toBe(255);
    const other = transformed(new MaskDataset({ ...options, normalize }), [pad(1)]);
    expect(((await other.get(0)).target as Uint8Array)[0]).toBe(0);
    expect(() => new MaskDataset({ ...options, normalize, classes: ['a'] })).toThrow(
      'm: the mask of sample 0 holds the class number 1; expected 0 to 0',
    );
  });

  it('presets are lists of transforms, by name', () => {
    expect(presetNames()).toEqual(['light', 'strong']);
    for (const name of presetNames()) expect(augmentations([name, 'rotate:5']).length).toBeGreaterThan(3);
    expect(augmentations(['scale:0.3'])[0]!.spec).toMatchObject({ name: 'scale', factor: 0.3 });
    expect(() => augmentation('strnog')).toThrow(/unknown augmentation "strnog", did you mean "strong"/);
    expect(() => elastic({ alpha: -1 })).toThrow(/alpha of elastic/);
    expect(() => rotate(5, { border: 'mirror' as 'edge' })).toThrow(/border of rotate must be fill, edge, reflect/);
    expect(() => scale([2, 1])).toThrow(/rising range/);
    expect(() => blur({ sigma: [2, 1] })).toThrow(/rising range/);
    expect(() => transform({ name: 'elastic', alhpa: 1 })).toThrow(/unknown option of elastic "alhpa"/);
  });
});

describe('unreadable samples', () => {
  const faulty = (bad: readonly number[], skipUnreadable: boolean): Dataset => ({
    name: 'faulty',
    length: 7,
    inputShape: [1, 1, 2],
    targetShape: [1, 2],
    targetDtype: 'uint8',
    classes: ['a', 'b'],
    normalize: { mean: [0], std: [1] },
    resident: false,
    skipUnreadable,
    async get(i) {
      if (bad.includes(i)) throw new UnreadableError(`file ${i} is damaged`);
      return { image: Uint8Array.of(i, i), target: Uint8Array.of(i % 2, 1) };
    },
    describe: () => ({ kind: 'faulty' }),
  });

  it('are left out of their batches and named, also where a batch is empty', async () => {
    const loader = new DataLoader(faulty([1, 4, 5], true), { batchSize: 2, workers: 0 });
    const batches = [];
    for await (const batch of loader.epoch(0)) batches.push(batch);
    expect(batches.map((b) => [...b.indices])).toEqual([[0], [2, 3], [], [6]]);
    expect(batches.map((b) => [...b.image.data])).toEqual([[0, 0], [2, 2, 3, 3], [], [6, 6]]);
    expect(batches.map((b) => b.target.shape)).toEqual([
      [1, 1, 2],
      [2, 1, 2],
      [0, 1, 2],
      [1, 1, 2],
    ]);
    expect(batches[2]!.skipped).toEqual([
      { index: 4, reason: 'file 4 is damaged' },
      { index: 5, reason: 'file 5 is damaged' },
    ]);
    expect(loader.skipped).toEqual([1, 4, 5].map((i) => `file ${i} is damaged`));
    for await (const _ of loader.epoch(1));
    expect(loader.skipped.length).toBe(3);
  });

  it('end the epoch where the data set does not allow it, and so do other errors', async () => {
    const strict = new DataLoader(faulty([3], false), { batchSize: 2, workers: 0 });
    await expect(async () => {
      for await (const _ of strict.epoch(0));
    }).rejects.toThrow('file 3 is damaged');
    const other = { ...faulty([], true), get: async () => Promise.reject(new Error('a class too many')) };
    await expect(async () => {
      for await (const _ of new DataLoader(other, { workers: 0 }).epoch(0));
    }).rejects.toThrow('a class too many');
  });
});

registerKind('faulty', () => Promise.reject(new Error('not here')), import.meta.url);

describe('splits of masks', () => {
  it('part all samples; folds of one seed are disjoint and together everything but the test set', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 12, max: 60 }),
        fc.integer({ min: 2, max: 6 }),
        fc.constantFrom(0, 0.2),
        fc.nat(1000),
        async (images, of, test, seed) => {
          const data = new ShapesSegDataset({ images, size: 16 });
          const which = (part: Dataset | undefined): number[] =>
            part ? [...((part.portable!() as { indices?: Int32Array }).indices ?? [])] : [];
          const folds = Array.from({ length: of }, (_, k) =>
            splitDataset(data, { fold: { index: k + 1, of }, test, seed }),
          );
          const held = folds.flatMap(({ valid }) => which(valid));
          const tested = which(folds[0]!.test);
          expect([...held, ...tested].sort((a, b) => a - b)).toEqual(Array.from({ length: images }, (_, i) => i));
          for (const { train, valid, test: t } of folds) {
            expect(which(t)).toEqual(tested);
            expect([...which(train), ...which(valid), ...tested].sort((a, b) => a - b).length).toBe(images);
            expect(which(valid)).toEqual([...which(valid)].sort((a, b) => a - b));
          }
          const sizes = folds.map(({ valid }) => valid!.length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('fold 1 of 5 is the validation part of 0.2', () => {
    const data = new ShapesSegDataset({ images: 261, size: 16 });
    const fold = splitDataset(data, { fold: { index: 1, of: 5 }, seed: 1 });
    const fraction = splitDataset(data, { valid: 0.2, seed: 1 });
    const indices = (part?: Dataset) => [...(part!.portable!() as unknown as { indices: Int32Array }).indices];
    expect(indices(fold.valid)).toEqual(indices(fraction.valid));
    expect(fold.valid!.length).toBe(52);
  });

  it('say what is wrong in one sentence', () => {
    const data = new ShapesSegDataset({ images: 4, size: 16 });
    expect(() => splitDataset(data, { valid: 1 })).toThrow(/validation fraction/);
    expect(() => splitDataset(data, { valid: 0.7, test: 0.4 })).toThrow(/leave none to train on/);
    expect(() => splitDataset(data, { fold: { index: 1, of: 9 } })).toThrow(/too few for 9 folds/);
    expect(() => parseFold('0/5')).toThrow('the fold is "0/5"; expected for example 2/5, the second of five');
    expect(parseFold('2 / 5')).toEqual({ index: 2, of: 5 });
    expect(splitDataset(data, { valid: 0 }).valid).toBeUndefined();
  });
});

describe('generated masks', () => {
  it.each([
    ['cells', (seed: number) => new CellsDataset({ images: 12, size: [64, 80], seed })],
    ['shapes-seg', (seed: number) => new ShapesSegDataset({ images: 12, size: [48, 40], seed })],
  ] as const)('%s: a function of seed and index, with all classes in sensible parts', async (_, make) => {
    const data = make(1);
    expect(data.get(3)).toEqual(make(1).get(3));
    expect(data.get(3)).not.toEqual(make(2).get(3));
    const held = await materialise(data);
    expect(held).toBeInstanceOf(MaskDataset);
    expect(await held.get(5)).toEqual(data.get(5));
    const { pixels, ignored } = await countMasks(data);
    const total = pixels.reduce((a, b) => a + b);
    for (const n of pixels) expect(n / total).toBeGreaterThan(0.03);
    expect(pixels[0]! / total).toBeGreaterThan(0.5);
    expect(ignored).toBe(0);
  });

  it('the mask is where the figure is', () => {
    const data = new ShapesSegDataset({ images: 20, size: 64, noise: 0, seed: 4 });
    for (let i = 0; i < 20; i++) {
      const { image, target } = data.get(i);
      const mask = target as Uint8Array;
      // Without noise the background changes slowly: where its neighbour jumps, the mask changes nearby (edges are a pixel wide).
      let jumps = 0;
      let explained = 0;
      for (let y = 1; y < 63; y++)
        for (let x = 1; x < 62; x++) {
          const at = y * 64 + x;
          if (Math.abs(image[at + 1]! - image[at]!) < 30) continue;
          jumps++;
          const near = [-64, 0, 64].flatMap((row) => [-1, 0, 1, 2].map((k) => mask[at + row + k]!));
          if (new Set(near).size > 1) explained++;
        }
      expect(explained).toBe(jumps);
    }
  });

  it('open by name in three parts', async () => {
    const data = await openData('cells', { images: 40, size: 32, seed: 2, augment: ['light'] });
    expect([data.train.length, data.valid!.length, data.test!.length]).toEqual([28, 6, 6]);
    expect(data.classes).toEqual(['background', 'cell']);
    expect(outputChannels(data.train)).toBe(1);
    const shapes = await openData('shapes-seg', { images: 20, size: 32 });
    expect(outputChannels(shapes.train)).toBe(3);
    expect(hasMasks(shapes.train)).toBe(true);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Image } from '../../src/data/dataset.js';
import {
  affine,
  augmentation,
  centerCrop,
  colourJitter,
  grayscale,
  hflip,
  MemoryDataset,
  pad,
  RandomStream,
  randomCrop,
  randomResizedCrop,
  resize,
  rotate,
  type Transform,
  transform,
  transformed,
  transformNames,
  vflip,
} from '../../src/data/index.js';
import { crop } from '../../src/data/transforms/crop.js';
import { inverseAffine, warp } from '../../src/data/transforms/warp.js';

const images = fc
  .tuple(fc.constantFrom(1, 3), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([c, h, w]) =>
    fc
      .uint8Array({ minLength: c * h * w, maxLength: c * h * w })
      .map((data): Image => ({ data: Uint8Array.from(data), shape: [c, h, w] })),
  );

const random = (index = 0) => new RandomStream(1, 1, 0, index);
const at = ({ data, shape: [, h, w] }: Image, c: number, y: number, x: number) => data[(c * h + y) * w + x]!;

describe('exact transforms', () => {
  it('flipping twice is the identity, flipping once mirrors', () => {
    fc.assert(
      fc.property(images, (image) => {
        for (const flip of [hflip({ p: 1 }), vflip({ p: 1 })])
          expect(flip.apply(flip.apply(image, random()), random())).toEqual(image);
        const [c, h, w] = image.shape;
        const left = hflip({ p: 1 }).apply(image, random());
        const down = vflip({ p: 1 }).apply(image, random());
        for (let k = 0; k < c; k++)
          for (let y = 0; y < h; y++)
            for (let x = 0; x < w; x++) {
              expect(at(left, k, y, x)).toBe(at(image, k, y, w - 1 - x));
              expect(at(down, k, y, x)).toBe(at(image, k, h - 1 - y, x));
            }
      }),
    );
  });

  it('a quarter turn of a square is a permutation, four are the identity', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(), (n, seed) => {
        const stream = new RandomStream(seed, 1);
        const image: Image = { data: Uint8Array.from({ length: n * n }, () => stream.below(256)), shape: [1, n, n] };
        const turn = (i: Image) => warp(i, inverseAffine({ angle: 90 }));
        const turned = turn(image);
        // Clockwise: the top row becomes the right column.
        for (let y = 0; y < n; y++)
          for (let x = 0; x < n; x++) expect(at(turned, 0, x, n - 1 - y)).toBe(at(image, 0, y, x));
        expect(turn(turn(turn(turned)))).toEqual(image);
      }),
    );
  });

  it('padding and cutting the padding off again is the identity', () => {
    fc.assert(
      fc.property(images, fc.nat(4), fc.nat(4), fc.nat(255), (image, a, b, fill) => {
        const padded = pad([a, b], { fill }).apply(image, undefined);
        const [, h, w] = image.shape;
        expect(padded.shape).toEqual([image.shape[0], h + 2 * b, w + 2 * a]);
        expect(crop(padded, b, a, h, w)).toEqual(image);
        if (a > 0) expect(at(padded, 0, 0, 0)).toBe(fill);
        expect(centerCrop([h, w]).apply(padded, undefined)).toEqual(image);
      }),
    );
  });

  it('resizing a flat image keeps it flat, to the same size changes nothing, and the mean survives', () => {
    fc.assert(
      fc.property(images, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), (image, h, w) => {
        expect(resize([image.shape[1], image.shape[2]]).apply(image, undefined)).toEqual(image);
        const flat: Image = { data: image.data.map(() => 77), shape: image.shape };
        const out = resize([h, w]).apply(flat, undefined);
        expect(out.shape).toEqual([image.shape[0], h, w]);
        expect(out.data.every((v) => v === 77)).toBe(true);
        const halved = resize([4, 4]).apply(
          { data: Uint8Array.from({ length: 64 }, (_, i) => i * 4), shape: [1, 8, 8] },
          undefined,
        );
        const mean = halved.data.reduce((s, v) => s + v, 0) / 16;
        expect(Math.abs(mean - 126)).toBeLessThan(0.6);
      }),
    );
  });

  it('a random crop is a part of the padded image; all places come up', () => {
    const image: Image = { data: Uint8Array.from({ length: 30 }, (_, i) => i + 1), shape: [1, 5, 6] };
    const cut = randomCrop([4, 4], { padding: 1, fill: 0 });
    const padded = pad(1).apply(image, undefined);
    const places = new Set<string>();
    for (let i = 0; i < 400; i++) {
      const got = cut.apply(image, random(i)).data.join();
      for (let y = 0; y <= 3; y++)
        for (let x = 0; x <= 4; x++) if (crop(padded, y, x, 4, 4).data.join() === got) places.add(`${y},${x}`);
    }
    expect(places.size).toBe(20);
  });

  it('grey of equal channels is that channel (to one step); three grey channels are equal', () => {
    const data = Uint8Array.from({ length: 48 }, (_, i) => (i % 16) * 16);
    const gray = grayscale().apply({ data, shape: [3, 4, 4] }, undefined);
    gray.data.forEach((v, i) => {
      expect(Math.abs(v - data[i]!)).toBeLessThanOrEqual(1);
    });
    const three = grayscale({ channels: 3 }).apply(gray, undefined);
    expect(three.shape).toEqual([3, 4, 4]);
    for (let c = 0; c < 3; c++) expect(three.data.slice(16 * c, 16 * c + 16)).toEqual(gray.data);
  });
});

const RANDOM: [string, Transform][] = [
  ['hflip', hflip()],
  ['vflip', vflip()],
  ['rotate', rotate(40, { fill: 3 })],
  ['affine', affine({ degrees: 20, translate: [0.2, 0.1], scale: [0.8, 1.2], shear: 10 })],
  ['colourJitter', colourJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.2 })],
  ['randomCrop', randomCrop('same', { padding: 2 })],
  ['randomResizedCrop', randomResizedCrop([6, 5])],
];

describe('random transforms', () => {
  it.each(RANDOM)('%s: same numbers, same image; says its shape; leaves its input alone', (_, change) => {
    fc.assert(
      fc.property(images, fc.nat(1000), (image, index) => {
        const before = image.data.slice();
        const out = change.apply(image, random(index));
        expect(out).toEqual(change.apply(image, random(index)));
        expect(out.shape).toEqual(change.outputShape(image.shape));
        expect(out.data.length).toBe(out.shape[0] * out.shape[1] * out.shape[2]);
        expect(image.data).toEqual(before);
        const plain = change.apply(image, undefined);
        expect(plain.shape).toEqual(out.shape);
        expect(plain.data.buffer).not.toBe(image.data.buffer);
      }),
    );
  });

  it.each(RANDOM)('%s: can be made again from its JSON', (_, change) => {
    const again = transform(JSON.parse(JSON.stringify(change.spec)));
    expect(again.spec).toEqual(change.spec);
    const image: Image = { data: Uint8Array.from({ length: 192 }, (_, i) => (i * 37) % 256), shape: [3, 8, 8] };
    for (let i = 0; i < 5; i++) expect(again.apply(image, random(i))).toEqual(change.apply(image, random(i)));
  });

  it('different numbers change the image', () => {
    const image: Image = { data: Uint8Array.from({ length: 192 }, (_, i) => (i * 37) % 256), shape: [3, 8, 8] };
    for (const [, change] of RANDOM) {
      const seen = new Set(Array.from({ length: 30 }, (_, i) => change.apply(image, random(i)).data.join()));
      expect(seen.size).toBeGreaterThan(1);
    }
  });

  it('p is a probability', () => {
    const image: Image = { data: Uint8Array.of(1, 2), shape: [1, 1, 2] };
    const share = (p: number) => {
      let n = 0;
      for (let i = 0; i < 2000; i++) if (hflip({ p }).apply(image, random(i)).data[0] === 2) n++;
      return n / 2000;
    };
    expect(share(0)).toBe(0);
    expect(share(1)).toBe(1);
    expect(Math.abs(share(0.3) - 0.3)).toBeLessThan(6 * Math.sqrt(0.21 / 2000));
  });
});

describe('composition and names', () => {
  it('each transform draws from its own stream: adding one does not change the others', () => {
    const data = new MemoryDataset({
      name: 'one',
      images: Uint8Array.from({ length: 64 }, (_, i) => i),
      labels: Int32Array.of(0),
      shape: [1, 8, 8],
      classes: ['x'],
      normalize: { mean: [0.5], std: [0.5] },
    });
    const key = { seed: 3, epoch: 2 };
    const get = (...transforms: Transform[]) =>
      (transformed(data, transforms).get(0, key) as { image: Uint8Array }).image;
    const once = get(randomCrop(5));
    expect(get(randomCrop(5), colourJitter())).toEqual(once);
    expect(transformed(data, [resize(16), randomCrop(5)]).inputShape).toEqual([1, 5, 5]);
    expect(() => transformed(data, [randomCrop(9)])).toThrow('randomCrop cannot take 9 x 9 out of images of 8 x 8');
  });

  it('short forms', () => {
    expect(augmentation('crop:4').spec).toEqual({ name: 'randomCrop', size: 'same', padding: 4, fill: 0 });
    expect(augmentation('rotate:15').spec).toMatchObject({ name: 'rotate', degrees: 15 });
    expect(augmentation('jitter:0.1').spec).toMatchObject({ name: 'colourJitter', contrast: 0.1 });
    expect(augmentation('hflip').spec).toEqual({ name: 'hflip', p: 0.5 });
  });

  it('errors are one sentence with a remedy', () => {
    expect(() => augmentation('hflop')).toThrow(/unknown augmentation "hflop".*did you mean "hflip"\?/);
    expect(() => augmentation('rotate:many')).toThrow(/"rotate:many" is not understood/);
    expect(() => transform({ name: 'rezise', size: 3 })).toThrow(/did you mean "resize"\?/);
    expect(() => transform({ name: 'resize', sise: 3 })).toThrow(/unknown option of resize "sise"/);
    expect(() => resize(0)).toThrow(/the size of resize .* got 0/);
    expect(() => hflip({ p: 2 })).toThrow(/probability of hflip .* got 2/);
    expect(() => colourJitter({ hue: 0.7 })).toThrow(/hue/);
    expect(() => rotate(-5)).toThrow(/degrees of rotate/);
    expect(() => randomResizedCrop(8, { scale: [0.9, 0.1] })).toThrow(/rising ranges/);
    expect(transformNames().length).toBe(18);
  });
});

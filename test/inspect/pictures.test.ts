import { describe, expect, it } from 'vitest';
import type { Image } from '../../src/data/index.js';
import { featureGrid, filterGrid, heatOverlay } from '../../src/inspect/index.js';
import { hostTensor } from '../../src/tensor/shape.js';

const pixel = ({ data, shape: [, h, w] }: Image, y: number, x: number) =>
  [0, 1, 2].map((c) => data[(c * h + y) * w + x]!);

describe('a grid of feature maps', () => {
  it('shows each map in its own range', () => {
    // Two maps of 1 x 2; the second is a thousandth of the first.
    const maps = hostTensor(Float32Array.of(0, 10, 0.01, 0), [1, 2, 1, 2]);
    const image = featureGrid(maps);
    const zoom = 28;
    const gap = 4;
    expect(image.shape).toEqual([3, 2 * zoom + 3 * gap, 2 * zoom + 2 * gap]);
    const [low, high] = [
      [68, 1, 84],
      [253, 231, 37],
    ];
    expect(pixel(image, gap, gap)).toEqual(low);
    expect(pixel(image, gap + zoom - 1, gap + zoom)).toEqual(high);
    expect(pixel(image, 2 * gap + zoom, gap)).toEqual(high);
    expect(pixel(image, 2 * gap + zoom, gap + zoom)).toEqual(low);
  });

  it('shows units in a common range, and any chosen image', () => {
    const units = hostTensor(Float32Array.of(9, 9, 9, 0, 1, 2), [2, 3]);
    const image = featureGrid(units, 1);
    const colours = new Set<string>();
    const [, h, w] = image.shape;
    for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) colours.add(pixel(image, y, x).join());
    expect(colours.has('68,1,84')).toBe(true);
    expect(colours.has('33,145,140')).toBe(true);
    expect(colours.has('253,231,37')).toBe(true);
    expect(() => featureGrid(units, 2)).toThrow(/no image 2/);
    expect(() => featureGrid(hostTensor(new Float32Array(4), [4]))).toThrow(/\[N, C, H, W\]/);
  });

  it('shows constant maps as dark, and what is not finite in a colour of its own', () => {
    const maps = hostTensor(Float32Array.of(3, 3, Number.NaN, 1), [1, 2, 1, 2]);
    const image = featureGrid(maps);
    expect(pixel(image, 4, 4)).toEqual([68, 1, 84]);
    expect(pixel(image, 36, 4)).toEqual([255, 0, 255]);
  });
});

describe('a grid of filters', () => {
  it('has zero at middle grey and its largest weight at black or white', () => {
    const image = filterGrid(hostTensor(Float32Array.of(0, -2, 1, 0.5), [1, 1, 2, 2]));
    expect(pixel(image, 4, 4)).toEqual([128, 128, 128]);
    expect(pixel(image, 4, 4 + 28)).toEqual([0, 0, 0]);
    expect(pixel(image, 4 + 28, 4)).toEqual([191, 191, 191]);
  });

  it('shows filters on RGB in colour', () => {
    const image = filterGrid(hostTensor(Float32Array.of(1, 0, -1), [1, 3, 1, 1]));
    expect(pixel(image, 4, 4)).toEqual([255, 128, 0]);
  });
});

describe('evidence over an image', () => {
  it('is brightest where the map is', () => {
    const image: Image = { data: new Uint8Array(16).fill(100), shape: [1, 4, 4] };
    const map = hostTensor(Float32Array.of(0, 0, 0, 5), [1, 2, 2]);
    const picture = heatOverlay(image, map);
    const zoom = 56;
    const left = 12 + 4 * zoom;
    expect(picture.shape).toEqual([3, 4 * zoom + 12, 8 * zoom + 18]);
    // On the left the image as it is, on the right dark where nothing speaks for the class.
    expect(pixel(picture, 6 + 10, 6 + 10)).toEqual([100, 100, 100]);
    const sum = (y: number, x: number) => pixel(picture, y, x).reduce((a, b) => a + b, 0);
    expect(sum(6 + 4 * zoom - 1, left + 4 * zoom - 1)).toBeGreaterThan(450);
    expect(sum(6, left)).toBeLessThan(300);
  });

  it('of a map without evidence is dark everywhere', () => {
    const image: Image = { data: new Uint8Array(12).fill(200), shape: [3, 2, 2] };
    const picture = heatOverlay(image, hostTensor(new Float32Array(4), [2, 2]));
    const [, height, width] = picture.shape;
    expect(pixel(picture, height - 7, width - 7)).toEqual(pixel(picture, 6, width - 7));
    expect(Math.max(...pixel(picture, 6, width - 7))).toBeLessThan(190);
  });
});

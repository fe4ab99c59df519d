import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { augmentSheet } from '../../src/report/augmentSheet.js';
import { classColour, overlay } from '../../src/report/overlay.js';

describe('overlay', () => {
  const image = { data: new Uint8Array(25).fill(100), shape: [1, 5, 5] as const };
  const mask = Uint8Array.from([0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 255]);
  const at = (data: Uint8Array, i: number) => [data[i], data[25 + i], data[50 + i]];

  it('tints the inside, draws the border, leaves the background and darkens what is ignored', () => {
    const colour = Number.parseInt(classColour(1).slice(1), 16);
    const rgb = [colour >> 16, (colour >> 8) & 255, colour & 255];
    const { data, shape } = overlay(image, mask, { opacity: 0.5, ignoreIndex: 255 });
    expect(shape).toEqual([3, 5, 5]);
    expect(at(data, 0)).toEqual([100, 100, 100]);
    expect(at(data, 6)).toEqual(rgb);
    expect(at(data, 12)).toEqual(rgb.map((v) => Math.trunc(100 + (v - 100) * 0.5)));
    expect(Math.max(...(at(data, 24) as number[]))).toBeLessThan(50);
    expect(at(overlay(image, mask, { contour: false, opacity: 0 }).data, 6)).toEqual([100, 100, 100]);
    expect(image.data.every((v) => v === 100)).toBe(true);
    // A border of two pixels leaves nothing of the inside.
    expect(at(overlay(image, mask, { reach: 2 }).data, 12)).toEqual(rgb);
  });

  it('keeps the aspect of the images on a sheet and shows them where they belong', async () => {
    const red = { data: new Uint8Array(3 * 8 * 16), shape: [3, 8, 16] as const };
    red.data.fill(255, 0, 128);
    const plain = { image: red, mask: new Uint8Array(128) };
    const options = { title: 'a <b> & c', subtitle: 'two', classes: ['background', 'thing'] };
    const png = await augmentSheet([{ label: 'image 0', plain, augmented: [plain, plain] }], options);
    const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    let count = 0;
    for (let i = 0; i < data.length; i += 3) if (data[i]! > 240 && data[i + 1]! < 20 && data[i + 2]! < 20) count++;
    // Four tiles, each of 150 x 150 units of area, two pixels a unit.
    expect(count / (4 * 150 * 150 * 4)).toBeCloseTo(1, 1);
    expect(info.width).toBeGreaterThan(info.height);
    const bare = await augmentSheet([{ label: 'x', plain: { image: red }, augmented: [] }], options);
    expect((await sharp(bare).metadata()).width).toBeLessThan(info.width);
  });
});

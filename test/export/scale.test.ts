import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { contain, cover, fill, prepare } from '../../src/export/page/pixels.js';
import { loadImage } from '../../src/node/image.js';
import { Draw } from '../tensor/draw.js';

/* A page prepares pictures by itself; what the network sees must be what the command line shows it. */

describe('pictures in a page', () => {
  it.each([
    ['its own size', 16, 16, 16, 16],
    ['shrunk', 90, 61, 16, 16],
    ['shrunk across only', 77, 41, 20, 41],
    ['enlarged', 9, 12, 16, 16],
    ['enlarged down, shrunk across', 100, 80, 96, 128],
    ['by a little', 131, 97, 128, 96],
    ['by much', 400, 300, 24, 32],
  ])('%s: %i x %i to %i x %i', async (_, w, h, width, height) => {
    const draw = new Draw(w * h);
    // Smooth and noisy at once, every level of each colour.
    const pixels = Uint8Array.from({ length: 3 * w * h }, (_v, i) => {
      const [x, y] = [Math.floor(i / 3) % w, Math.floor(i / 3 / w)];
      return Math.min(
        255,
        Math.max(0, 128 + 110 * Math.sin(x / 5 + (i % 3)) * Math.cos(y / 7) + 40 * (draw.unit() - 0.5)),
      );
    });
    const png = await sharp(pixels, { raw: { width: w, height: h, channels: 3 } })
      .png()
      .toBuffer();
    const rgba = new Uint8ClampedArray(4 * w * h).fill(255);
    for (let i = 0; i < pixels.length; i++) rgba[4 * Math.floor(i / 3) + (i % 3)] = pixels[i]!;
    for (const channels of [1, 3] as const)
      for (const [fit, scaled] of [
        ['fill', fill(height, width)],
        ['cover', cover(height, width)],
        ['contain', contain(height, width)],
      ] as const) {
        const theirs = await loadImage(new Uint8Array(png), { channels, size: [height, width], fit });
        const ours = prepare({ width: w, height: h, rgba }, scaled, channels);
        expect(ours.shape).toEqual(theirs.shape);
        let [worst, sum] = [0, 0];
        for (const [i, v] of ours.data.entries()) {
          const d = Math.abs(v - theirs.data[i]!);
          worst = Math.max(worst, d);
          sum += d;
        }
        // The library computes with integers of limited precision: a level or two; the steps of its table from
        // light to grey are wide where it is dark.
        const same = w === width && h === height;
        expect(worst, `${fit}, ${channels} channels`).toBeLessThanOrEqual(same ? 0 : channels === 3 ? 2 : 8);
        expect(sum / ours.data.length).toBeLessThan(same ? 1e-9 : 0.5);
      }
  });
});

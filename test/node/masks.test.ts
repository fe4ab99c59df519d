import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCsv } from '../../src/node/csv.js';
import { orientMask, placeMask, readMask } from '../../src/node/maskFile.js';
import { decodePalettePng, isPalettePng } from '../../src/node/palettePng.js';
import { putColour, putGrey, putPalette } from './maskFiles.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-masks-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const colours = Array.from({ length: 256 }, (_, i) => [(37 * i) % 256, (91 * i + 5) % 256, 255 - i] as const);

describe('palette images', () => {
  it.each([1, 2, 4, 8] as const)('give their indices, %i bits', async (depth) => {
    const path = join(root, `p${depth}.png`);
    const n = 2 ** depth;
    const at = (x: number, y: number) => (x * 7 + y * 3) % n;
    await putPalette(path, 13, 5, at, colours.slice(0, n), depth);
    const read = decodePalettePng(await readFile(path), path, 1000);
    expect([read.width, read.height]).toEqual([13, 5]);
    for (let y = 0; y < 5; y++) for (let x = 0; x < 13; x++) expect(read.indices[y * 13 + x]).toBe(at(x, y));
    expect([...read.palette.subarray(0, 6)]).toEqual([...colours[0]!, ...colours[1]!]);
  });

  it.each([
    ['plain', false, 256],
    ['interlaced', true, 256],
    ['interlaced, few colours', true, 3],
  ] as const)('have the colours that another reader sees: %s', async (name, progressive, count) => {
    for (const [width, height] of [
      [1, 1],
      [5, 3],
      [8, 8],
      [37, 23],
    ] as const) {
      const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) =>
        Math.round(255 * (0.5 + 0.5 * Math.sin(i * 0.37 + Math.floor(i / 50)))),
      );
      const path = join(root, `${name}-${width}.png`);
      await sharp(rgb, { raw: { width, height, channels: 3 } })
        .png({ palette: true, colours: count, dither: 0, progressive, adaptiveFiltering: true })
        .toFile(path);
      const bytes = await readFile(path);
      expect(isPalettePng(bytes)).toBe(true);
      const { indices, palette } = decodePalettePng(bytes, path, 10000);
      const seen = await sharp(bytes).removeAlpha().toColourspace('srgb').raw().toBuffer();
      const ours = [...indices].flatMap((i) => [...palette.subarray(3 * i, 3 * i + 3)]);
      expect(ours).toEqual([...seen]);
    }
  });

  it('are refused in one sentence when damaged or too large', async () => {
    const path = join(root, 'bad.png');
    await putPalette(path, 20, 20, (x) => x % 4, colours.slice(0, 4));
    const bytes = await readFile(path);
    expect(() => decodePalettePng(bytes.subarray(0, bytes.length - 40), 'm.png', 1000)).toThrow(/^m.png is damaged/);
    expect(() => decodePalettePng(bytes, 'm.png', 399)).toThrow(/^m.png says it has 20 x 20 pixels/);
    const flipped = Buffer.from(bytes);
    flipped[flipped.indexOf('IDAT') + 8]! ^= 0xff;
    expect(() => decodePalettePng(flipped, 'm.png', 1000)).toThrow(/^m.png is damaged/);
    await putPalette(path, 20, 20, () => 9, colours.slice(0, 4));
    await expect(readMask(path)).rejects.toThrow(/damaged .*index 9 of 4 colours/);
  });
});

describe('masks', () => {
  it('are read as what they look like', async () => {
    const grey = join(root, 'grey.png');
    await putGrey(grey, 4, 3, (x) => 60 * x);
    expect(await readMask(grey)).toMatchObject({ form: 'grey', width: 4, height: 3 });
    expect([...(await readMask(grey)).codes.subarray(0, 4)]).toEqual([0, 60, 120, 180]);
    const equal = join(root, 'equal.png');
    await putColour(equal, 4, 3, (x) => [60 * x, 60 * x, 60 * x]);
    expect([...(await readMask(equal)).codes.subarray(0, 4)]).toEqual([0, 60, 120, 180]);
    const palette = join(root, 'palette.png');
    await putPalette(palette, 4, 3, (x) => x, [
      [0, 0, 0],
      [128, 0, 0],
      [0, 128, 0],
      [128, 128, 0],
    ]);
    expect(await readMask(palette)).toMatchObject({ form: 'palette' });
    expect([...(await readMask(palette)).codes.subarray(0, 4)]).toEqual([0, 1, 2, 3]);
    // A palette of greys is a grey image that was made smaller.
    const small = join(root, 'small.png');
    await putPalette(
      small,
      4,
      3,
      (x) => x % 2,
      [
        [255, 255, 255],
        [0, 0, 0],
      ],
      1,
    );
    expect(await readMask(small)).toMatchObject({ form: 'grey' });
    expect([...(await readMask(small)).codes.subarray(0, 4)]).toEqual([255, 0, 255, 0]);
    const colour = join(root, 'colour.png');
    await putColour(colour, 4, 3, (x) => (x < 2 ? [255, 0, 0] : [0, 0, 0]));
    expect(await readMask(colour)).toMatchObject({ form: 'colour', colours: ['#ff0000', '#000000'] });
  });

  it('of 16 bits keep class numbers', async () => {
    const path = join(root, 'wide.png');
    const values = Uint16Array.from({ length: 12 }, (_, i) => i % 3);
    await sharp(values, { raw: { width: 4, height: 3, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toFile(path);
    expect([...(await readMask(path)).codes]).toEqual([...values]);
  });

  it('are turned as another program turns the photo, for all eight orientations', async () => {
    const [width, height] = [3, 2];
    const stored = Uint8Array.from({ length: 6 }, (_, i) => 40 * i);
    for (let orientation = 1; orientation <= 8; orientation++) {
      const file = await sharp(stored, { raw: { width, height, channels: 1 } })
        .toColourspace('b-w')
        .withMetadata({ orientation })
        .png()
        .toBuffer();
      const { data, info } = await sharp(file)
        .rotate()
        .toColourspace('b-w')
        .raw()
        .toBuffer({ resolveWithObject: true });
      const ours = orientMask(stored, height, width, orientation);
      expect([ours.shape[2], ours.shape[1]]).toEqual([info.width, info.height]);
      expect([...ours.data]).toEqual([...data]);
    }
  });

  it('lie where their photo lies, however it gets its size', async () => {
    // A white rectangle on black: after any fit photo and mask must agree but for pixels on its edge.
    const [width, height] = [60, 40];
    const inside = (x: number, y: number) => x >= 21 && x < 43 && y >= 8 && y < 30;
    const rgb = new Uint8Array(width * height).map((_, i) => (inside(i % width, Math.floor(i / width)) ? 255 : 0));
    for (const fit of ['fill', 'cover', 'contain'] as const)
      for (const size of [
        [20, 20],
        [24, 16],
        [16, 40],
      ] as const) {
        const photo = await sharp(rgb, { raw: { width, height, channels: 1 } })
          .resize({ height: size[0], width: size[1], fit, kernel: 'linear', background: '#000' })
          .toColourspace('b-w')
          .raw()
          .toBuffer();
        const mask = placeMask({ data: rgb, shape: [1, height, width] }, { height, width }, size, fit, 0);
        let wrong = 0;
        photo.forEach((v, i) => {
          if ((v < 40 && mask[i] !== 0) || (v > 215 && mask[i] !== 255)) wrong++;
        });
        expect(`${fit} ${size}: ${wrong}`).toBe(`${fit} ${size}: 0`);
      }
  });
});

describe('CSV', () => {
  it('knows quotes, separators, byte order marks and line ends', () => {
    const cells = (text: string) => parseCsv(text, 'a.csv').rows.map((row) => row.cells);
    expect(cells('a,b\r\n1, 2 \r\n\r\n')).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ]);
    expect(cells('\uFEFFa;b\n"x;y";"say ""hi"""\n')).toEqual([
      ['a', 'b'],
      ['x;y', 'say "hi"'],
    ]);
    expect(parseCsv('a\tb\n"two\nlines"\tc\nlast\td', 'a.csv').rows.map((row) => row.line)).toEqual([1, 2, 4]);
    expect(() => parseCsv('a,b\n"x,y', 'a.csv')).toThrow('a.csv: the quote that opens on line 2 is never closed');
  });

  it('of no rows is no table', async () => {
    await writeFile(join(root, 'empty.csv'), '');
    expect(parseCsv('', 'a.csv').rows).toEqual([]);
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageSize, loadImage, saveImage } from '../../src/node/image.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-image-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Three columns of pure colour over two rows. */
const colours = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 128, 128, 128]);
const rgb = () => sharp(colours, { raw: { width: 3, height: 2, channels: 3 } });
const noise = (w: number, h: number, c: 1 | 3 = 3) =>
  sharp(Buffer.from(Uint8Array.from({ length: w * h * c }, (_, i) => (i * 7919 + (i >> 3) * 104729) & 255)), {
    raw: { width: w, height: h, channels: c },
  });

const flat = (data: Uint8Array) => [...data];

describe('loadImage', () => {
  it('gives planes, top row first', async () => {
    const path = join(root, 'rgb.png');
    await rgb().png().toFile(path);
    const image = await loadImage(path);
    expect(image.shape).toEqual([3, 2, 3]);
    expect(flat(image.data)).toEqual([
      ...[255, 0, 0, 255, 0, 128],
      ...[0, 255, 0, 255, 0, 128],
      ...[0, 0, 255, 255, 0, 128],
    ]);
    expect(await imageSize(path)).toEqual({ height: 2, width: 3 });
  });

  it('makes grey of colour and colour of grey', async () => {
    const gray = await loadImage(await rgb().png().toBuffer(), { channels: 1 });
    expect(gray.shape).toEqual([1, 2, 3]);
    expect(flat(gray.data).slice(3)).toEqual([255, 0, 128]);
    const ramp = Buffer.from([0, 50, 100, 150, 200, 250]);
    const png = await sharp(ramp, { raw: { width: 3, height: 2, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect(flat((await loadImage(png, { channels: 1 })).data)).toEqual([...ramp]);
    expect(flat((await loadImage(png)).data)).toEqual([...ramp, ...ramp, ...ramp]);
    expect(flat((await loadImage(png, { channels: 1, invert: true })).data)).toEqual([...ramp].map((v) => 255 - v));
  });

  it('turns upright by the EXIF orientation', async () => {
    const jpeg = await noise(16, 8).jpeg({ quality: 100 }).withMetadata({ orientation: 6 }).toBuffer();
    const image = await loadImage(jpeg, { channels: 1 });
    expect(image.shape).toEqual([1, 16, 8]);
    const plain = await loadImage(
      await sharp(jpeg).withMetadata({ orientation: 1 }).jpeg({ quality: 100 }).toBuffer(),
      {
        channels: 1,
      },
    );
    // Orientation 6: the stored top row is the right column.
    let difference = 0;
    for (let y = 0; y < 8; y++)
      for (let x = 0; x < 16; x++) difference += Math.abs(plain.data[y * 16 + x]! - image.data[x * 8 + (7 - y)]!);
    expect(difference / 128).toBeLessThan(6);
  });

  it.each(['webp', 'tiff', 'gif', 'avif', 'jpeg', 'png'] as const)('reads %s', async (format) => {
    const bytes = await sharp({ create: { width: 9, height: 7, channels: 3, background: '#3264c8' } })
      .toFormat(format, { quality: 100 })
      .toBuffer();
    const image = await loadImage(bytes);
    expect(image.shape).toEqual([3, 7, 9]);
    for (const [c, v] of [0x32, 0x64, 0xc8].entries())
      for (let i = 0; i < 63; i++) expect(Math.abs(image.data[63 * c + i]! - v)).toBeLessThanOrEqual(6);
  });

  it('reads 16-bit, palette, CMYK and transparent images', async () => {
    const deep = await sharp({ create: { width: 4, height: 4, channels: 3, background: '#808080' } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    for (const v of (await loadImage(deep)).data) expect(v).toBe(0x80);
    const deepGray = await sharp(deep).toColourspace('grey16').png().toBuffer();
    for (const v of (await loadImage(deepGray, { channels: 1 })).data)
      expect(Math.abs(v - 0x80)).toBeLessThanOrEqual(1);
    const palette = await rgb().png({ palette: true }).toBuffer();
    expect(flat((await loadImage(palette)).data).slice(0, 3)).toEqual([255, 0, 0]);
    const clear = await sharp({
      create: { width: 2, height: 2, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    for (const v of (await loadImage(clear)).data) expect(v).toBe(255);
    const cmyk = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#ffffff' } })
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer();
    expect((await loadImage(cmyk)).shape).toEqual([3, 8, 8]);
  });

  it('scales: cover cuts, contain pads with black, fill stretches', async () => {
    const halves = Buffer.alloc(40 * 20, 255);
    const png = await sharp(halves, { raw: { width: 40, height: 20, channels: 1 } })
      .png()
      .toBuffer();
    const load = (fit: 'cover' | 'contain' | 'fill') => loadImage(png, { channels: 1, size: [16, 16], fit });
    for (const fit of ['cover', 'contain', 'fill'] as const) expect((await load(fit)).shape).toEqual([1, 16, 16]);
    expect((await load('cover')).data.every((v) => v === 255)).toBe(true);
    expect((await load('fill')).data.every((v) => v === 255)).toBe(true);
    const contained = (await load('contain')).data;
    expect(contained.filter((v) => v === 0).length).toBe(16 * 8);
    expect(contained[16 * 8]).toBe(255);
  });

  it('saves what it can load again, bit for bit', async () => {
    for (const channels of [1, 3] as const) {
      const image = await loadImage(await noise(7, 5, channels).png().toBuffer(), { channels });
      const path = join(root, `saved${channels}.png`);
      await saveImage(path, image);
      expect(await loadImage(path, { channels })).toEqual(image);
    }
  });
});

describe('bad images are named in one sentence', () => {
  const write = async (name: string, bytes: Uint8Array | string) => {
    const path = join(root, name);
    await writeFile(path, bytes);
    return path;
  };
  const failure = async (path: string, maxPixels?: number): Promise<string> => {
    const error = await loadImage(path, { maxPixels }).then(
      () => new Error('it was read'),
      (e: Error) => e,
    );
    expect(error.message).toContain(path);
    expect(error.message).not.toContain('\n');
    return error.message.replace(path, 'PATH');
  };

  it('missing, a directory, empty, text', async () => {
    expect(await failure(join(root, 'none.png'))).toBe('cannot read PATH: there is no such file or directory');
    expect(await failure(root)).toBe('cannot read PATH: it is a directory, not a file');
    expect(await failure(await write('empty.png', ''))).toBe('PATH is empty; expected an image');
    expect(await failure(await write('text.png', 'this is no image at all'))).toMatch(
      /^PATH is not an image that can be read/,
    );
  });

  it('an SVG, which could refer to other files', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    expect(await failure(await write('drawing.png', svg))).toMatch(/^PATH is a file of type svg; expected JPEG/);
  });

  it.each(['png', 'jpeg', 'webp', 'tiff', 'gif'] as const)('%s, truncated anywhere', async (format) => {
    const whole = await noise(60, 50).toFormat(format).toBuffer();
    for (const part of [0.02, 0.3, 0.6, 0.9]) {
      const bytes = whole.subarray(0, Math.max(8, Math.floor(whole.length * part)));
      expect(await failure(await write(`cut-${part}.${format}`, bytes))).toMatch(
        /^PATH is (damaged and cannot be read as an image|not an image that can be read) \(/,
      );
    }
  });

  it('a PNG with flipped bits', async () => {
    const bytes = Buffer.from(await noise(60, 50).png().toBuffer());
    for (let i = 200; i < 260; i++) bytes[i] = bytes[i]! ^ 0x5a;
    expect(await failure(await write('flipped.png', bytes))).toMatch(/^PATH is damaged/);
  });

  it('absurd sizes, by the header alone', async () => {
    const bytes = Buffer.from(await rgb().png().toBuffer());
    expect(await failure(await write('big.png', bytes), 5)).toMatch(/^PATH says it has 3 x 2 pixels, more than/);
    // A header that promises 60,000 x 60,000 pixels over a few bytes of data.
    bytes.writeUInt32BE(60_000, 16);
    bytes.writeUInt32BE(60_000, 20);
    bytes.writeUInt32BE(crc(bytes.subarray(12, 29)), 29);
    expect(await failure(await write('bomb.png', bytes))).toMatch(
      /^PATH says it has 60000 x 60000 pixels, more than the 134 million that are read; scale it down$/,
    );
    expect((await readFile(join(root, 'bomb.png'))).length).toBeLessThan(500);
  });
});

/** CRC-32 of a PNG chunk. */
function crc(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return (c ^ 0xffffffff) >>> 0;
}

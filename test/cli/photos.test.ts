import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../src/backends/native/index.js';
import { build, fovea, scratch } from './process.js';

const native = loadNative();

describe('a folder of photos', () => {
  const dir = scratch('photos');
  const run = join(dir, 'runs/photos');

  beforeAll(async () => {
    build();
    // Bright and dark pictures of untidy sizes: two classes that anything can learn.
    for (const [c, level] of [
      ['dark', 30],
      ['light', 220],
    ] as const)
      for (let i = 0; i < 15; i++) {
        mkdirSync(join(dir, 'photos', c), { recursive: true });
        const size = { width: 20 + i, height: 34 - i, channels: 3 } as const;
        const background = { r: level + i, g: level - i, b: level };
        const image = sharp({ create: { ...size, background } });
        writeFileSync(join(dir, 'photos', c, `${i}.jpg`), await image.jpeg().toBuffer());
      }
  }, 120_000);

  it('is scaled to what the network takes, split, learnt, and measured again from elsewhere', async () => {
    const args =
      'train lenet5 --data photos --device reference --batch-size 6 --epochs 4 --lr 0.05 --size 16 --channels 3';
    const trained = await fovea([...args.split(' '), '--out', 'runs/photos', '--json'], dir);
    expect(trained.stderr).not.toContain('error');
    const answer = JSON.parse(trained.stdout);
    // A fifth of each class is kept for validation; there is no test set.
    expect(answer.valid.images).toBe(6);
    expect(answer.test).toBeUndefined();
    expect(answer.valid.accuracy).toBe(1);
    const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ inputShape: [3, 16, 16], classes: ['dark', 'light'] });

    const elsewhere = scratch('elsewhere');
    const again = JSON.parse((await fovea(['eval', run, '--device', 'reference', '--json'], elsewhere)).stdout);
    expect(again).toMatchObject({ split: 'valid', images: 6, accuracy: 1, loss: answer.valid.loss });
    const all = await fovea(['eval', run, '--device', 'reference', '--data', join(dir, 'photos'), '--json'], elsewhere);
    expect(JSON.parse(all.stdout)).toMatchObject({ split: 'all', images: 30, accuracy: 1 });
    const file = join(dir, 'photos/light/3.jpg');
    const seen = await fovea(['predict', run, file, '--device', 'reference', '--json'], elsewhere);
    expect(JSON.parse(seen.stdout).predictions[0].top[0].class).toBe('light');
  });

  it('whose images are stretched is predicted as it is evaluated', async () => {
    // What tells the classes apart lies at both ends, which a cut at the centre takes away.
    for (const [name, ends] of [
      ['dark', 30],
      ['light', 220],
    ] as const)
      for (let i = 0; i < 15; i++) {
        mkdirSync(join(dir, 'ends', name), { recursive: true });
        const pixels = Uint8Array.from(
          { length: 64 * 16 },
          (_, at) => (Math.abs((at % 64) - 31.5) > 16 ? ends : 120) + i,
        );
        const image = sharp(pixels, { raw: { width: 64, height: 16, channels: 1 } });
        writeFileSync(join(dir, 'ends', name, `${i}.png`), await image.png().toBuffer());
      }
    const args = 'train lenet5 --data ends --fit fill --size 16 --channels 1 --batch-size 6 --epochs 8 --lr 0.05';
    await fovea([...args.split(' '), '--device', 'reference', '--out', 'runs/ends'], dir);
    const ask = async (...asked: string[]) =>
      JSON.parse((await fovea([...asked, '--device', 'reference', '--json'], dir)).stdout);
    expect(await ask('eval', 'runs/ends', '--split', 'all')).toMatchObject({ images: 30, accuracy: 1 });
    const { predictions } = await ask('predict', 'runs/ends', 'ends/dark', 'ends/light');
    expect(predictions).toHaveLength(30);
    for (const { file, top } of predictions) expect(file, top[0].class).toContain(`/${top[0].class}/`);
  });

  it('refuses data of other classes', async () => {
    const { code, stderr } = await fovea(['eval', run, '--data', 'shapes', '--device', 'reference'], dir);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: shapes has the classes circle, square, triangle, cross, ring; the network was trained on dark, light\n',
    );
  });

  it.skipIf(!native.ok)(`trains natively${native.ok ? '' : ` (skipped: ${native.reason})`}`, async () => {
    const args =
      'train lenet5 --data photos --device native --batch-size 6 --epochs 4 --lr 0.05 --size 16 --seed 1 --out runs/native';
    const trained = await fovea(args.split(' '), dir);
    expect(trained.stderr).toBe('');
    expect(trained.stdout).toMatch(/^device: native \(oneDNN [\d.]+, [^)]+\), \d+ threads?\n/);
    expect(trained.stdout).toMatch(/validation accuracy +100\.00 % \(0 wrong of 6\)/);
    const { stdout } = await fovea(['eval', 'runs/native', '--device', 'reference', '--json'], dir);
    expect(JSON.parse(stdout).accuracy).toBe(1);
  });
});

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putGrey, putPhoto } from '../node/maskFiles.js';
import { build, fovea } from './process.js';

const root = mkdtempSync(join(tmpdir(), 'fovea-cli-data-'));
beforeAll(async () => {
  build();
  for (let i = 0; i < 5; i++) {
    await putPhoto(join(root, 'photos/images', `p${i}.jpg`), 32, 24);
    await putGrey(join(root, 'photos/masks', `p${i}.png`), 64, 48, (x) => (x < 16 ? 255 : 0));
  }
  await putPhoto(join(root, 'photos/images/alone.jpg'), 32, 24);
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('fovea data show', () => {
  it('tells what is in photos with masks, what was mended and left out, and draws a sheet', async () => {
    const sheet = join(root, 'sheet.png');
    const args = ['data', 'show', join(root, 'photos'), '--fold', '1/5', '--augment', 'strong', '--out', sheet];
    const { code, stdout, stderr } = await fovea(
      [...args, '--samples', '3', '--class-names', 'person', '--json'],
      root,
    );
    expect(stderr).toContain('5 photos with masks, binary masks of 2 classes; mended: 5 masks scaled to their photos');
    expect(stderr).toMatch(/warning: left out of .*photos: 1 cannot be used: .*alone.jpg has no mask/);
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      task: 'segmentation',
      inputShape: [3, 24, 32],
      classes: ['background', 'person'],
      parts: { train: { images: 4, pixelShare: [0.75, 0.25], masksWith: [4, 4] }, valid: { images: 1 } },
      sheet,
    });
    const meta = await sharp(sheet).metadata();
    expect([meta.format, meta.width! > 800, meta.height! > 800]).toEqual(['png', true, true]);
  });

  it('ends with one sentence where that is asked for or nothing can be done', async () => {
    const strict = await fovea(['data', 'show', join(root, 'photos'), '--strict'], root);
    expect([strict.code, strict.stdout.includes('images')]).toEqual([1, false]);
    expect(strict.stderr).toMatch(/error: .*photos: 1 cannot be used: .*alone.jpg has no mask in .*masks\n$/);
    const out = join(root, 'sheet.svg');
    const svg = await fovea(['data', 'show', 'cells', '--out', out], root);
    expect(svg.stderr).toMatch(/error: --out is .*sheet.svg; the sheet is a PNG/);
    const fold = await fovea(['data', 'show', 'cells', '--fold', '6/5'], root);
    expect(fold.stderr).toContain('expected for example 2/5, the second of five');
    expect([svg.code, existsSync(out), fold.code]).toEqual([1, false, 2]);
  });
});

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodePalettePng } from '../../src/node/palettePng.js';
import { raw } from './pixels.js';
import { build, fovea, scratch } from './process.js';

const native = existsSync(new URL('../../build/fovea.node', import.meta.url));
const dir = scratch('masks');
const json = (text: string) => JSON.parse(text) as Record<string, unknown>;
const words = (text: string) => text.split(' ');

/** A run that any device makes in seconds. */
const CELLS =
  'train unet --data cells --images 48 --size 32 --features 4,8 --batch-size 8 --lr 0.02 --seed 2 --device reference';

/** A photo with a gradient, `width` x `height`. */
async function photo(name: string, width: number, height: number): Promise<string> {
  const pixels = new Uint8Array(3 * width * height).map((_, i) => (i * 13 + (i >> 7)) % 256);
  const path = join(dir, name);
  await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(path);
  return path;
}

beforeAll(async () => {
  build();
  const trained = await fovea(
    words(
      `${CELLS} --epochs 4 --accumulate 2 --ema 0.9 --warmup 1 --scheduler cosine --augment light --samples-every 2 --out people`,
    ),
    dir,
  );
  expect(trained.stderr).toBe('');
  expect(trained.code).toBe(0);
}, 120_000);

describe('training on masks', () => {
  it('takes loss, metrics, outputs and data of the task, and writes down what was asked', () => {
    const config = json(readFileSync(join(dir, 'people/config.json'), 'utf8')) as {
      model: object;
      training: Record<string, unknown>;
      classes: string[];
    };
    expect(config.model).toEqual({ name: 'unet', options: { features: [4, 8], classes: 1 } });
    expect(config.training).toMatchObject({ accumulate: 2, ema: 0.9, batchSize: 8, optimizer: { name: 'adam' } });
    expect(JSON.stringify(config.training.loss)).toMatch(/"bce".*"dice"/);
    expect((config.training.metrics as { name: string }[]).map((m) => m.name)).toEqual(['iou', 'dice']);
    // 34 images in batches of 8, two to an update: 3 updates an epoch, the first 3 of them warm-up.
    expect(JSON.stringify(config.training.scheduler)).toContain('"totalIters":3');
    expect(config.classes.length).toBe(2);
    const [first] = readFileSync(join(dir, 'people/metrics.jsonl'), 'utf8').split('\n');
    expect(json(first!).valid).toMatchObject({ iou: expect.any(Number), dice: expect.any(Number) });
  });

  it('draws the same photos every other epoch, at the end the worst and the best, and a page with all of it', async () => {
    expect(readdirSync(join(dir, 'people/samples'))).toEqual(['epoch-002.png', 'epoch-004.png']);
    const [a, b] = await Promise.all(
      ['002', '004'].map((n) => sharp(join(dir, `people/samples/epoch-${n}.png`)).metadata()),
    );
    expect([a!.width, a!.height]).toEqual([b!.width, b!.height]);
    for (const name of ['samples.png', 'worst.png', 'best.png', 'iou.svg', 'dice.svg', 'loss.svg', 'learning-rate.svg'])
      expect(statSync(join(dir, 'people', name)).size, name).toBeGreaterThan(1000);
    const page = readFileSync(join(dir, 'people/report.html'), 'utf8');
    for (const title of ['Progress', 'Sample masks', 'Worst predictions', 'Best predictions'])
      expect(page).toContain(`<h2>${title}</h2>`);
    expect(page).toContain('epoch 2</th><th>epoch 4');
    expect(page.match(/src="data:image\/webp/g)!.length).toBeGreaterThan(40);
    expect(page).not.toMatch(/(src|href)="(?!data:)/);
  });

  it('forgets the sheets of a run that it replaces', async () => {
    writeFileSync(join(dir, 'people/samples/epoch-999.png'), 'old');
    mkdirSync(join(dir, 'again/samples'), { recursive: true });
    writeFileSync(join(dir, 'again/samples/epoch-999.png'), 'old');
    const { code } = await fovea(words(`${CELLS} --epochs 1 --samples-every 1 --out again`), dir);
    expect(code).toBe(0);
    expect(readdirSync(join(dir, 'again/samples'))).toEqual(['epoch-001.png']);
  });

  it('is measured by eval, with the score at 128 whatever the size of training', async () => {
    const { stdout, code } = await fovea(words('eval people --split valid --json --device reference'), dir);
    expect(code).toBe(0);
    const found = json(stdout);
    const best = readFileSync(join(dir, 'people/metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => json(line).valid as { loss: number; iou: number })
      .reduce((a, b) => (b.loss < a.loss ? b : a));
    expect(found.loss).toBeCloseTo(best.loss, 6);
    expect(found.iou).toBeCloseTo(best.iou, 6);
    expect(found.score).toBeGreaterThan(0);
    expect(found.score).not.toBeCloseTo(found.loss as number, 4);
    const shown = await fovea(words('eval people --device reference'), dir);
    expect(shown.stdout).toMatch(/test iou +\d/);
    expect(shown.stdout).toMatch(/score +\d.*128 x 128/);
  });
});

describe('inspect', () => {
  it('shows the evidence for a mask and the maps of layers', async () => {
    await photo('look.jpg', 60, 40);
    const args = 'inspect people --grad-cam --image look.jpg --device reference';
    const cam = await fovea(words(`${args} --out cam.png --json`), dir);
    const { share, ...shown } = json(cam.stdout);
    expect(shown).toMatchObject({ layer: 'down1.maxpool_conv.1.double_conv.3', picture: 'cam.png' });
    expect(share).toBeGreaterThan(0);
    expect((await sharp(join(dir, 'cam.png')).metadata()).format).toBe('png');
    expect((await fovea(words(`${args} --class 7`), dir)).stderr).toMatch(/^error: unknown class "7"/);
    const maps = await fovea(
      words('inspect people --layer inc,outc --image look.jpg --out maps.png --device reference'),
      dir,
    );
    expect(maps.code).toBe(0);
    expect(statSync(join(dir, 'maps-outc.png')).size).toBeGreaterThan(100);
  });
});

describe('predict', () => {
  it('writes a cut-out, a mask and an overlay at the size of the photo, whatever the network sees', async () => {
    await photo('a.jpg', 75, 51);
    for (const extra of ['', ' --resolution full --tile 64', ' --resolution 40']) {
      const cut = await fovea(words(`predict people a.jpg --out cut.png --device reference${extra}`), dir);
      expect(cut.stderr).toBe('');
      const { channels, width, height, data } = await raw(join(dir, 'cut.png'));
      expect([width, height, channels]).toEqual([75, 51, 4]);
      const { data: original } = await raw(join(dir, 'a.jpg'));
      for (let i = 0; i < width * height; i += 7)
        for (let c = 0; c < 3; c++) expect(data[4 * i + c]).toBe(original[3 * i + c]);
      await fovea(words(`predict people a.jpg --mode mask --out mask.png --device reference${extra}`), dir);
      const mask = await raw(join(dir, 'mask.png'));
      expect([mask.width, mask.height]).toEqual([75, 51]);
      const grey = Array.from({ length: 75 * 51 }, (_, i) => mask.data[i * mask.channels]!);
      expect(new Set(grey)).toEqual(new Set(grey.includes(0) && grey.includes(255) ? [0, 255] : [grey[0]]));
      // Foreground is what the cut-out shows more than half.
      for (const [i, value] of grey.entries()) expect(data[4 * i + 3]! >= 128).toBe(value === 255);
    }
    const over = await fovea(
      words('predict people a.jpg --mode overlay --out over.jpg --json --device reference'),
      dir,
    );
    expect(json(over.stdout)).toMatchObject({
      mode: 'overlay',
      predictions: [{ out: 'over.jpg', width: 75, height: 51 }],
    });
    expect(await sharp(join(dir, 'over.jpg')).metadata()).toMatchObject({ width: 75, height: 51, format: 'jpeg' });
  }, 60_000);

  it('stands a photo upright as its EXIF orientation says', async () => {
    const pixels = new Uint8Array(3 * 40 * 24).map((_, i) => i % 251);
    await sharp(pixels, { raw: { width: 40, height: 24, channels: 3 } })
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toFile(join(dir, 'turned.jpg'));
    await fovea(words('predict people turned.jpg --out turned.png --device reference'), dir);
    expect(await sharp(join(dir, 'turned.png')).metadata()).toMatchObject({ width: 24, height: 40 });
  });

  it('takes files, folders and patterns into a folder, and keeps names apart', async () => {
    mkdirSync(join(dir, 'in/deep'), { recursive: true });
    for (const name of ['in/x.jpg', 'in/y.png', 'in/deep/x.png']) await photo(name, 33, 21);
    writeFileSync(join(dir, 'in/notes.txt'), 'no image');
    const run = (inputs: string, out: string) =>
      fovea(words(`predict people ${inputs} --mode mask --out ${out} --device reference`), dir);
    expect((await run('in', 'masks')).code).toBe(0);
    expect(readdirSync(join(dir, 'masks'))).toEqual(['x-2.png', 'x.png', 'y.png']);
    expect((await run('in/*.{jpg,png} in/**/x.png', 'some/')).code).toBe(0);
    expect(readdirSync(join(dir, 'some'))).toEqual(['x-2.png', 'x.png', 'y.png']);
  });

  it('says in a sentence what it cannot do, and writes nothing', async () => {
    await photo('b.png', 20, 20);
    const cases: [string, number, RegExp][] = [
      ['b.png', 2, /say where they are to be written/],
      ['b.png --out b.png', 1, /is the photo itself/],
      ['b.png --out cut.jpg --mode cutout', 1, /no transparency/],
      ['b.png --out mask.webp --mode mask', 1, /as \.png only/],
      ['b.png a.jpg --out one.png', 1, /give a folder/],
      ['nowhere.jpg --out cut2.png', 1, /nowhere\.jpg/],
      ['none/*.jpg --out cut2.png', 1, /no image matches none\/\*\.jpg/],
      ['b.png --out cut2.png --threshold 2', 1, /--threshold is 2/],
      ['people/config.json --out cut2.png', 1, /config\.json is not an image/],
    ];
    for (const [args, code, message] of cases) {
      const outcome = await fovea(words(`predict people ${args} --device reference`), dir);
      expect(outcome.stderr, args).toMatch(message);
      expect(outcome.stderr.trim().split('\n').length, args).toBe(1);
      expect(outcome.code, args).toBe(code);
    }
    for (const name of ['cut2.png', 'one.png', 'mask.webp']) expect(existsSync(join(dir, name)), name).toBe(false);
  }, 60_000);
});

describe('several classes', () => {
  it.skipIf(!native)(
    'reach a mean IoU above 0.9, and are written as a palette of class numbers',
    async () => {
      const outcome = await fovea(
        words(
          'train unet --data shapes-seg --images 400 --size 48 --features 16,32,64 --epochs 9 --batch-size 8 --lr 0.005 --scheduler one-cycle --seed 1 --samples-every 0 --out shapes --json',
        ),
        dir,
      );
      const result = json(outcome.stdout) as { test: { iou: number }; run: string };
      expect(result.test.iou).toBeGreaterThan(0.9);
      const sheet = await photo('shapes.png', 61, 47);
      expect((await fovea(['predict', 'shapes', sheet, '--mode', 'mask', '--out', 'classes.png'], dir)).code).toBe(0);
      const { indices, height, width } = decodePalettePng(readFileSync(join(dir, 'classes.png')), 'classes.png', 1e6);
      expect([height, width]).toEqual([47, 61]);
      expect(Math.max(...indices)).toBeLessThan(3);
      const threshold = await fovea(
        ['predict', 'shapes', sheet, '--out', 'c.png', '--mode', 'mask', '--threshold', '0.4'],
        dir,
      );
      expect(threshold.stderr).toMatch(/takes the likeliest of 3/);
    },
    120_000,
  );
});

describe('find-lr', () => {
  it('suggests a rate, writes its plot and nothing else', async () => {
    const cwd = scratch('find-lr');
    const { stdout, code } = await fovea(
      words('find-lr lenet --data shapes --images 200 --size 16 --device reference --steps 20 --from 1e-4 --json'),
      cwd,
    );
    expect(code).toBe(0);
    const found = json(stdout) as { points: object[]; plot: string };
    expect(found.points.length).toBeLessThanOrEqual(20);
    expect(readdirSync(cwd)).toEqual(['find-lr.svg']);
    expect(readFileSync(join(cwd, 'find-lr.svg'), 'utf8')).toMatch(/^<svg[\s\S]*<\/svg>/);
    expect((await fovea(words('find-lr lenet --out x.png'), cwd)).stderr).toMatch(/written as \.svg/);
    expect((await fovea(['find-lr'], cwd)).code).toBe(2);
  });
});

describe('recipes', () => {
  it('set what was not said, and are suggested where misspelt', async () => {
    const cwd = scratch('recipe');
    const { code, stderr } = await fovea(
      words(
        'train --recipe human-segmentation --data cells --images 24 --size 32 --features 4,8 --epochs 1 --augment hflip --device reference --out r',
      ),
      cwd,
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const config = json(readFileSync(join(cwd, 'r/config.json'), 'utf8')) as {
      training: { optimizer: { name: string }; ema: number; epochs: number };
      inputShape: number[];
      extra: { recipe: string };
    };
    expect(config.training).toMatchObject({ optimizer: { name: 'adamw' }, epochs: 1 });
    expect(config.training.ema).toBeGreaterThan(0.9);
    expect(config.inputShape).toEqual([1, 32, 32]);
    expect(config.extra.recipe).toBe('human-segmentation');
    expect((await fovea(words('train --recipe human-segmentaton'), cwd)).stderr).toMatch(/human-segmentation/);
  });
});

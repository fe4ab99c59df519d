import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, fovea, SMALL, scratch } from '../cli/process.js';

const dir = scratch('inspect');
const reference = ['--device', 'reference'];

beforeAll(async () => {
  build();
  const trained = await fovea(['train', 'lenet5', ...SMALL, '--epochs', '1', '--out', 'run'], dir);
  expect(trained.stderr).toBe('');
  const square = Buffer.alloc(24 * 24 * 3, 20);
  for (let i = 0; i < 24 * 24; i++) if (i % 24 > 8 && i % 24 < 16) square.fill(230, 3 * i, 3 * i + 3);
  await sharp(square, { raw: { width: 24, height: 24, channels: 3 } })
    .png()
    .toFile(join(dir, 'image.png'));
}, 120_000);

describe('fovea inspect', () => {
  it('prints one JSON object and nothing else on standard output', async () => {
    const { code, stdout, stderr } = await fovea(['inspect', 'vgg16', '--json', ...reference], dir);
    expect(code).toBe(0);
    const said = JSON.parse(stdout) as Record<string, unknown> & { layers: { path: string }[] };
    expect(said).toMatchObject({ model: 'vgg16', parameters: 138_357_544, multiplyAdds: 15_470_264_320 });
    expect(said.layers[0]).toMatchObject({ path: 'features.0', kind: 'Conv2d', outputShape: [64, 224, 224] });
    expect(said.training).toMatchObject({ batch: 32, optimizerBytes: 4 * 138_357_544 });
    expect(stderr).toMatch(/^device: reference/);
  });

  it('prints a table and totals, for other images and classes', async () => {
    const { code, stdout } = await fovea(
      ['inspect', 'lenet', '--input', '3x32x32', '--classes', '7', '--batch', '8', ...reference],
      dir,
    );
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toMatch(/^device: reference/);
    expect(stdout).toMatch(/features\.0\s+Conv2d 5x5\s+20x28x28\s+1,520\s+1\.18 M/);
    expect(stdout).toMatch(/classifier\.3\s+Linear\s+7\s+3,507/);
    expect(stdout).toMatch(/lenet, 3x32x32 to 7/);
    expect(stdout).toMatch(/training, batch 8\s+about/);
    expect(stdout).toMatch(/time on this device\s+about .* measured just now/s);
  });

  it('draws', async () => {
    const { code } = await fovea(['inspect', 'googlenet', '--svg', 'net.svg', ...reference], dir);
    expect(code).toBe(0);
    expect(readFileSync(join(dir, 'net.svg'), 'utf8')).toMatch(/^<svg.*inception4e/s);
  });

  it('takes a network of one’s own', async () => {
    writeFileSync(
      join(dir, 'mine.mjs'),
      `import { nn } from 'fovea';
       export default class Mine extends nn.Module {
         constructor({ inputShape, classes }) {
           super();
           this.conv = new nn.Conv2d(inputShape[0], 4, { kernel: 3 });
           this.head = new nn.Linear(4, classes);
         }
         forward(x) { return this.head.forward(nn.F.flatten(nn.F.globalAvgPool2d(nn.F.relu(this.conv.forward(x))))); }
       }`,
    );
    const args = ['inspect', './mine.mjs', '--input', '2x9x8', '--classes', '3', '--json', ...reference];
    const { code, stdout, stderr } = await fovea(args, dir);
    expect(stderr).not.toMatch(/error/);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ model: 'Mine', parameters: 76 + 15, multiplyAdds: 4 * 7 * 6 * 18 + 12 });
  });

  it('looks into a trained network', async () => {
    const picture = async (name: string) => sharp(join(dir, 'run', name)).metadata();
    const maps = ['inspect', 'run', '--layer', 'features.0,features.3', '--image', 'image.png', ...reference];
    expect((await fovea(maps, dir)).code).toBe(0);
    expect((await picture('layer-features.0.png')).format).toBe('png');
    expect((await picture('layer-features.3.png')).format).toBe('png');
    const cam = await fovea(['inspect', 'run', '--grad-cam', '--image', 'image.png', '--json', ...reference], dir);
    const said = JSON.parse(cam.stdout) as { class: string; probability: number; layer: string };
    expect(said.layer).toBe('features.3');
    expect(said.probability).toBeGreaterThan(0);
    expect((await picture('grad-cam.png')).width).toBeGreaterThan(400);
    expect((await fovea(['inspect', 'run', '--filters', '--out', 'filters.png'], dir)).code).toBe(0);
    expect(existsSync(join(dir, 'filters.png'))).toBe(true);
  });
});

describe('what fovea inspect cannot do it says in one sentence', () => {
  const table: readonly [args: string[], code: 1 | 2, message: RegExp][] = [
    [['lenett'], 1, /unknown network "lenett", did you mean "lenet"\?/],
    [['lenet', '--input', '3x'], 2, /such as 3x224x224/],
    [['lenet', '--input', '1x-28x28'], 1, /--input is \[1,-28,28\], expected channels x height x width/],
    [['lenet', '--classes', '0'], 1, /--classes is 0/],
    [['vgg16', '--input', '3x16x16'], 1, /too small/],
    [['lenet', '--filters'], 1, /lenet has no trained weights to look at: give a run directory/],
    [['run', '--layer', 'features.0'], 2, /--layer needs an image/],
    [
      ['run', '--layer', 'feature.0', '--image', 'image.png'],
      1,
      /unknown layer "feature.0", did you mean "features.0"/,
    ],
    [['run', '--layer', 'features.0', '--image', 'no.png'], 1, /no\.png/],
    [['run', '--grad-cam', '--image', 'image.png', '--class', 'zebra'], 1, /unknown class "zebra"/],
    [['./no-net.js'], 2, /add --input CxHxW/],
    [['lenet', '--svg', 'image.png/net.svg'], 1, /image\.png/],
    [['.'], 1, /no run directory/],
  ];
  it.each(table)('%j', async (args, code, message) => {
    const outcome = await fovea(['inspect', ...args, ...reference], dir);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(outcome.code).toBe(code);
  });
});

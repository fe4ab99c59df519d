import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { readPth } from '../../src/io/pth/index.js';
import { readSafetensors } from '../../src/io/safetensors.js';
import { pickle, str, zipOf } from '../io/pickles.js';
import { build, fovea, SMALL, scratch } from './process.js';

const weights = fileURLToPath(new URL('../fixtures/weights', import.meta.url));
const dir = scratch('weights');
const device = ['--device', 'reference'];
const read = (name: string) => new Uint8Array(readFileSync(join(dir, name)));

beforeAll(async () => {
  build();
  // Folders of photos in three colours.
  for (const [k, name] of ['blue', 'green', 'red'].entries()) {
    mkdirSync(join(dir, 'photos', name), { recursive: true });
    for (let i = 0; i < 6; i++) {
      const background = {
        r: k === 2 ? 220 - 9 * i : 30,
        g: k === 1 ? 220 - 9 * i : 30,
        b: k === 0 ? 220 - 9 * i : 30,
      };
      await sharp({ create: { width: 40, height: 36, channels: 3, background } })
        .png()
        .toFile(join(dir, 'photos', name, `${i}.png`));
    }
  }
  const { code, stderr } = await fovea(['train', 'lenet5', ...SMALL, '--epochs', '1', '--out', 'run'], dir);
  expect([code, stderr]).toEqual([0, '']);
}, 120_000);

const photo = 'photos/red/0.png';
const top = async (...args: string[]) => {
  const { stdout, stderr } = await fovea(['predict', ...args, photo, '--json', ...device], dir);
  return stdout ? JSON.parse(stdout).predictions[0].top : stderr;
};

describe('weights from elsewhere', () => {
  it('are converted to a file that needs no other', async () => {
    const args = [join(weights, 'vgg13_bn.pth'), '--out', 'vgg.safetensors', '--input', '3x32x32', '--json'];
    const { code, stdout } = await fovea(['convert', ...args, '--class-names', 'a,b,c,d,e'], dir);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      found: {
        format: 'pth',
        within: ['state_dict'],
        layout: 'torchvision',
        notes: ['took "module." away from all names'],
      },
      model: { name: 'vgg13_bn', options: { width: 1 / 64 } },
      classes: ['a', 'b', 'c', 'd', 'e'],
      normalize: { mean: [0.485, 0.456, 0.406] },
    });
    const alone = scratch('alone');
    copyFileSync(join(dir, 'vgg.safetensors'), join(alone, 'x.safetensors'));
    copyFileSync(join(dir, photo), join(alone, 'red.png'));
    const answer = await fovea(['predict', 'x.safetensors', 'red.png', '--json', ...device], alone);
    const { predictions } = JSON.parse(answer.stdout);
    expect(predictions[0].top).toEqual(await top('vgg.safetensors'));
    expect(predictions[0].top[0].class).toMatch(/^[a-e]$/);
    // The same from the file itself, and by the network's name.
    const direct = await top(join(weights, 'vgg13_bn.pth'));
    expect(direct).toEqual(await top('vgg13_bn', '--weights', join(weights, 'vgg13_bn.pth')));
  }, 60_000);

  it('of a U-Net cut photos', async () => {
    await fovea(['convert', join(weights, 'unet_brain.pth'), '--out', 'unet.safetensors', '--input', '3x32x32'], dir);
    const { code } = await fovea(['predict', 'unet.safetensors', photo, '--out', 'cut.png', ...device], dir);
    expect(code).toBe(0);
    expect((await sharp(join(dir, 'cut.png')).metadata()).width).toBe(40);
  }, 60_000);

  it.each(['pt', 'PTH'])('are written as .%s too', async (ending) => {
    const out = `as.${ending}`;
    const args = [join(weights, 'unet.pth'), '--out', out, '--input', '3x32x32'];
    expect((await fovea(['convert', ...args], dir)).code).toBe(0);
    expect(readPth(read(out)).tensors.size).toBeGreaterThan(20);
  });

  it.each([
    [
      'no layout',
      ['convert', 'run/best.safetensors', '--out', 'x.safetensors'],
      /of no network that is known by its names .*--model NAME/,
    ],
    [
      'no ending',
      ['convert', join(weights, 'unet.pth'), '--out', 'x.bin'],
      /x\.bin: the file to write ends in \.safetensors or \.pth/,
    ],
    [
      'another network',
      ['convert', join(weights, 'unet.pth'), '--model', 'lenet5', '--out', 'x.pth'],
      /holds weights of another network/,
    ],
    [
      'too few names',
      ['convert', join(weights, 'unet.pth'), '--class-names', 'a,b,c', '--out', 'x.pth'],
      /3 class names were given; .* has 2 classes/,
    ],
    ['no file', ['predict', 'no.pth', photo], /no\.pth/],
    [
      'a command in it',
      ['predict', 'evil.pth', photo],
      /evil\.pth cannot be read as PyTorch weights: it asks for os\.system, .*nothing of it was run/,
    ],
    [
      'a cut archive',
      ['convert', 'cut.pth', '--out', 'x.safetensors'],
      /cut\.pth cannot be read as PyTorch weights: its archive is cut short/,
    ],
    [
      'a huge header',
      ['predict', 'huge.safetensors', photo],
      /huge\.safetensors is not a valid safetensors file: its header claims 107374182400 bytes/,
    ],
  ])('with %s are refused in one sentence', async (_, args, message) => {
    writeFileSync(join(dir, 'evil.pth'), zipOf(pickle('cos\nsystem\n(', str('touch owned'), 'tR')));
    writeFileSync(join(dir, 'cut.pth'), readFileSync(join(weights, 'unet.pth')).subarray(0, 90_000));
    const huge = new Uint8Array(64);
    new DataView(huge.buffer).setBigUint64(0, 100n * 2n ** 30n, true);
    huge[8] = 0x7b;
    writeFileSync(join(dir, 'huge.safetensors'), huge);
    const { code, stdout, stderr } = await fovea(args, dir);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^error: [^\n]*\n$|\nerror: [^\n]*\n$/);
    expect(stderr + stdout).not.toContain('    at ');
    for (const file of ['owned', 'x.safetensors', 'x.pth', 'x.bin']) expect(existsSync(join(dir, file))).toBe(false);
  });
});

describe('weights that nobody trained', () => {
  it('of a network of masks leave as a file that opens again', async () => {
    const made = ['export', 'unet:features=[4,8]', '--input', '3x32x32', '--out', 'first.safetensors'];
    expect((await fovea([...made, ...device], dir)).code).toBe(0);
    const { stdout } = await fovea(['inspect', 'first.safetensors', '--json', ...device], dir);
    expect(JSON.parse(stdout)).toMatchObject({ model: 'unet', outputShapes: { output: [1, 32, 32] } });
    const cut = await fovea(['predict', 'first.safetensors', photo, '--out', 'first.png', ...device], dir);
    expect(cut.stderr).toBe('');
    expect((await sharp(join(dir, 'first.png')).metadata()).width).toBe(40);
  }, 60_000);

  it('of a network of their own too, which says how many outputs it has', async () => {
    writeFileSync(
      join(dir, 'own.mjs'),
      `import { nn } from 'fovea';
export default class extends nn.Module {
  constructor({ inputShape }) { super(); this.last = new nn.Conv2d(inputShape[0], 1, { kernel: 3, padding: 1 }); }
  forward(x) { return this.last.forward(x); }
}`,
    );
    const made = ['export', './own.mjs', '--input', '3x32x32', '--out', 'own.safetensors', ...device];
    expect((await fovea(made, dir)).code).toBe(0);
    const card = JSON.parse(readSafetensors(read('own.safetensors')).metadata['fovea.network']!);
    expect(card).toMatchObject({
      classes: ['background', 'foreground'],
      model: { path: './own.mjs', options: { classes: 1 } },
      training: { loss: 'bce+dice' },
    });
    const cut = await fovea(['predict', 'own.safetensors', photo, '--out', 'own.png', ...device], dir);
    expect([cut.code, cut.stderr]).toEqual([0, '']);
  }, 60_000);
});

describe('weights of a run', () => {
  it('leave as safetensors and .pth, and come back', async () => {
    for (const out of ['out.safetensors', 'out.pth'])
      expect((await fovea(['export', 'run', '--out', out], dir)).code).toBe(0);
    const best = readSafetensors(read('run/best.safetensors')).tensors;
    const { tensors, metadata } = readSafetensors(read('out.safetensors'));
    expect(new Map([...tensors].sort())).toEqual(new Map([...best].sort()));
    expect(new Map([...readPth(read('out.pth')).tensors].sort())).toEqual(new Map([...best].sort()));
    expect(metadata['fovea.network']).toContain('"lenet5"');
    expect(metadata['fovea.network']).not.toContain(dir);
    const expected = await top('run');
    for (const args of [['out.safetensors'], ['run/best.safetensors'], ['run', '--weights', 'out.pth']])
      expect(await top(...args)).toEqual(expected);
    const evaluated = await fovea(['eval', 'out.safetensors', '--json', ...device], dir);
    const { loss, data } = JSON.parse(evaluated.stdout);
    expect([loss, data]).toEqual([
      JSON.parse((await fovea(['eval', 'run', '--json', ...device], dir)).stdout).loss,
      'shapes',
    ]);
  }, 60_000);
});

describe('training from weights', () => {
  const base = ['--data', 'photos', '--size', '32', '--batch-size', '4', '--epochs', '1', '--seed', '1', ...device];

  it('keeps the features, has a new head, and learning rates of its own for each part', async () => {
    const from = join(weights, 'vgg13_bn.pth');
    const net = 'vgg13_bn:width=0.015625';
    const args = ['train', net, ...base, '--weights', from, '--lr-scale', 'features=0,classifier=2', '--out', 'tuned'];
    const { code, stderr, stdout } = await fovea(args, dir);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /begins with \S+vgg13_bn\.pth: 70 of 72 tensors; new: classifier; 6 of the file's are not needed/,
    );
    expect(stdout).toMatch(/mean 0\.485, 0\.456, 0\.406/);
    expect(stdout).toContain('learning rates: classifier 0.02, features 0, everything else 0.01');
    const config = JSON.parse(readFileSync(join(dir, 'tuned/config.json'), 'utf8'));
    expect(config.normalize.mean).toEqual([0.485, 0.456, 0.406]);
    expect(config.training.optimizer.options.groups).toEqual([
      { params: 'classifier', lr: 0.02 },
      { params: 'features', lr: 0 },
    ]);
    const before = readPth(new Uint8Array(readFileSync(from))).tensors;
    const after = readSafetensors(read('tuned/best.safetensors')).tensors;
    // Without a learning rate they are the file's, bit for bit.
    expect(after.get('features.0.weight')).toEqual(before.get('module.features.0.weight'));
    // A run goes on with the same groups.
    const again = await fovea(['train', '--resume', 'tuned', '--epochs', '2', ...device], dir);
    expect(again.code).toBe(0);
  }, 90_000);

  it('says which head is new when only the number of classes differs', async () => {
    const args = ['train', 'lenet5', '--data', 'photos', '--channels', '1', '--size', '16', '--epochs', '1', ...device];
    const { stdout } = await fovea([...args, '--weights', 'run', '--normalize', 'data', '--out', 'head'], dir);
    expect(stdout).toMatch(/begins with run\/best\.safetensors: 8 of 10 tensors; new: \S+ \(3 outputs instead of 5\)/);
  }, 60_000);

  it.each([
    [
      'vgg16:width=0.015625',
      ['--weights', join(weights, 'vgg13_bn.pth')],
      /vgg13_bn\.pth does not fit the network: .*; and \d+ more differences/,
    ],
    [
      'vgg11:width=0.015625',
      ['--lr-scale', 'encoder=0.1'],
      /--lr-scale names "encoder", where nothing is trained \(parts that are: features, classifier\)/,
    ],
    [
      'vgg11:width=0.015625',
      ['--lr-scale', 'features'],
      /--lr-scale is "features", expected for example features=0\.1/,
    ],
  ])('%s %s: one sentence', async (net, args, message) => {
    const { code, stderr } = await fovea(['train', net, ...base, ...args, '--out', 'none'], dir);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(existsSync(join(dir, 'none'))).toBe(false);
  });
});

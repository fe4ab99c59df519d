import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, fovea, SMALL, scratch } from './process.js';

const dir = scratch('bad');
const train = (...args: string[]) => ['train', 'lenet5', ...SMALL, '--epochs', '1', '--out', 'out', ...args];

/** What is typed, the exit code, and what the sentence says. */
const table: readonly [what: string, args: string[], code: 1 | 2, message: RegExp][] = [
  ['unknown command', ['trian'], 2, /unknown command 'trian'\s+\(Did you mean train\?\)/],
  ['unknown option', train('--epoch', '3'), 2, /unknown option '--epoch'\s+\(Did you mean --epochs\?\)/],
  ['too many arguments', ['eval', 'a', 'b'], 2, /too many arguments/],
  ['missing argument', ['eval'], 2, /missing required argument 'run'/],
  ['no network', ['train'], 2, /which network\?/],
  ['no number', train('--epochs', 'many'), 2, /'--epochs <n>' argument 'many' is invalid\. Expected a number/],
  ['network and resume', ['train', 'lenet', '--resume', 'x'], 2, /--resume takes the network from the run/],
  ['options that cannot change', ['train', '--resume', 'x', '--lr', '1'], 2, /--lr cannot change when a run goes on/],
  ['negative batch', train('--batch-size', '-4'), 1, /--batch-size is -4, expected a whole number of at least 1/],
  ['half an epoch', train('--epochs', '1.5'), 1, /--epochs is 1\.5, expected a whole number of at least 1/],
  ['no learning', train('--lr', '0'), 1, /--lr is 0, expected a number above 0/],
  ['negative size', train('--size', '-16'), 1, /--size is -16, expected a whole number of pixels of at least 1/],
  ['impossible device', train('--device', 'gpu'), 1, /--device is "gpu", expected one of native, reference, auto/],
  ['unknown network', ['train', 'lenett', ...SMALL], 1, /unknown network "lenett", did you mean "lenet"\?/],
  ['unknown data', train('--data', 'minst'), 1, /unknown data set "minst", did you mean "mnist"\?/],
  ['unknown optimizer', train('--optimizer', 'sdg'), 1, /unknown optimizer "sdg", did you mean "sgd"\?/],
  ['unknown optimizer option', train('--optimizer', 'adam:beta=1'), 1, /unknown option of adam "beta"/],
  [
    'option of another optimizer',
    train('--optimizer', 'adam', '--momentum', '0.5'),
    1,
    /unknown option of adam "momentum"/,
  ],
  ['unknown loss', train('--loss', 'cross-entropi'), 1, /unknown loss "cross-entropi", did you mean "cross-entropy"\?/],
  ['unknown scheduler', train('--scheduler', 'cosin'), 1, /unknown scheduler "cosin", did you mean "cosine"\?/],
  ['scheduler without its option', train('--scheduler', 'step'), 1, /step: stepSize must be/],
  ['unknown metric', train('--metrics', 'acuracy'), 1, /unknown metric "acuracy", did you mean "accuracy"\?/],
  [
    'unknown monitor',
    train('--monitor', 'valid.f1'),
    1,
    /--monitor is "valid\.f1", expected one of valid\.loss, valid\.accuracy/,
  ],
  ['unknown transform', train('--augment', 'hfilp'), 1, /unknown .*"hfilp", did you mean "hflip"\?/],
  ['images too small', train('--size', '8'), 1, /lenet5: images of 8x8 are too small/],
  ['too few classes', train('--classes', '2'), 1, /5 classes.*room for 2/],
  ['a directory without images', train('--data', './empty'), 1, /empty holds no images/],
  ['a directory that is not there', train('--data', './nowhere'), 1, /nowhere: there is no such file or directory/],
  ['a corrupt image', train('--data', './photos'), 1, /photos[/\\]b[/\\]bad\.png .*(damaged|not an image)/],
  ['classes that differ', train('--data', './differ'), 1, /class folders .* differ: .*"c"/],
  ['wrong IDX magic', train('--data', './idx'), 1, /train-images-idx3-ubyte .*magic/],
  ['an unwritable run directory', train('--out', 'file.txt/run'), 1, /file\.txt.*(not a directory|cannot)/],
  ['a configuration that is not there', train('--config', 'no.json'), 1, /cannot read no\.json/],
  ['a configuration that is not JSON', train('--config', 'broken.json'), 1, /broken\.json is not JSON/],
  [
    'an unknown key',
    train('--config', 'unknown.json'),
    1,
    /unknown\.json: unknown option "epoch", did you mean "epochs"\?/,
  ],
  [
    'a wrong value in it',
    ['train', 'lenet5', '--config', 'wrong.json'],
    1,
    /"batchSize" in wrong\.json is "many", expected/,
  ],
  ['no run', ['eval', 'nowhere'], 1, /nowhere .*no run/],
  ['no run to predict with', ['predict', 'nowhere', 'x.png'], 1, /nowhere .*no run/],
  ['no run to go on with', ['train', '--resume', 'nowhere'], 1, /nowhere .*no run/],
  ['no directory of runs', ['runs', 'nowhere'], 1, /cannot read nowhere/],
  ['an unknown data set', ['data', 'get', 'mnits'], 1, /unknown data set "mnits", did you mean "mnist"\?/],
];

describe('bad input', () => {
  beforeAll(async () => {
    build();
    const png = (side: number) =>
      sharp({ create: { width: side, height: side, channels: 3, background: '#808080' } })
        .png()
        .toBuffer();
    mkdirSync(join(dir, 'empty'));
    for (const c of ['a', 'b']) {
      mkdirSync(join(dir, 'photos', c), { recursive: true });
      writeFileSync(join(dir, 'photos', c, 'good.png'), await png(20));
    }
    writeFileSync(join(dir, 'photos/b/bad.png'), (await png(200)).subarray(0, 60));
    for (const c of ['train/a', 'train/b', 'valid/a', 'valid/c']) {
      mkdirSync(join(dir, 'differ', c), { recursive: true });
      writeFileSync(join(dir, 'differ', c, '1.png'), await png(16));
    }
    mkdirSync(join(dir, 'idx'));
    writeFileSync(join(dir, 'idx/train-images-idx3-ubyte'), Buffer.alloc(800));
    writeFileSync(join(dir, 'idx/train-labels-idx1-ubyte'), Buffer.alloc(9));
    writeFileSync(join(dir, 'file.txt'), 'not a directory');
    writeFileSync(join(dir, 'broken.json'), '{ "epochs": ');
    writeFileSync(join(dir, 'unknown.json'), '{ "epoch": 3 }');
    writeFileSync(join(dir, 'wrong.json'), '{ "batch-size": "many" }');
  }, 120_000);

  it.each(table)('%s', async (_what, args, code, message) => {
    const before = readdirSync(dir, { recursive: true }).sort();
    const outcome = await fovea(args, dir);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.code).toBe(code);
    // One sentence, and nothing of the program's insides.
    expect(outcome.stderr).not.toMatch(/^\s+at |node:internal|\.js:\d/m);
    if (code === 1) expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(readdirSync(dir, { recursive: true }).sort()).toEqual(before);
  });

  it('shows where it failed with FOVEA_DEBUG', async () => {
    const { code, stderr } = await fovea(['eval', 'nowhere'], dir, { FOVEA_DEBUG: '1' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/\n\s+at /);
  });

  it('is an error object with --json', async () => {
    const { code, stdout, stderr } = await fovea(['eval', 'nowhere', '--json'], dir);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).error).toMatch(/no run/);
    expect(stderr).toMatch(/error: /);
  });

  describe('a damaged run', () => {
    const run = join(dir, 'runs/one');
    beforeAll(async () => {
      const { code } = await fovea(['train', 'lenet5', ...SMALL, '--epochs', '1', '--out', 'runs/one'], dir);
      expect(code).toBe(0);
    }, 60_000);
    const evaluate = async (change: () => () => void) => {
      const restore = change();
      try {
        return await fovea(['eval', run, '--device', 'reference'], dir);
      } finally {
        restore();
      }
    };
    const changed = (file: string, change: (before: Buffer) => Buffer | string) => () => {
      const before = readFileSync(join(run, file));
      writeFileSync(join(run, file), change(before));
      return () => writeFileSync(join(run, file), before);
    };

    it('names the first parameter of another network, with both shapes', async () => {
      const other = (text: Buffer) => text.toString().replace('"name": "lenet5"', '"name": "lenet"');
      const { code, stderr } = await evaluate(changed('config.json', other));
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /best\.safetensors holds weights of another network: "features\.0\.weight" is \[6, 1, 5, 5\] there and \[20, 1, 5, 5\] here/,
      );
    });

    it.each([
      ['cut short', (b: Buffer) => b.subarray(0, b.length - 100)],
      [
        'with a broken header',
        (b: Buffer) => Buffer.concat([b.subarray(0, 8), Buffer.alloc(20, 0x7b), b.subarray(28)]),
      ],
      ['empty', () => Buffer.alloc(0)],
    ])('names a checkpoint %s', async (_what, change) => {
      const { code, stderr } = await evaluate(changed('best.safetensors', change));
      expect(code).toBe(1);
      expect(stderr).toMatch(/^error: .*best\.safetensors/);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    });

    it('names a configuration that is not JSON', async () => {
      const { code, stderr } = await evaluate(changed('config.json', () => '{'));
      expect(code).toBe(1);
      expect(stderr).toMatch(/config\.json is damaged/);
      const listed = await fovea(['runs', '--json'], dir);
      expect(JSON.parse(listed.stdout).runs[0]).toMatchObject({ state: 'done' });
    });

    it('names an image that cannot be read, and predicts none', async () => {
      const good = join(dir, 'photos/a/good.png');
      for (const [file, message] of [
        ['photos/b/bad.png', /bad\.png .*(damaged|not an image)/],
        ['file.txt', /file\.txt is not an image/],
        ['missing.png', /missing\.png: there is no such file/],
      ] as const) {
        const { code, stdout, stderr } = await fovea(['predict', run, good, file, '--device', 'reference'], dir);
        expect(code).toBe(1);
        expect(stderr).toMatch(message);
        expect(stdout.trim().split('\n')).toHaveLength(1);
      }
    });
  });

  it('leaves no run behind', () => {
    expect(existsSync(join(dir, 'out'))).toBe(false);
  });
});

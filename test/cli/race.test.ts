import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, fovea, scratch, start, until } from './process.js';

const dir = scratch('race');
const native = existsSync(new URL('../../build/fovea.node', import.meta.url));
const words = (text: string) => text.split(' ');
const SHARED = '--data shapes --images 200 --size 16 --device reference --batch-size 32';
const race = (text: string) => fovea(['race', ...words(text)], dir);
const weights = (run: string) =>
  createHash('sha256')
    .update(readFileSync(join(dir, run, 'best.safetensors')))
    .digest('hex');

beforeAll(build, 60_000);

interface Answer {
  readonly measure: string;
  readonly images: number;
  readonly contestants: {
    readonly name: string;
    readonly score: number;
    readonly parameters: number;
    readonly multiplyAdds: number;
    readonly memoryBytes: number;
    readonly runs: { readonly seed: number; readonly seconds: number; readonly epochs: number }[];
  }[];
  readonly comparisons: { readonly verdict: string }[];
  readonly conclusions: string[];
  readonly files: string[];
}

describe('a race', () => {
  const args = `lenet5 ${SHARED} --epochs 2 --vary lr=0.01,0.1 --seeds 2`;

  it('trains every contestant with every seed as an ordinary run, and answers with one object', async () => {
    const { code, stdout } = await race(`${args} --out first --json`);
    expect(code).toBe(0);
    const answer = JSON.parse(stdout) as Answer;
    expect(answer).toMatchObject({ measure: 'accuracy', images: 20 });
    expect(answer.contestants.map((c) => c.name).sort()).toEqual(['lenet5 lr=0.01', 'lenet5 lr=0.1']);
    for (const c of answer.contestants) {
      expect(c).toMatchObject({ parameters: 20_961, multiplyAdds: 94_980 });
      expect(c.memoryBytes).toBeGreaterThan(4 * 20_961);
      expect(c.runs.map((r) => [r.seed, r.epochs])).toEqual([
        [1, 2],
        [2, 2],
      ]);
      for (const r of c.runs) expect(r.seconds).toBeGreaterThan(0);
    }
    expect(answer.contestants[0]!.score).toBeGreaterThanOrEqual(answer.contestants[1]!.score);
    expect(answer.comparisons).toHaveLength(1);
    expect(answer.conclusions.join(' ')).toContain('Two seeds are too few');
    for (const file of answer.files) expect(existsSync(join(dir, file))).toBe(true);
    const html = readFileSync(join(dir, 'first/report.html'), 'utf8');
    expect(html.match(/<svg /g)!.length).toBe(7);
    for (const sentence of ['What can be concluded', 'Two seeds are too few', 'lenet5 lr=0.1'])
      expect(html).toContain(sentence);
    // The same run from the command line has the same weights.
    const alone = `lenet5 ${SHARED} --epochs 2 --lr 0.1 --seed 2 --out alone`;
    expect((await fovea(['train', ...words(alone)], dir)).code).toBe(0);
    expect(weights('first/lenet5-lr-0.1-seed2')).toBe(weights('alone'));
  }, 120_000);

  it('goes on after a kill at any moment, to the same weights', async () => {
    const killed = start(['race', ...words(`${args} --out second`)], dir);
    await until(() => existsSync(join(dir, 'second/lenet5-lr-0.1-seed1/metrics.jsonl')));
    killed.child.kill('SIGKILL');
    await killed.ended;
    const { code, stdout } = await race('--out second --resume --device reference');
    expect(code).toBe(0);
    expect(stdout).toContain('report  second/report.html');
    const runs = readdirSync(join(dir, 'second')).filter((f) => f.includes('seed'));
    expect(runs).toHaveLength(4);
    for (const run of runs) expect(weights(`second/${run}`)).toBe(weights(`first/${run}`));
    if (native) {
      const other = await race('--out second --resume');
      expect(other.stderr).toMatch(/^error: the race ran on reference with 1 threads.*go on with --device reference/m);
    }
    // A race that is done only writes its report again.
    const again = await race('--out second --resume --device reference --json');
    expect((JSON.parse(again.stdout) as Answer).contestants).toHaveLength(2);
    expect(again.stderr).not.toContain('seed 1:');
  }, 120_000);

  it('gives everybody the same training time, in turns', async () => {
    const { code, stdout } = await race(`lenet5 lenet ${SHARED} --budget 2s --seeds 1 --out third`);
    expect(code).toBe(0);
    const turns = [...stdout.matchAll(/^(lenet5?) seed 1: (\S+) s of 2\.0 s/gm)].map((m) => [m[1], Number(m[2])]);
    expect(turns.slice(0, 2).map((t) => t[0])).toEqual(['lenet5', 'lenet']);
    expect(turns.length).toBeGreaterThanOrEqual(4);
    for (const name of ['lenet5', 'lenet']) expect(turns.findLast((t) => t[0] === name)![1]).toBeGreaterThanOrEqual(2);
    expect(stdout).toContain('One seed is too few');
  }, 120_000);

  it.skipIf(!native)(
    'measures algorithms for all contestants if that is asked for',
    async () => {
      const args =
        'lenet5 --data shapes --images 80 --size 16 --epochs 1 --vary lr=0.01,0.1 --seeds 1 --tune --out tuned';
      const { code, stderr } = await fovea(['race', ...words(args)], dir, { FOVEA_CACHE: join(dir, 'cache') });
      expect(code, stderr).toBe(0);
      for (const lr of ['0.01', '0.1']) {
        const config = JSON.parse(readFileSync(join(dir, `tuned/lenet5-lr-${lr}-seed1/config.json`), 'utf8'));
        expect(config.training.tune).toBe(true);
      }
    },
    120_000,
  );

  it('takes masks and losses', async () => {
    const masks = 'unet --data cells --images 24 --size 16 --features 4,8 --device reference --batch-size 8 --epochs 2';
    const { code, stdout } = await race(`${masks} --vary loss=bce+dice,focal+dice --seeds 1 --out masks --json`);
    expect(code).toBe(0);
    const answer = JSON.parse(stdout) as Answer;
    expect(answer.measure).toBe('IoU');
    expect(answer.contestants.map((c) => c.name).sort()).toEqual(['unet loss=bce+dice', 'unet loss=focal+dice']);
  }, 120_000);

  it('takes the test images of a folder for the same under all seeds, whatever batch or size sees them', async () => {
    for (const [set, images] of [
      ['train', 12],
      ['test', 35],
    ] as const)
      for (const [c, name] of ['dark', 'light'].entries()) {
        const folder = join(dir, 'pictures', set, name);
        mkdirSync(folder, { recursive: true });
        for (let i = 0; i < images; i++) {
          const pixels = Buffer.from(Array.from({ length: 256 }, (_, p) => ((p * 37 + i * 11) % 90) + 120 * c));
          await sharp(pixels, { raw: { width: 16, height: 16, channels: 1 } }).toFile(join(folder, `${i}.png`));
        }
      }
    const shared = 'lenet5 --data pictures --channels 1 --device reference --epochs 1';
    const { code, stdout, stderr } = await race(
      `${shared} --vary batch-size=8,128 --vary size=16,18 --seeds 2 --out pics --json`,
    );
    expect(code, stderr).toBe(0);
    const answer = JSON.parse(stdout) as Answer;
    expect(answer.images).toBe(70);
    expect(answer.conclusions[0]).toContain('over the 70 images');
    expect(readFileSync(join(dir, 'pics/report.html'), 'utf8')).not.toContain('others for each seed');
    // Generated images, and a split by the seed, are others.
    expect(readFileSync(join(dir, 'first/report.html'), 'utf8')).toContain('others for each seed');
  }, 120_000);

  it('says how to go on when it is interrupted while it measures', async () => {
    // Few images to train on, many to measure on.
    const shared =
      'unet --data cells --images 1500 --test 0.9 --valid 0.05 --size 48 --features 4,8 --device reference';
    const args = `${shared} --batch-size 8 --epochs 1 --vary lr=0.01,0.1 --seeds 1 --out stopped`;
    const started = start(['race', ...words(args)], dir);
    const run = join(dir, 'stopped/unet-lr-0.01-seed1');
    await until(() => existsSync(join(run, 'metrics.jsonl')));
    await new Promise((resolve) => setTimeout(resolve, 300));
    started.child.kill('SIGINT');
    const { code, stdout } = await started.ended;
    expect(code).toBe(130);
    expect(existsSync(join(run, 'result.json'))).toBe(false);
    expect(stdout).toContain('everything is saved in stopped, go on with: fovea race --out stopped --resume');
  }, 120_000);

  it('begins with weights that it needs no more once all runs have checkpoints, and says its notes once', async () => {
    const args = `lenet5 ${SHARED} --budget 3s --weights alone --vary lr=0.001,0.01 --seeds 1 --out onwards`;
    const started = start(['race', ...words(args)], dir);
    await until(() => existsSync(join(dir, 'onwards/lenet5-lr-0.01-seed1/metrics.jsonl')));
    started.child.kill('SIGINT');
    const { stdout } = await started.ended;
    expect(stdout.match(/^begins with alone/gm)).toHaveLength(2);
    expect(stdout.match(/^images are normalised as alone/gm)).toHaveLength(2);
    renameSync(join(dir, 'alone'), join(dir, 'away'));
    const { code, stderr } = await race('--out onwards --resume --device reference');
    expect(code, stderr).toBe(0);
  }, 120_000);

  it.each([
    ['no networks', '--epochs 1 --out x', /^error: which networks\? /],
    ['nowhere to keep it', 'lenet lenet5 --epochs 1', /^error: where is the race to be kept\?/],
    ['no length', 'lenet lenet5 --out x', /^error: how long is the race\? give --budget .* or --epochs/],
    ['two lengths', 'lenet lenet5 --epochs 1 --budget 5s --out x', /^error: how long is the race\?/],
    ['a budget that is none', 'lenet lenet5 --budget soon --out x', /^error: .*--budget.*10m/],
    ['one contestant', 'lenet --epochs 1 --out x', /^error: a race needs at least two contestants/],
    ['one twice', 'lenet lenet --epochs 1 --out x', /^error: lenet is in the race twice/],
    ['a network that is none', 'lenet lenett --epochs 1 --data shapes --out x', /^error: .*lenett/],
    [
      'an option that cannot vary',
      'lenet --vary data=mnist,cifar10 --epochs 1 --out x',
      /^error: --vary data: this cannot/,
    ],
    [
      'a value that is wrong',
      'lenet --vary lr=0.1,-1 --epochs 1 --out x',
      /^error: --lr is -1, expected a number above 0/,
    ],
    [
      'images of its own for each contestant',
      'lenet --vary fold=1/5,2/5 --epochs 1 --out x',
      /^error: --vary fold: this cannot vary in a race; what can: batchSize, (?!.*(valid|images|strict))/,
    ],
    [
      'no number where it takes one',
      'lenet --vary lr=0.1,high --epochs 1 --out x',
      /^error: --vary: --lr is "high", expected a number above 0$/m,
    ],
    [
      'a flag that is neither',
      'lenet --vary drop-last=yes,no --epochs 1 --out x',
      /^error: --vary: --drop-last is "yes", expected true or false$/m,
    ],
    [
      'a value twice',
      'lenet --vary lr=0.1,.1 --epochs 1 --out x',
      /^error: --vary is "lr=0\.1,\.1": 0\.1 and \.1 are the same$/m,
    ],
    [
      'an option twice',
      'lenet --vary lr=0.1,0.2 --vary lr=0.3,0.4 --epochs 1 --out x',
      /^error: --vary names lr twice: give all its values at once$/m,
    ],
    ['no race to go on with', '--out nowhere --resume', /^error: nowhere holds no race/],
    ['a race that is there', 'lenet lenet5 --epochs 1 --out first', /^error: first already holds a race: .*--resume/],
    ['another race', 'lenet lenet5 --out first --resume', /^error: the contestants of a race cannot change/],
    ['another length', '--epochs 3 --out first --resume', /^error: the epochs of a race cannot change/],
  ])('refuses %s in one sentence', async (_, text, sentence) => {
    const { code, stderr } = await race(`${text} --device reference`);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(existsSync(join(dir, 'x'))).toBe(false);
  });
});

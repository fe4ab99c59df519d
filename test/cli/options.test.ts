import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { convolutionsFor } from '../../src/cli/fields.js';
import { describeSpec, parseSpec, splitOutsideBrackets } from '../../src/cli/spec.js';
import { parseLoss } from '../../src/losses/index.js';
import { topClasses } from '../../src/train/ranked.js';
import { build, fovea, scratch } from './process.js';

describe('names with options', () => {
  it.each([
    ['cosine', { name: 'cosine' }],
    ['step:step-size=5,gamma=0.5', { name: 'step', options: { stepSize: 5, gamma: 0.5 } }],
    ['multi-step:milestones=[3,6],gamma=0.1', { name: 'multi-step', options: { milestones: [3, 6], gamma: 0.1 } }],
    ['sgd:nesterov=true', { name: 'sgd', options: { nesterov: true } }],
    ['x:mode=fast', { name: 'x', options: { mode: 'fast' } }],
  ])('%s', (text, spec) => expect(parseSpec(text)).toEqual(spec));

  it('says what is wrong', () => expect(() => parseSpec('step:5')).toThrow('"5" in "step:5" is no option'));

  it('splits lists, but not within brackets', () =>
    expect(splitOutsideBrackets('a, b:[1,2],{x:1,y:2} ,')).toEqual(['a', 'b:[1,2]', '{x:1,y:2}']));

  it('reads well', () => {
    expect(describeSpec({ name: 'sgd', options: { lr: 0.01, nesterov: false } })).toBe('sgd (lr 0.01)');
    expect(describeSpec(parseLoss('bce+0.5*dice').spec)).toBe('bce + 0.5 dice');
  });
});

it('compiles a run as it was trained, unless something else is asked for now', () => {
  const trained = { exact: { exact: true }, tuned: { tune: true } };
  expect({ ...trained.exact, ...convolutionsFor({}) }).toEqual({ exact: true, tune: false });
  expect({ ...trained.exact, ...convolutionsFor({ tune: true }) }).toEqual({ exact: false, tune: true });
  expect({ ...trained.tuned, ...convolutionsFor({}) }).toEqual({ tune: false });
  expect({ ...trained.tuned, ...convolutionsFor({ exact: true }) }).toEqual({ exact: true, tune: false });
  // Both at once contradict each other, and that is said.
  expect(convolutionsFor({ exact: true, tune: true })).toEqual({ exact: true, tune: true });
});

it('ranks classes by softmax, of equal ones the first, without overflow', () => {
  const [a, b] = topClasses(Float32Array.of(0, 1, 0, 900, 900, -900), 3, 2);
  expect(a!.map((r) => r.index)).toEqual([1, 0]);
  expect(a![0]!.probability).toBeCloseTo(Math.E / (Math.E + 2), 7);
  expect(b).toEqual([
    { index: 0, probability: 0.5 },
    { index: 1, probability: 0.5 },
  ]);
});

describe('the command line as a whole', () => {
  const dir = scratch('options');
  beforeAll(build, 120_000);

  it('knows its version and shows help on every command', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect((await fovea(['--version'], dir)).stdout).toBe(`${version}\n`);
    const help = (await fovea(['--help'], dir)).stdout;
    for (const command of ['train', 'eval', 'predict', 'runs', 'data', 'doctor', 'demo']) {
      expect(help).toMatch(new RegExp(`^  ${command} `, 'm'));
      const { code, stdout } = await fovea([command, '--help'], dir);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Usage: fovea /);
      if (command !== 'data') expect(stdout).toContain('--config <file>');
    }
  });

  it('takes options from a file, and those on the command line win', async () => {
    writeFileSync(
      join(dir, 'run.json'),
      JSON.stringify({
        model: 'lenet5',
        data: 'shapes',
        images: 60,
        size: [16, 16],
        device: 'reference',
        'batch-size': 20,
        epochs: 7,
        optimizer: { name: 'adam', options: { lr: 0.002 } },
        scheduler: 'step:step-size=1,gamma=0.5',
        metrics: ['accuracy', 'f1'],
        'label-smoothing': 0.1,
        clipNorm: 1,
        out: 'runs/configured',
      }),
    );
    const { code, stderr } = await fovea(['train', '--config', 'run.json', '--epochs', '2'], dir);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { training } = JSON.parse(readFileSync(join(dir, 'runs/configured/config.json'), 'utf8'));
    expect(training).toMatchObject({
      epochs: 2,
      batchSize: 20,
      optimizer: { name: 'adam', options: { lr: 0.002 } },
      scheduler: { name: 'step', options: { stepSize: 1, gamma: 0.5 } },
      loss: { name: 'cross-entropy', options: { labelSmoothing: 0.1 } },
      clip: { norm: 1 },
    });
    const rates = readFileSync(join(dir, 'runs/configured/metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rates.map((r) => r.lr)).toEqual([0.002, 0.001]);
    expect(rates[1].valid.f1).toBeGreaterThanOrEqual(0);
    const report = readFileSync(join(dir, 'runs/configured/report.html'), 'utf8');
    for (const text of ['<h2>Learning rate</h2>', '<dd>adam (lr 0.002, '])
      expect(report.includes(text), text).toBe(true);
  }, 60_000);

  it('finds a free directory for each run', async () => {
    const args = 'train lenet5 --data shapes --images 50 --size 16 --device reference --epochs 1 --json'.split(' ');
    const runs = [await fovea(args, dir), await fovea(args, dir)].map((r) => JSON.parse(r.stdout).run);
    expect(runs).toEqual(['runs/lenet5-shapes', 'runs/lenet5-shapes-2']);
  }, 60_000);

  it('is quiet when told to', async () => {
    const args = 'train lenet5 --data shapes --images 50 --size 16 --device reference --epochs 1 --out q --quiet';
    const { stdout, stderr } = await fovea(args.split(' '), dir);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^device: [^\n]*\n\n {2}test accuracy/);
  }, 60_000);

  it('has no runs at first', async () => {
    const { code, stdout } = await fovea(['runs'], scratch('none'));
    expect(code).toBe(0);
    expect(stdout).toContain('there are no runs in runs');
  });

  it('looks at data sets', async () => {
    const { stdout } = await fovea(['data', 'show', 'shapes', '--json'], dir);
    const report = JSON.parse(stdout);
    expect(report.parts.train.images).toBe(4800);
    expect(report.parts.train.perClass.reduce((a: number, b: number) => a + b)).toBe(4800);
    const listed = JSON.parse((await fovea(['data', 'list', '--json'], dir)).stdout);
    expect(listed.datasets.map((d: { name: string }) => d.name)).toEqual(expect.arrayContaining(['mnist', 'shapes']));
  });

  it('examines the machine', async () => {
    const { code, stdout } = await fovea(['doctor', '--json'], dir);
    expect(code).toBe(0);
    const found = JSON.parse(stdout);
    expect(found.node).toBe(process.versions.node);
    expect(found.cpu.cores).toBeGreaterThan(0);
    expect(found.memory.total).toBeGreaterThan(2 ** 28);
    expect(found.native.built).toBe(found.native.problem === undefined);
    if (found.native.built) expect(found.gflops).toBeGreaterThan(1);
    else expect(found.advice.join()).toContain(found.native.problem);
  });
});

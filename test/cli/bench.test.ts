import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, fovea, scratch } from './process.js';

const dir = scratch('bench');
beforeAll(build, 120_000);

/** A network that compiles and runs in no time. */
const QUICK = ['bench', 'lenet5', '--batch', '4', '--repeats', '3'];
const events = (file: string) => JSON.parse(readFileSync(join(dir, file), 'utf8')).traceEvents as { ph: string }[];

describe('fovea bench', () => {
  it('tells time, speed and memory as one object', async () => {
    const { code, stdout, stderr } = await fovea([...QUICK, '--threads', '1', '--classes', '7', '--json'], dir);
    expect(code, stderr).toBe(0);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({
      model: 'lenet5',
      input: [1, 28, 28],
      batch: 4,
      mode: 'train',
      exact: false,
      threads: 1,
      repeats: 3,
      parameters: 61_706 - 3 * 85,
      device: { backend: 'native', threads: 1 },
      loss: 'cross-entropy',
    });
    expect(found.minMs).toBeGreaterThan(0);
    expect(found.medianMs).toBeGreaterThanOrEqual(found.minMs);
    expect(found.imagesPerSecond).toBeCloseTo(4000 / found.medianMs, 6);
    expect(found.peakBytes).toBeGreaterThan(found.programBytes);
    // Forward, gradients of weights and of inputs; the first layer's input wants none.
    const [c1, rest] = [28 * 28 * 6 * 25, 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 7];
    expect(found.gflops * found.medianMs * 1e6).toBeCloseTo(2 * 4 * (2 * c1 + 3 * rest), -2);
    expect(stderr).toMatch(/^device: native/);
    expect(found.profile).toBeUndefined();
  });

  it('times inference of the shape it is given, for a person', async () => {
    const args = ['bench', 'unet:features=[4,8]', '--input', '2x32x48', '--mode', 'infer', '--repeats', '1', '--exact'];
    const { code, stdout, stderr } = await fovea(args, dir);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('unet, 2x32x48, batch 8, inference (direct convolution only)');
    expect(stdout).toMatch(/time {2,}[\d.]+ ms \(one run\), [\d.,]+ images\/s/);
    expect(stdout).not.toContain('kind');
  });

  it('shows where the time goes in 100 columns, and writes a trace', async () => {
    const { code, stdout, stderr } = await fovea([...QUICK, '--profile', '--trace', 'traces/a.json'], dir);
    expect(code, stderr).toBe(0);
    for (const word of ['convolution', 'matrix product', 'update', 'features.3', 'limit: ', 'traces/a.json'])
      expect(stdout).toContain(word);
    // The sentences about the run are not wrapped, the tables are narrow.
    const tables = stdout.slice(stdout.indexOf('kind '), stdout.indexOf('limit: ')).split('\n');
    for (const line of tables) expect(line.length).toBeLessThanOrEqual(100);
    expect(events('traces/a.json').filter((e) => e.ph === 'X').length).toBeGreaterThan(100);
  });

  it('gives the profile as numbers that add up', async () => {
    const { stdout } = await fovea([...QUICK, '--profile', '--depth', '1', '--json'], dir);
    const { profile } = JSON.parse(stdout);
    expect(profile.runs).toBe(5);
    expect(profile.attainable.gflops).toBeGreaterThan(0);
    expect(profile.layers.map((r: { name: string }) => r.name)).toEqual(
      expect.arrayContaining(['features', 'classifier', '(loss)']),
    );
    const sum = profile.kinds.reduce((ms: number, r: { ms: number }) => ms + r.ms, 0);
    expect(sum).toBeCloseTo(profile.ms, 6);
  });

  it.each([
    [['--trace', '/proc/none/t.json'], 1, /^error: cannot write \/proc\/none\/t\.json: /m],
    [['--trace', '.'], 1, /^error: cannot write \.: it is a directory, not a file$/m],
    [['--profile', '--device', 'reference'], 1, /^error: a profile needs the native device: /m],
    [['--loss', 'banana'], 1, /^error: unknown loss "banana"/m],
    [['--input', '1x3x3'], 1, /^error: lenet5: images of 3x3 are too small/m],
    [['--batch', '0'], 1, /^error: --batch is 0, expected a whole number of at least 1$/m],
    [['--mode', 'test'], 1, /^error: --mode is "test", expected one of train, infer$/m],
  ])('says in one sentence what is wrong with %j', async (args, exit, message) => {
    const { code, stderr } = await fovea(['bench', 'lenet5', ...args], dir);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(exit);
  });
});

describe('fovea train --profile', () => {
  const RUN = '--data shapes --images 160 --size 16 --batch-size 16 --epochs 1 --seed 3 --device native'.split(' ');

  it('changes no bit of the run, and stays out of its configuration', async () => {
    const files = ['last.safetensors', 'best.safetensors'];
    const runs = [
      ['plain', []],
      ['watched', ['--profile', '--trace', 'train.json']],
    ] as const;
    for (const [name, more] of runs) {
      const args = ['train', 'lenet', ...RUN, '--accumulate', '2', ...more, '--out', name, '--json'];
      const { code, stdout, stderr } = await fovea(args, dir);
      expect(code, stderr).toBe(0);
      const { profile } = JSON.parse(stdout);
      if (more.length === 0) {
        expect(profile).toBeUndefined();
        continue;
      }
      // A batch and the update from the sums are programs of their own; the update runs at every second batch.
      expect(profile.phases.forward).toBeGreaterThan(0);
      expect(profile.phases.update).toBeGreaterThan(0);
      expect(stderr).toContain('lenet on shapes, training step');
    }
    for (const file of files)
      expect(readFileSync(join(dir, 'watched', file)).equals(readFileSync(join(dir, 'plain', file))), file).toBe(true);
    const config = JSON.parse(readFileSync(join(dir, 'watched', 'config.json'), 'utf8'));
    expect(JSON.stringify(config.training)).not.toContain('profile');
    expect(events('train.json').filter((e) => e.ph === 'X').length).toBeGreaterThan(50);
  });

  it('refuses a trace that cannot be written before anything is trained', async () => {
    mkdirSync(join(dir, 'taken'));
    const { code, stderr } = await fovea(['train', 'lenet', ...RUN, '--trace', 'taken', '--out', 'never'], dir);
    expect(code).toBe(1);
    expect(stderr).toContain('error: cannot write taken: it is a directory, not a file');
    expect(existsSync(join(dir, 'never'))).toBe(false);
  });
});

describe('--exact', () => {
  it('is kept with the run and cannot change when it goes on', async () => {
    const args = 'train lenet --data shapes --images 80 --size 16 --epochs 1 --out exact --exact --json'.split(' ');
    const { code, stderr } = await fovea(args, dir);
    expect(code, stderr).toBe(0);
    const config = () => JSON.parse(readFileSync(join(dir, 'exact', 'config.json'), 'utf8'));
    expect(config().training.exact).toBe(true);
    const resumed = await fovea(['train', '--resume', 'exact', '--epochs', '2', '--json'], dir);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(config().training).toMatchObject({ exact: true, epochs: 2 });
    const changed = await fovea(['train', '--resume', 'exact', '--exact'], dir);
    expect(changed.stderr).toContain('error: --exact cannot change when a run goes on');
    expect(changed.code).toBe(2);
    expect((await fovea(['eval', 'exact', '--exact', '--json'], dir)).code).toBe(0);
    // It may be measured now all the same.
    const tuned = await fovea(['eval', 'exact', '--tune', '--json'], dir, { FOVEA_CACHE: join(dir, 'cache') });
    expect(tuned.code, tuned.stderr).toBe(0);
  });
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { openData } from '../../src/data/open.js';
import { saveImage } from '../../src/node/image.js';
import { build, fovea, type Outcome, SMALL, scratch } from './process.js';

describe('a run on the command line', () => {
  const dir = scratch('train');
  const run = join(dir, 'runs/small');
  let trained: Outcome;

  beforeAll(async () => {
    build();
    trained = await fovea(['train', 'lenet5', ...SMALL, '--epochs', '3', '--out', 'runs/small'], dir);
  }, 120_000);

  const read = (name: string) => readFileSync(join(run, name), 'utf8');
  const records = () =>
    read('metrics.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('says the device first, then a line an epoch, then a summary', () => {
    expect(trained.stderr).toBe('');
    expect(trained.code).toBe(0);
    const lines = trained.stdout.split('\n');
    expect(lines[0]).toMatch(/^device: reference \(TypeScript\), 1 thread; .*--device reference/);
    const epochs = lines.filter((line) => line.startsWith('epoch '));
    expect(epochs).toHaveLength(3);
    for (const line of epochs) expect(line).toMatch(/train loss .* valid loss .* images\/s/);
    expect(trained.stdout).toMatch(/test accuracy +\d+\.\d\d % \(\d+ wrong of 20\)/);
    expect(trained.stdout).toContain('runs/small/report.html');
  });

  it('leaves a run directory with configuration, a line an epoch and two checkpoints', () => {
    const files = readdirSync(run);
    for (const name of ['config.json', 'metrics.jsonl', 'best.safetensors', 'last.safetensors'])
      expect(files).toContain(name);
    expect(files.filter((f) => f.endsWith('.tmp'))).toEqual([]);
    const lines = records();
    expect(lines.map((r) => r.epoch)).toEqual([1, 2, 3]);
    for (const r of lines) {
      for (const set of [r.train, r.valid]) {
        expect(set.loss).toBeGreaterThan(0);
        expect(set.accuracy).toBeGreaterThanOrEqual(0);
        expect(set.accuracy).toBeLessThanOrEqual(1);
      }
      expect(r.lr).toBe(0.05);
      expect(r.seconds).toBeGreaterThan(0);
      expect(r.imagesPerSecond).toBeGreaterThan(0);
    }
    const config = JSON.parse(read('config.json'));
    expect(config.model).toEqual({ name: 'lenet5' });
    expect(config.inputShape).toEqual([1, 16, 16]);
    expect(config.training).toMatchObject({ epochs: 3, batchSize: 32, seed: 3 });
    expect(config.training.optimizer).toMatchObject({ name: 'sgd', options: { lr: 0.05, momentum: 0.9 } });
  });

  it('draws pictures that programs can read', async () => {
    for (const name of ['loss.svg', 'accuracy.svg', 'confusion.svg']) {
      const { format, width, height } = await sharp(join(run, name)).metadata();
      expect(format).toBe('svg');
      expect(Math.min(width, height)).toBeGreaterThan(200);
      // More than a blank page.
      const { entropy } = await sharp(join(run, name)).stats();
      expect(entropy).toBeGreaterThan(0.05);
    }
    const sheet = await sharp(join(run, 'samples.png')).metadata();
    expect(sheet.format).toBe('png');
    expect(sheet.width).toBeGreaterThan(800);
  });

  it('writes one page that needs nothing beside it and tells what eval tells', async () => {
    const html = read('report.html');
    expect(html.startsWith('<!doctype html>')).toBe(true);
    expect(/<script|<link|@import/.test(html)).toBe(false);
    const outside = [...html.matchAll(/(?:src|href)="([^"]*)"|url\(([^)]*)\)/g)].map((m) => m[1] ?? m[2]!);
    expect(outside.filter((u) => !u.startsWith('data:'))).toEqual([]);
    expect(html.match(/<svg /g)!.length).toBeGreaterThanOrEqual(3);
    expect(html.match(/src="data:image\/png/g)).toHaveLength(20);

    const { code, stdout, stderr } = await fovea(['eval', run, '--device', 'reference', '--json'], dir);
    expect(code).toBe(0);
    const result = JSON.parse(stdout);
    expect(stderr).toMatch(/^device: /);
    expect(result).toMatchObject({ split: 'test', images: 20, weights: 'best' });
    const shown = `${(result.accuracy * 100).toFixed(2)} %</b><span>test accuracy`;
    expect(html.includes(shown), shown).toBe(true);
    const hits = result.confusion.reduce((sum: number, row: number[], i: number) => sum + row[i]!, 0);
    expect(hits / 20).toBeCloseTo(result.accuracy, 12);
  });

  it('measures on the validation split just what the best epoch measured', async () => {
    const { stdout } = await fovea(['eval', run, '--device', 'reference', '--split', 'valid', '--json'], dir);
    const result = JSON.parse(stdout);
    const best = records().reduce((a, b) => (b.valid.accuracy > a.valid.accuracy ? b : a));
    expect(result.loss).toBeCloseTo(best.valid.loss, 6);
    expect(result.accuracy).toBe(best.valid.accuracy);
  });

  it('predicts images from files', async () => {
    const { test } = await openData('shapes', { images: 200, size: 16, seed: 3 });
    const files: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { image } = await test!.get(i);
      files.push(join(dir, `image-${i}.png`));
      await saveImage(files[i]!, { data: image, shape: [1, 16, 16] });
    }
    const args = ['predict', run, ...files, '--device', 'reference'];
    const { code, stdout } = await fovea([...args, '--json', '--top', '5'], dir);
    expect(code).toBe(0);
    const { predictions } = JSON.parse(stdout);
    expect(predictions.map((p: { file: string }) => p.file)).toEqual(files);
    for (const { top } of predictions) {
      expect(top).toHaveLength(5);
      const p = top.map((t: { probability: number }) => t.probability);
      expect(p.reduce((a: number, b: number) => a + b)).toBeCloseTo(1, 6);
      expect([...p].sort((a: number, b: number) => b - a)).toEqual(p);
    }
    const plain = await fovea(args, dir);
    expect(plain.stdout.split('\n')[1]).toContain(`${files[0]}  ${predictions[0].top[0].class}`);
  });

  it('lists runs with their state', async () => {
    const { stdout } = await fovea(['runs', '--json'], dir);
    const { runs } = JSON.parse(stdout);
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({
      run: 'runs/small',
      model: 'lenet5',
      data: 'shapes',
      epochs: 3,
      planned: 3,
      state: 'done',
    });
    const plain = await fovea(['runs'], dir);
    expect(plain.stdout).toMatch(/runs\/small +lenet5 +shapes +3\/3 +valid\.accuracy .* done/);
  });

  it('does not touch a run that is there, unless told to', async () => {
    const before = read('last.safetensors');
    const args = ['train', 'lenet5', ...SMALL, '--epochs', '1', '--out', 'runs/small'];
    const refused = await fovea(args, dir);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^error: runs\/small already holds a run: .*--resume.*--overwrite/);
    expect(read('last.safetensors')).toBe(before);
    const replaced = await fovea([...args, '--overwrite', '--json'], dir);
    expect(replaced.code).toBe(0);
    const answer = JSON.parse(replaced.stdout);
    expect(answer).toMatchObject({ run: 'runs/small', reason: 'done', epochs: 1, test: { images: 20 } });
    for (const file of answer.files) expect(existsSync(join(dir, file))).toBe(true);
    expect(records()).toHaveLength(1);
  });

  it('predicts time and memory and writes nothing when asked to', async () => {
    const before = readdirSync(join(dir, 'runs'));
    const args = ['train', 'lenet5', ...SMALL, '--epochs', '4', '--dry-run'];
    const { code, stdout } = await fovea([...args, '--json'], dir);
    expect(code).toBe(0);
    const p = JSON.parse(stdout);
    expect(p.epochs).toBe(4);
    for (const n of [p.stepSeconds, p.trainSeconds, p.validSeconds, p.imagesPerSecond]) expect(n).toBeGreaterThan(0);
    expect(p.totalSeconds).toBeCloseTo(4 * (p.trainSeconds + p.validSeconds), 9);
    expect(p.peakBytes).toBeGreaterThan(p.deviceBytes);
    const plain = await fovea(args, dir);
    expect(plain.stdout).toMatch(
      /^predicted: \S+ s an epoch \(training .* images\/s; validation .*\), .* for 4 epochs; peak memory \d+ MB$/m,
    );
    expect(readdirSync(join(dir, 'runs'))).toEqual(before);
  });

  it('says what was predicted, which part of it was reached, what the doctor saw; and logs for TensorBoard', async () => {
    const small = '--data shapes --images 200 --size 16 --device reference --batch-size 8 --seed 3'.split(' ');
    const high = [
      'train',
      'lenet5',
      ...small,
      '--lr',
      '0.3',
      '--epochs',
      '4',
      '--out',
      'runs/high',
      '--log',
      'tensorboard',
    ];
    const { code, stdout, stderr } = await fovea([...high, '--json'], dir);
    expect(code).toBe(0);
    const { predicted, findings } = JSON.parse(stdout);
    expect(predicted.imagesPerSecond).toBeGreaterThan(0);
    expect(findings.map((f: { ailment: string }) => f.ailment)).toContain('learning-rate-too-high');
    expect(stderr).toMatch(
      /^warning: the learning rate 0\.3 is too high: .*; start again with a tenth of it \(--lr 0\.03\)/m,
    );
    expect(stderr).toMatch(/^epoch 4\/4 .* images\/s \(\d+ % of predicted\)/m);
    const events = () => readdirSync(join(dir, 'runs/high')).filter((f) => f.startsWith('events.out.tfevents.'));
    expect(events()).toHaveLength(1);
    const more = ['train', '--resume', 'runs/high', '--epochs', '5', '--device', 'reference', '--doctor', 'off'];
    expect((await fovea(more, dir)).stderr).toBe('');
    expect(events()).toHaveLength(2);
  });

  it('logs the last losses of a run that diverges', async () => {
    const text = 'lenet5 --data shapes --images 200 --size 16 --device reference --batch-size 8 --lr 1e38 --epochs 1';
    const args = ['train', ...text.split(' '), '--out', 'runs/burst', '--log', 'tensorboard'];
    const { code, stderr } = await fovea(args, dir);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: training stopped at step \d+/m);
    const [file, ...rest] = readdirSync(join(dir, 'runs/burst')).filter((f) => f.startsWith('events.out.tfevents.'));
    expect(rest).toEqual([]);
    expect(readFileSync(join(dir, 'runs/burst', file!), 'latin1')).toContain('step/loss');
  });

  it('goes on with a run for more epochs', async () => {
    const more = await fovea(['train', '--resume', 'runs/small', '--epochs', '2', '--device', 'reference'], dir);
    expect(more.stderr).toBe('');
    expect(more.code).toBe(0);
    expect(more.stdout).toContain('going on at epoch 2');
    expect(records().map((r) => r.epoch)).toEqual([1, 2]);
  });
});

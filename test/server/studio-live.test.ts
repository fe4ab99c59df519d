import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunDetail, RunSummary, Started, StepSeries } from '../../src/server/studio/api.js';
import { build, fovea, SMALL, scratch, start, until } from '../cli/process.js';
import { ask, type Listener, listen, type Open, open, post } from './studio.js';

/** Options of a small run, as the page sends them. */
const OPTIONS = { data: 'shapes', images: 200, size: '16', device: 'reference', batchSize: 32, lr: '0.05', seed: 3 };

describe('the studio while runs go on', () => {
  const dir = scratch('studio-live');
  const runs = join(dir, 'runs');
  let studio: Open;
  let page: Listener;
  const ours: ChildProcess[] = [];

  beforeAll(async () => {
    build();
    mkdirSync(runs);
    studio = await open(dir);
    page = await listen(studio.url);
  }, 120_000);
  afterAll(() => {
    page?.leave();
    for (const child of ours) child.kill('SIGKILL');
  });

  const summary = async (id: string) =>
    (await ask(studio.url, '/api/runs')).json<RunSummary[]>().find((r) => r.id === id);
  const path = (id: string, rest = '') => `/api/runs/${encodeURIComponent(id)}${rest}`;

  it('starts a run, tells its steps as they are done, stops it saved, and goes on with it', async () => {
    const { url } = studio;
    const asked = await post(url, '/api/runs', { model: 'lenet5', options: { ...OPTIONS, epochs: '400' } });
    expect(asked.status, asked.body.toString()).toBe(201);
    const { id } = asked.json<Started>();
    expect(id).toBe('lenet5-shapes');
    const first = await page.next('lines', (e) => e.id === id && e.lines.some((l) => l.type === 'steps'));
    expect(first.lines.length).toBeGreaterThan(0);
    const { run } = await page.next('run', (e) => e.run.id === id && (e.run.live?.imagesPerSecond ?? 0) > 0);
    expect(run).toMatchObject({ state: 'running', planned: 400, live: { batches: 5 } });
    expect(run.live!.secondsLeft).toBeGreaterThan(0);
    await page.next('lines', (e) => e.id === id && e.lines.some((l) => l.type === 'epoch'));
    expect((await post(url, path(id, '/resume'))).status).toBe(409);

    expect((await post(url, path(id, '/stop'))).json()).toEqual({ id });
    // A second one would end it unsaved.
    await post(url, path(id, '/stop'));
    await page.next('run', (e) => e.run.id === id && e.run.state === 'interrupted');
    const ended = await page.next('lines', (e) => e.id === id && e.lines.some((l) => l.type === 'end'));
    expect(ended.lines.at(-1)).toMatchObject({ type: 'end', reason: 'interrupted' });
    expect((await post(url, path(id, '/stop'))).status).toBe(409);
    const steps = (await ask(url, path(id, '/steps'))).json<StepSeries>();
    const done = steps.step.at(-1)!;
    expect(done).toBeGreaterThan(5);
    expect(steps.step).toEqual([...new Set(steps.step)].sort((a, b) => a - b));

    const before = page.events.length;
    expect((await post(url, path(id, '/resume'), { options: { lr: 1 } })).json()).toMatchObject({ field: 'lr' });
    expect((await post(url, path(id, '/resume'))).json()).toEqual({ id });
    const lines = () =>
      page.events.slice(before).flatMap((e) => (e.type === 'lines' && e.id === id ? [...e.lines] : []));
    await until(() => lines().some((l) => l.type === 'steps'));
    // Only what is new is told.
    expect(lines()[0]).toMatchObject({ type: 'start', step: done });
    expect(lines().find((l) => l.type === 'steps')!.step[0]).toBeGreaterThan(done);
    expect((await summary(id))!.state).toBe('running');
    await post(url, path(id, '/stop'));
    await until(() => lines().some((l) => l.type === 'end'));
  }, 90_000);

  it('tells what is wrong with a start in the words of fovea train, at the field', async () => {
    const { url } = studio;
    const options = { ...OPTIONS, data: 'photos-of-nobody' };
    const asked = await post(url, '/api/runs', { model: 'lenet5', options });
    expect(asked.status).toBe(422);
    expect(asked.json()).toMatchObject({ field: 'data', error: expect.stringContaining('photos-of-nobody') });
    expect(existsSync(join(runs, 'lenet5-photos-of-nobody'))).toBe(false);
    const planned = await post(url, '/api/plan', { model: 'lenet5', options: { ...OPTIONS, epochs: 3 } });
    expect(planned.json()).toMatchObject({ ok: true, parameters: expect.any(Number) });
    expect(planned.json().totalSeconds).toBeCloseTo(3 * (planned.json().epochSeconds as number), 6);
    expect((await post(url, '/api/plan', { model: 'lenet5', options: { loss: 'dicee' } })).json()).toMatchObject({
      ok: false,
      field: 'loss',
      error: expect.stringContaining('did you mean "dice"'),
    });
    expect((await post(url, '/api/plan', { model: 'lenet5', options: { epochs: 1.5 } })).json()).toEqual({
      ok: false,
      field: 'epochs',
      error: '--epochs is 1.5, expected a whole number of at least 1',
    });
  }, 60_000);

  it('lets a new plan take the place of the one that is measured', async () => {
    const plan = (epochs: number) =>
      post(studio.url, '/api/plan', { model: 'lenet5', options: { ...OPTIONS, epochs } });
    const [old, fresh] = await Promise.all([
      plan(1),
      new Promise((resolve) => setTimeout(resolve, 100)).then(() => plan(2)),
    ]);
    expect([old.status, fresh.status]).toEqual([409, 200]);
    expect(fresh.json()).toMatchObject({ ok: true });
  }, 60_000);

  it('shows and stops a run of another terminal, and nothing that is none', async () => {
    const { url } = studio;
    const args = ['train', 'lenet5', ...SMALL, '--epochs', '400', '--out', 'runs/deep/elsewhere'];
    const { child, ended } = start(args, dir);
    ours.push(child);
    await page.next('run', (e) => e.run.id === 'deep/elsewhere' && e.run.state === 'running');
    await page.next('lines', (e) => e.id === 'deep/elsewhere' && e.lines.some((l) => l.type === 'steps'));

    // The number of a process that is no training, in a file that says so.
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    ours.push(other);
    const forged = join(runs, 'forged');
    mkdirSync(forged);
    for (const name of ['config.json', 'last.safetensors'])
      cpSync(join(runs, 'deep/elsewhere', name), join(forged, name));
    writeFileSync(join(forged, 'metrics.jsonl'), '');
    const line = { time: Date.now(), type: 'start', host: hostname(), epochs: 1, batches: 1, step: 0 };
    for (const pid of [other.pid, process.pid, 1, -child.pid!]) {
      writeFileSync(join(forged, 'live.jsonl'), `${JSON.stringify({ ...line, pid })}\n`);
      expect((await summary('forged'))!.state, String(pid)).toBe('interrupted');
      expect((await post(url, path('forged', '/stop'))).status).toBe(409);
    }
    // A training, but one that began after this was written: another one with the same number.
    writeFileSync(join(forged, 'live.jsonl'), `${JSON.stringify({ ...line, pid: child.pid, time: 1000 })}\n`);
    expect((await summary('forged'))!.state).toBe('interrupted');
    expect(other.exitCode ?? other.signalCode).toBe(null);

    expect((await post(url, path('deep/elsewhere', '/stop'))).status).toBe(200);
    expect((await ended).code).toBe(130);
    await page.next('run', (e) => e.run.id === 'deep/elsewhere' && e.run.state === 'interrupted');
  }, 60_000);

  it('reads lines that are half written, voids steps that were done anew, and sees folders come and go', async () => {
    const { url } = studio;
    const { code, stderr } = await fovea(
      ['train', 'lenet5', ...SMALL, '--epochs', '1', '--out', join(dir, 'apart')],
      dir,
    );
    expect(code, stderr).toBe(0);
    const run = join(runs, 'arrived');
    cpSync(join(dir, 'apart'), run, { recursive: true });
    await page.next('run', (e) => e.run.id === 'arrived' && e.run.state === 'done');

    const live = join(run, 'live.jsonl');
    const json = (line: object) => `${JSON.stringify({ time: Date.now(), ...line })}\n`;
    const begin = (step: number) =>
      json({ type: 'start', pid: 0, host: 'another', epochs: 2, batches: 5, step, device: {} });
    const steps = (...step: number[]) =>
      json({ type: 'steps', epoch: 1, batch: 1, step, loss: step, lr: step.map(() => 0.1), imagesPerSecond: 5 });
    writeFileSync(live, begin(0) + steps(1, 2, 3) + steps(4, 5, 6));
    const series = async () => (await ask(url, path('arrived', '/steps'))).json<StepSeries>();
    expect((await series()).step).toEqual([1, 2, 3, 4, 5, 6]);
    // Cut short by a crash, then resumed from an earlier checkpoint.
    appendFileSync(live, steps(7, 8).slice(0, 60));
    expect((await series()).step).toEqual([1, 2, 3, 4, 5, 6]);
    appendFileSync(live, `\n${begin(3)}${steps(4, 7)}`);
    expect(await series()).toEqual({
      step: [1, 2, 3, 4, 7],
      loss: [1, 2, 3, 4, 7],
      lr: Array(5).fill(0.1),
      batches: 5,
    });
    appendFileSync(
      live,
      json({ type: 'warning', message: 'careful' }) + json({ type: 'end', reason: 'failed', message: 'no' }),
    );
    const detail = (await ask(url, path('arrived'))).json<RunDetail>();
    expect(detail.notes.map((n) => n.text)).toEqual(['careful', 'no']);
    expect(detail.reason).toBe('no');

    mkdirSync(join(run, 'samples'), { recursive: true });
    cpSync(join(run, 'samples.png'), join(run, 'samples/epoch-010.png'));
    await page.next('files', (e) => e.id === 'arrived');
    const sheets = (await ask(url, path('arrived'))).json<RunDetail>().sheets;
    expect(sheets).toEqual([{ epoch: 10, file: 'epoch-010.png' }]);
    rmSync(run, { recursive: true });
    await page.next('gone', (e) => e.id === 'arrived');
    expect((await ask(url, path('arrived'))).status).toBe(404);
  }, 60_000);

  it('thins a long run to 20,000 points of its whole length', async () => {
    const { url } = studio;
    const run = join(runs, 'long');
    cpSync(join(dir, 'apart'), run, { recursive: true });
    const parts = ['{"time":1,"type":"start","pid":0,"host":"x","epochs":1,"batches":90000,"step":0,"device":{}}\n'];
    for (let from = 1; from <= 90_000; from += 10) {
      const step = Array.from({ length: 10 }, (_, i) => from + i);
      parts.push(
        `${JSON.stringify({ time: from, type: 'steps', epoch: 1, batch: from, step, loss: step, lr: step, imagesPerSecond: 1 })}\n`,
      );
    }
    writeFileSync(join(run, 'live.jsonl'), parts.join(''));
    const series = (await ask(url, path('long', '/steps'))).json<StepSeries>();
    // Five by five.
    expect(series.step).toHaveLength(18_000);
    expect(series.step.slice(0, 2)).toEqual([5, 10]);
    expect(series.loss.slice(0, 2)).toEqual([3, 8]);
    expect(series.step.at(-1)).toBe(90_000);
  });

  it('begins to tell with what a page may have missed, and stops and saves its runs when it ends', async () => {
    const own = await open(join(dir, 'own'), { root: runs });
    const asked = await post(own.url, '/api/runs', { model: 'lenet5', options: { ...OPTIONS, epochs: 400 } });
    const { id } = asked.json<Started>();
    const live = join(runs, id, 'live.jsonl');
    await until(() => existsSync(live) && readFileSync(live, 'utf8').includes('"steps"'));
    const late = await listen(own.url);
    const { lines } = await late.next('lines', (e) => e.id === id);
    expect(lines.length).toBeGreaterThan(0);
    expect(own.studio.training).toBe(1);
    await own.studio.close();
    expect(JSON.parse(readFileSync(live, 'utf8').trim().split('\n').at(-1)!)).toMatchObject({
      type: 'end',
      reason: 'interrupted',
    });
    expect(own.studio.training).toBe(0);
    await expect(ask(own.url, '/')).rejects.toThrow();
    expect(studio.errors).toEqual([]);
  }, 60_000);
});

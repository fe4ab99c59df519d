import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { About, RunDetail, RunSummary, StartForm, StepSeries } from '../../src/server/studio/api.js';
import { build, fovea, SMALL, scratch } from '../cli/process.js';
import { ask, type Open, open, post } from './studio.js';

describe('the studio', () => {
  const dir = scratch('studio');
  const runs = join(dir, 'runs');
  let studio: Open;

  beforeAll(async () => {
    build();
    mkdirSync(runs);
    const args = ['train', 'lenet5', ...SMALL, '--epochs', '2', '--log-every', '1', '--out', 'runs/group/small'];
    const { code, stderr } = await fovea(args, dir);
    expect(code, stderr).toBe(0);
    studio = await open(dir);
  }, 120_000);

  const SMALL_RUN = '/api/runs/group%2Fsmall';

  it('gives out the page and nothing else, packed, with a policy that lets nothing in from elsewhere', async () => {
    const { url } = studio;
    const page = await ask(url, '/');
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['cache-control']).toBe('no-cache');
    const policy = page.headers['content-security-policy'];
    for (const part of ["default-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'"])
      expect(policy).toContain(part);
    expect(page.headers['x-content-type-options']).toBe('nosniff');
    const script = await ask(url, '/assets/app-1a2b.js', { headers: { 'Accept-Encoding': 'gzip' } });
    expect(script.headers['content-encoding']).toBe('gzip');
    expect(script.headers['cache-control']).toContain('immutable');
    const plain = await ask(url, '/assets/app-1a2b.js');
    expect(gunzipSync(script.body).equals(plain.body)).toBe(true);
    expect(script.body.length).toBeLessThan(plain.body.length / 5);
    const again = await ask(url, '/', { headers: { 'If-None-Match': page.headers.etag as string } });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    for (const path of ['/secret.txt', '/assets', '/assets/../secret.txt', '/..%2findex.html', '/assets/%2e%2e/x.js'])
      expect((await ask(url, path)).status, path).toBe(404);
    const empty = await open(join(dir, 'empty'), { root: runs, page: join(dir, 'nowhere') });
    expect((await ask(empty.url, '/')).json()).toMatchObject({
      status: 503,
      error: expect.stringContaining('npm run'),
    });
  });

  it('lists runs and tells all about one', async () => {
    const { url } = studio;
    expect((await ask(url, '/api/about')).json<About>()).toMatchObject({ version: '1.2.3', token: 'not needed' });
    const list = (await ask(url, '/api/runs')).json<RunSummary[]>();
    expect(list).toHaveLength(1);
    expect(list[0]).toMatchObject({
      id: 'group/small',
      model: 'lenet5',
      data: 'shapes',
      task: 'classification',
      state: 'done',
      epochs: 2,
      planned: 2,
    });
    const run = (await ask(url, SMALL_RUN)).json<RunDetail>();
    expect(run.history.map((r) => r.epoch)).toEqual([1, 2]);
    expect(list[0]!.spark).toEqual(run.history.map((r) => r.valid!.loss));
    expect(run.score).toEqual({ name: 'accuracy', value: run.history[run.best!.epoch - 1]!.valid!.accuracy });
    expect(Object.fromEntries(run.settings)).toMatchObject({ network: 'lenet5', data: 'shapes', seed: '3' });
    // All of the test set: a tenth of 200 images.
    expect(run.confusion!.flat().reduce((a, b) => a + b)).toBe(20);
    expect(Object.keys(run.pictures).sort()).toEqual(['confusion', 'report', 'samples']);
    const steps = (await ask(url, `${SMALL_RUN}/steps`)).json<StepSeries>();
    // 160 images, 32 at once.
    expect(steps.batches).toBe(5);
    expect(steps.step.at(-1)).toBe(10);
    expect(steps.loss).toHaveLength(steps.step.length);
    expect(steps.lr.every((lr) => lr === 0.05)).toBe(true);
    expect((await ask(url, '/api/runs/nothing')).json()).toEqual({
      status: 404,
      error: 'there is no run "nothing" in the runs folder',
    });
  });

  it("gives out a run's pictures, which may show themselves and nothing else", async () => {
    const { url } = studio;
    const report = await ask(url, `${SMALL_RUN}/files/report.html`);
    expect(report.body.equals(readFileSync(join(runs, 'group/small/report.html')))).toBe(true);
    expect(report.headers['content-security-policy']).toMatch(/default-src 'none'.*sandbox/);
    const picture = await ask(url, `${SMALL_RUN}/files/confusion.svg`);
    expect(picture.headers['content-type']).toBe('image/svg+xml');
    const again = { headers: { 'If-None-Match': picture.headers.etag as string } };
    expect((await ask(url, `${SMALL_RUN}/files/confusion.svg`, again)).status).toBe(304);
    for (const name of ['config.json', 'last.safetensors', 'epoch-001.png', '..%2Fsmall%2Freport.html', 'worst.png'])
      expect((await ask(url, `${SMALL_RUN}/files/${name}`)).status, name).toBe(404);
  });

  it('offers what fovea train has, and says what kind each setting is of', async () => {
    const form = (await ask(studio.url, '/api/form')).json<StartForm>();
    expect(form.networks.map((n) => n.name)).toContain('unet');
    expect(form.recipes.map((r) => r.name)).toContain('human-segmentation');
    expect(form.data.find((d) => d.name === 'cells')!.task).toBe('segmentation');
    const field = (name: string) => form.fields.find((f) => f.name === name);
    expect(form.fields[0]).toMatchObject({ name: 'epochs', flag: '--epochs', kind: 'number', main: true });
    expect(field('dropLast')).toMatchObject({ kind: 'flag', main: false });
    expect(field('fit')).toMatchObject({ kind: 'choice', choices: ['fill', 'cover', 'contain'] });
    expect(field('channels')).toMatchObject({ kind: 'choice', choices: ['1', '3'] });
    expect(field('optimizer')).toMatchObject({ kind: 'text', choices: expect.arrayContaining(['sgd', 'adamw']) });
    for (const name of ['out', 'config', 'trace', 'overwrite', 'json', 'resume'])
      expect(field(name), name).toBe(undefined);
  });

  it('reads and runs nothing outside of the runs folder', async () => {
    const outside = join(dir, 'outside');
    cpSync(join(runs, 'group/small'), outside, { recursive: true });
    symlinkSync(outside, join(runs, 'linked'));
    cpSync(join(runs, 'group/small'), join(runs, 'inner'), { recursive: true });
    mkdirSync(join(runs, 'inner/samples'));
    symlinkSync(join(dir, 'page/secret.txt'), join(runs, 'inner/samples/epoch-001.png'));
    symlinkSync(join(runs, 'inner/samples.png'), join(runs, 'inner/samples/epoch-002.png'));
    const { url } = studio;
    const ids = [
      '..',
      '../outside',
      'group/../../outside',
      '/',
      outside,
      'linked',
      'group',
      '.',
      'a\\b',
      'a\0b',
      'C:/x',
      '',
    ];
    for (const id of ids)
      for (const rest of [
        '',
        '/steps',
        '/files/report.html',
        '/samples',
        '/filters',
        '/page',
        '/model.onnx',
        '/network',
      ]) {
        const { status } = await ask(url, `/api/runs/${encodeURIComponent(id)}${rest}`);
        expect(status === 404 || (id === '' && rest === ''), `${JSON.stringify(id)}${rest} ${status}`).toBe(true);
      }
    for (const id of ids.slice(0, -1))
      for (const what of ['stop', 'resume']) {
        const { status } = await post(url, `/api/runs/${encodeURIComponent(id)}/${what}`);
        // Dots are taken out of the address before it is looked at; then there is a run too few.
        expect(id === '.' || id === '..' ? [404, 405] : [404], `${id} ${what}`).toContain(status);
      }
    for (const path of ['/api/runs/../../etc', '/api/runs/%2e%2e/steps', '/api/runs/%2e%2e%2foutside'])
      expect((await ask(url, path)).status, path).toBe(404);
    expect((await ask(url, '/api/runs/inner/files/epoch-001.png')).status).toBe(404);
    // A link that stays within is none of this.
    expect((await ask(url, '/api/runs/inner/files/epoch-002.png')).status).toBe(200);
    expect((await ask(url, '/api/runs')).json<RunSummary[]>().map((r) => r.id)).toEqual(
      expect.not.arrayContaining(['linked', 'outside']),
    );
  });

  it('answers nobody but this page: no other Host, no other Origin, no other site', async () => {
    const { url } = studio;
    const host = new URL(url).host;
    const status = async (path: string, headers: Record<string, string>, method = 'GET') =>
      (await ask(url, path, { method, headers, ...(method === 'POST' ? { body: '{}' } : {}) })).status;
    expect(await status('/api/runs', { Host: 'evil.example' })).toBe(403);
    expect(await status('/', { Host: `evil.example:${new URL(url).port}` })).toBe(403);
    expect(await status('/api/live', { Host: host, Origin: 'http://evil.example' })).toBe(403);
    expect(await status('/api/runs', { Host: host, Origin: 'null' })).toBe(403);
    const json = { Host: host, 'Content-Type': 'application/json' };
    expect(await status('/api/runs', { ...json, Origin: 'http://evil.example' }, 'POST')).toBe(403);
    expect(await status('/api/runs', { ...json, 'Sec-Fetch-Site': 'cross-site' }, 'POST')).toBe(403);
    expect(await status('/api/runs', { ...json, Origin: `http://${host}` }, 'POST')).toBe(422);
    expect(await status('/api/runs', { Host: host, Origin: `http://${host}` })).toBe(200);
  });

  it('takes small JSON that says what it knows, by the methods it has', async () => {
    const { url } = studio;
    const large = { model: 'lenet5', options: { data: 'x'.repeat(64_000) } };
    expect((await post(url, '/api/runs', large)).status).toBe(413);
    const type = { 'Content-Type': 'text/plain' };
    expect((await ask(url, '/api/runs', { method: 'POST', headers: type, body: '{}' })).status).toBe(415);
    const json = { 'Content-Type': 'application/json' };
    expect((await ask(url, '/api/runs', { method: 'POST', headers: json, body: '{' })).status).toBe(400);
    const error = async (body: unknown) => (await post(url, '/api/runs', body)).json();
    expect(await error([])).toMatchObject({ status: 422, error: 'send { "model", "options" }' });
    expect(await error({ model: 'lenet5', option: {} })).toMatchObject({ status: 422 });
    expect(await error({ model: 'lenet5', options: { epoch: 3 } })).toMatchObject({ field: 'epoch' });
    expect(await error({ model: 'lenet5', options: { constructor: 'x' } })).toMatchObject({ field: 'constructor' });
    expect(await error({ model: 'lenet5', options: { epochs: '0' } })).toEqual({
      status: 422,
      error: '--epochs is "0", expected a whole number of at least 1',
      field: 'epochs',
    });
    for (const [options, field] of [
      [{ out: '/tmp/elsewhere' }, 'out'],
      [{ trace: '/tmp/trace.json' }, 'trace'],
      [{ config: '/etc/passwd' }, 'config'],
      [{ overwrite: true }, 'overwrite'],
      [{ lr: [1] }, 'lr'],
      [{ data: 'a\0b' }, 'data'],
    ] as const)
      expect(await error({ model: 'lenet5', options }), field).toMatchObject({ status: 422, field });
    for (const model of ['./evil.js', '/tmp/evil.mjs', 'evil.ts', '--help', '-lenet', 'lenett'])
      expect(await error({ model, options: {} }), model).toMatchObject({ status: 422, field: 'model' });
    for (const [method, path, allow] of [
      ['DELETE', SMALL_RUN, 'GET'],
      ['POST', '/api/about', 'GET'],
      ['PUT', '/api/runs', 'GET, POST'],
      ['GET', `${SMALL_RUN}/stop`, 'POST'],
      ['GET', '/api/plan', 'POST'],
    ] as const) {
      const { status, headers } = await ask(url, path, { method });
      expect([status, headers.allow], `${method} ${path}`).toEqual([405, allow]);
    }
    expect((await ask(url, '/api/nothing')).status).toBe(404);
    expect(studio.errors).toEqual([]);
  });

  it('asks for the token before anything is computed or changed, where others may reach it', async () => {
    const { studio: wide, url } = await open(dir, { host: '0.0.0.0' });
    expect(wide.token).toMatch(/^[\w-]{32}$/);
    const sent = (token: string) => ({ 'X-Fovea-Token': token });
    for (const path of ['/api/plan', '/api/runs', `${SMALL_RUN}/stop`, `${SMALL_RUN}/predict`, '/api/anything']) {
      expect((await post(url, path)).status, path).toBe(401);
      expect((await post(url, path, {}, sent(`${wide.token!.slice(0, -1)}!`))).status, path).toBe(401);
      expect((await post(url, path, {}, sent(wide.token!))).status, path).not.toBe(401);
    }
    expect((await ask(url, '/api/about')).json<About>().token).toBe('needed');
    expect((await ask(url, '/api/about', { headers: sent(wide.token!) })).json<About>().token).toBe('given');
    const asked = await open(dir, { token: 'a-token-of-mine' });
    expect((await post(asked.url, '/api/runs')).status).toBe(401);
    expect((await post(asked.url, '/api/runs', {}, sent('a-token-of-mine'))).status).toBe(422);
  });

  it('says what is wrong with a folder, and shows a damaged run as one', async () => {
    await expect(open(dir, { root: join(dir, 'nowhere') })).rejects.toThrow(/there is no folder .*--runs/);
    await expect(open(dir, { root: join(runs, 'group/small') })).rejects.toThrow(/is a run itself/);
    mkdirSync(join(runs, 'damaged'));
    writeFileSync(join(runs, 'damaged/config.json'), '{');
    writeFileSync(join(runs, 'damaged/metrics.jsonl'), '');
    const { url } = studio;
    const found = (await ask(url, '/api/runs')).json<RunSummary[]>().find((r) => r.id === 'damaged');
    expect(found).toMatchObject({ state: 'damaged', reason: expect.stringContaining('it is not JSON') });
    expect((await ask(url, '/api/runs/damaged')).status).toBe(422);
    expect((await post(url, '/api/runs/damaged/resume')).status).toBe(409);
  });
});

import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, fovea, SMALL, type Started, scratch, start, until } from '../cli/process.js';

const load = fileURLToPath(new URL('../../bench/serve.mjs', import.meta.url));

describe('fovea serve', () => {
  const dir = scratch('serve');
  const photo = join(dir, 'photo.png');
  let bytes: Buffer;

  beforeAll(async () => {
    build();
    const trained = await Promise.all([
      fovea(['train', 'lenet5', ...SMALL, '--epochs', '1', '--out', 'classes'], dir),
      fovea(
        'train unet --features 4,8 --data shapes-seg --images 12 --size 32 --epochs 1 --batch-size 4 --device reference --out masks'.split(
          ' ',
        ),
        dir,
      ),
    ]);
    for (const { code, stderr } of trained) expect(code, stderr).toBe(0);
    bytes = await sharp({ create: { width: 60, height: 44, channels: 3, background: '#b42' } })
      .composite([{ input: { create: { width: 20, height: 14, channels: 3, background: '#16c' } }, left: 9, top: 11 }])
      .png()
      .toBuffer();
    writeFileSync(photo, bytes);
  }, 180_000);

  interface Server extends Started {
    readonly url: string;
    readonly about: Record<string, unknown>;
  }

  async function serve(run: string, ...options: string[]): Promise<Server> {
    const started = start(['serve', run, '--port', '0', '--device', 'reference', '--json', ...options], dir);
    let about: Record<string, unknown> | undefined;
    await until(() => {
      const object = /\{\n.*\n\}/s.exec(started.output())?.[0];
      about = object ? JSON.parse(object) : undefined;
      return about !== undefined;
    });
    return { ...started, about: about!, url: about!.url as string };
  }

  const post = (url: string, path: string, body: BodyInit | Buffer, headers: Record<string, string> = {}) =>
    fetch(new URL(path, url), { method: 'POST', body: body as BodyInit, headers });
  const end = async ({ child, ended }: Server) => {
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
  };

  it('names classes just as predict does, says what it is, and counts what it did', async () => {
    const server = await serve('classes');
    const { url } = server;
    expect(server.about).toMatchObject({
      task: 'classification',
      classes: ['circle', 'square', 'triangle', 'cross', 'ring'],
    });
    const answer = await post(url, '/predict?top=2', bytes, { 'Content-Type': 'image/png' });
    const asked = await fovea(['predict', 'classes', photo, '--top', '2', '--device', 'reference', '--json'], dir);
    expect(await answer.json()).toEqual({ top: JSON.parse(asked.stdout).predictions[0].top });
    const form = new FormData();
    form.append('image', new File([new Uint8Array(bytes)], 'photo.png'));
    expect((await (await post(url, '/predict?top=2', form)).json()).top).toHaveLength(2);

    expect(await (await fetch(url)).text()).toContain(`curl -F image=@image.png ${url}predict`);
    expect(await (await fetch(new URL('/health', url))).json()).toMatchObject({ status: 'ok' });
    const description = await (await fetch(new URL('/openapi.json', url))).json();
    expect(description.openapi).toBe('3.1.0');
    expect(description.paths['/predict'].post.parameters.map((p: { name: string }) => p.name)).toEqual([
      'top',
      'invert',
    ]);
    expect((await fetch(new URL('/predict', url))).status).toBe(405);
    expect((await fetch(new URL('/nothing', url))).status).toBe(404);
    const metrics = await (await fetch(new URL('/metrics', url))).text();
    expect(metrics).toContain('fovea_http_requests_total{route="/predict",method="POST",status="200"} 2');
    expect(metrics).toMatch(/fovea_engine_images_total [1-9]/);
    expect(metrics).toContain('fovea_queue_requests 0');
    await end(server);
  });

  it('gives masks just as predict does, in the form that is asked for', async () => {
    const server = await serve('masks');
    const { url } = server;
    for (const mode of ['mask', 'cutout', 'overlay']) {
      const out = mode === 'overlay' ? 'out.jpg' : 'out.png';
      const asked = ['predict', 'masks', photo, '--mode', mode, '--out', out, '--device', 'reference', '--json'];
      const { predictions } = JSON.parse((await fovea(asked, dir)).stdout);
      const accept = mode === 'overlay' ? 'image/jpeg' : 'image/*';
      const answer = await post(url, `/predict?as=${mode}`, bytes, { Accept: accept });
      expect(answer.headers.get('Content-Type')).toBe(mode === 'overlay' ? 'image/jpeg' : 'image/png');
      expect(Buffer.from(await answer.arrayBuffer()).equals(readFileSync(join(dir, out))), mode).toBe(true);
      expect(Number(answer.headers.get('X-Foreground'))).toBeCloseTo(predictions[0].foreground, 5);
      const { classes, seen, ...size } = await (await post(url, '/predict?as=json', bytes)).json();
      expect({ ...size, seen }).toMatchObject({ width: 60, height: 44, seen: predictions[0].seen });
      expect(classes[1].share + classes[0].share).toBeCloseTo(1, 9);
      expect(classes[1].share).toBe(predictions[0].foreground);
    }
    expect((await post(url, '/predict', bytes, { Accept: 'text/html' })).status).toBe(406);
    expect((await post(url, '/predict?as=picture', bytes)).status).toBe(400);
    await end(server);
  });

  it('answers those it has when it is told to end, and then nobody', async () => {
    const server = await serve('masks', '--timeout', '20');
    // So large that it is still being answered when the signal comes.
    const large = await sharp({ create: { width: 1500, height: 1200, channels: 3, background: '#b42' } })
      .jpeg()
      .toBuffer();
    const answers = [1, 2, 3].map(() => post(server.url, '/predict?as=cutout&resolution=256', large));
    const busy = async () => (await (await fetch(new URL('/health', server.url))).json()).waiting;
    const settled = Promise.race(answers).then(() => true);
    const later = () => new Promise<false>((resolve) => setTimeout(resolve, 20, false));
    while ((await busy()) < 3 && !(await Promise.race([settled, later()])));
    server.child.kill('SIGTERM');
    const answered = await Promise.all(answers);
    expect(answered.map((a) => a.status)).toEqual([200, 200, 200]);
    // Connections that clients keep would be waited for.
    expect(answered.map((a) => a.headers.get('Connection'))).toContain('close');
    const { code, stderr } = await server.ended;
    expect(code).toBe(0);
    expect(stderr).toContain('finishing the requests that are being answered');
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('sends away whom it cannot serve, with when to come back', async () => {
    const server = await serve('masks', '--queue', '1');
    const large = await sharp({ create: { width: 1500, height: 1200, channels: 3, background: '#b42' } })
      .jpeg()
      .toBuffer();
    const all = await Promise.all([1, 2, 3, 4].map(() => post(server.url, '/predict?as=json&resolution=256', large)));
    const statuses = all.map((a) => a.status).sort();
    expect(statuses[0]).toBe(200);
    expect(statuses.at(-1)).toBe(503);
    for (const a of all) if (a.status === 503) expect(Number(a.headers.get('Retry-After'))).toBeGreaterThanOrEqual(1);
    await end(server);
  });

  it('gives up in time', async () => {
    const server = await serve('masks', '--timeout', '0.3');
    const huge = await sharp({ create: { width: 3000, height: 3000, channels: 3, background: '#b42' } })
      .jpeg()
      .toBuffer();
    const answer = await post(server.url, '/predict?as=cutout&resolution=2048', huge);
    expect(answer.status).toBe(504);
    expect(await answer.json()).toEqual({ status: 504, error: 'the answer was not ready within 0.3 s' });
    expect((await fetch(new URL('/health', server.url))).status).toBe(200);
    await end(server);
  });

  it('holds many clients, good and bad ones: each gets the right answer or the right refusal', async () => {
    const args = [load, '--run', join(dir, 'masks'), '--requests', '100', '--clients', '8', '--device', 'reference'];
    const run = promisify(execFile)(process.execPath, [...args, '--timeout', '3', '--no-engine', '--json'], {
      cwd: dir,
    });
    const found = JSON.parse((await run).stdout);
    expect(found.wrong).toEqual([]);
    expect(found.exitCode).toBe(0);
    expect(found.answers).toEqual({
      photo: { 200: 87 },
      slow: { 200: 2 },
      oversized: { 413: 2 },
      chunked: { 413: 1 },
      bomb: { 413: 2 },
      truncated: { 422: 2 },
      notImage: { 415: 2 },
      stalled: { 408: 1 },
      gone: { 0: 1 },
    });
    expect(found.memoryMiB.peak).toBeLessThan(found.memoryMiB.before + 400);
  }, 120_000);

  it('says in one sentence what keeps it from starting', async () => {
    const server = await serve('classes');
    const port = String(server.about.port);
    const again = await fovea(['serve', 'classes', '--port', port, '--device', 'reference'], dir);
    expect(again.code).toBe(1);
    expect(again.stderr).toBe(`error: 127.0.0.1:${port} is taken by another program: give another --port (0: any)\n`);
    await end(server);
    const wrong = await fovea(['serve', 'classes', '--max-body', '5', '--device', 'reference'], dir);
    expect(wrong.stderr).toContain('--max-body is 5, expected a number of bytes from 1000');
  });
});

import { Hono } from 'hono';
import { describe, expect, it, vi } from 'vitest';
import { CLASS_QUERY, maskQuery, pictureAsked, readQuery } from '../../src/server/asked.js';
import { Batcher, batchSizes } from '../../src/server/batcher.js';
import { withBody } from '../../src/server/body.js';
import { Gate, Quota } from '../../src/server/budget.js';
import { within } from '../../src/server/deadline.js';
import { guard } from '../../src/server/guard.js';
import { Metrics } from '../../src/server/metrics.js';
import { preferred } from '../../src/server/negotiate.js';
import { Photos } from '../../src/server/photos.js';
import { comeBackLater, problemOf, problemResponse } from '../../src/server/problem.js';
import { imageIn } from '../../src/server/upload.js';
import { type HostTensor, hostTensor, numel } from '../../src/tensor/shape.js';

/** An engine whose runs end when the test says so. */
function engine(sizes: readonly number[]) {
  const runs: { images: HostTensor; end(): void }[] = [];
  const batcher = new Batcher({
    sizes,
    run: (images) =>
      new Promise((resolve) => {
        // Output [N, 1]: the first byte of each image.
        const [n, ...rest] = images.shape as [number, ...number[]];
        const area = rest.reduce((a, b) => a * b, 1);
        const firsts = Float32Array.from({ length: n }, (_, i) => (images.data as Uint8Array)[i * area]!);
        runs.push({ images, end: () => resolve(hostTensor(firsts, [n, 1])) });
      }),
  });
  const sizesOf = () => runs.map((r) => r.images.shape[0]);
  return { batcher, runs, sizesOf };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));
const image = (value: number) => new Uint8Array(3 * 2 * 5).fill(value);
const SHAPE = [3, 2, 5] as const;

describe('batches', () => {
  it('start at once when the engine is free, collect what comes while it runs, and give each its own output', async () => {
    const { batcher, runs, sizesOf } = engine([1, 4]);
    batcher.expect(SHAPE);
    const answers = [batcher.submit(image(7), SHAPE)];
    await tick();
    expect(sizesOf()).toEqual([1]);
    for (let i = 0; i < 6; i++) answers.push(batcher.submit(image(10 + i), SHAPE));
    await tick();
    // A full batch stands ready behind the one that runs; the rest waits.
    expect(sizesOf()).toEqual([1, 4]);
    runs[0]!.end();
    await tick();
    expect(sizesOf()).toEqual([1, 4]);
    for (let i = 1; i < 4; i++) {
      runs[i]!.end();
      await tick();
    }
    expect(sizesOf()).toEqual([1, 4, 1, 1]);
    const outputs = await Promise.all(answers);
    expect(outputs.map((o) => o.data[0])).toEqual([7, 10, 11, 12, 13, 14, 15]);
    expect(outputs[0]!.shape).toEqual([1, 1]);
    await batcher.drained();
  });

  it('hold one shape each, the oldest image first, and none that was taken back', async () => {
    const { batcher, runs } = engine([1, 4]);
    const OTHER = [3, 4, 4] as const;
    batcher.expect(SHAPE);
    const stop = new AbortController();
    const first = batcher.submit(image(1), SHAPE);
    await tick();
    const taken = batcher.submit(image(2), SHAPE, stop.signal);
    const rest = [batcher.submit(new Uint8Array(48), OTHER), batcher.submit(image(3), SHAPE)];
    stop.abort(new Error('gone'));
    await expect(taken).rejects.toThrow('gone');
    await expect(batcher.submit(image(2), SHAPE, stop.signal)).rejects.toThrow('gone');
    for (let i = 0; i < 3; i++) {
      runs[i]!.end();
      await tick();
    }
    expect(runs.map((r) => r.images.shape)).toEqual([
      [1, ...SHAPE],
      [1, ...OTHER],
      [1, ...SHAPE],
    ]);
    await Promise.all([first, ...rest]);
  });

  it('of a shape that is seen for the first time are single: a program for more must be worth it', async () => {
    const { batcher, runs, sizesOf } = engine([1, 4]);
    const all = Array.from({ length: 4 }, () => batcher.submit(image(1), SHAPE));
    for (let i = 0; i < 4; i++) {
      await tick();
      runs[i]!.end();
    }
    await Promise.all(all);
    expect(sizesOf()).toEqual([1, 1, 1, 1]);
  });

  it('fail together and leave the next ones alone', async () => {
    let calls = 0;
    const batcher = new Batcher({
      sizes: [1, 4],
      run: async () => {
        if (calls++ === 0) throw new Error('no memory');
        return hostTensor(Float32Array.of(5), [1, 1]);
      },
    });
    await expect(batcher.submit(image(1), SHAPE)).rejects.toThrow('no memory');
    expect((await batcher.submit(image(1), SHAPE)).data[0]).toBe(5);
  });

  it('take the time of the engine from when the one before ended', async () => {
    const now = vi.spyOn(performance, 'now');
    const at = (seconds: number) => now.mockReturnValue(1000 * seconds);
    try {
      const ends: (() => void)[] = [];
      const seconds: number[] = [];
      const batcher = new Batcher({
        sizes: [1],
        run: () => new Promise((resolve) => ends.push(() => resolve(hostTensor(Float32Array.of(5), [1, 1])))),
        onBatch: (_, s) => seconds.push(s),
      });
      at(100);
      const both = [batcher.submit(image(1), SHAPE), batcher.submit(image(2), SHAPE)];
      await tick();
      expect(ends).toHaveLength(2);
      at(103);
      ends[0]!();
      await tick();
      at(104);
      expect(batcher.busySeconds).toBe(4);
      at(105);
      ends[1]!();
      await Promise.all(both);
      await batcher.drained();
      expect(seconds).toEqual([3, 2]);
      at(200);
      expect(batcher.busySeconds).toBe(5);
    } finally {
      now.mockRestore();
    }
  });

  it('remember the shapes that were used last', async () => {
    const sizes: number[] = [];
    const batcher = new Batcher({
      sizes: [1, 4],
      run: async ({ shape: [n] }) => {
        sizes.push(n!);
        return hostTensor(new Float32Array(n!), [n!, 1]);
      },
    });
    const many = (shape: readonly [number, number, number], count: number) =>
      Promise.all(Array.from({ length: count }, () => batcher.submit(new Uint8Array(numel(shape)), shape)));
    batcher.expect(SHAPE);
    for (let i = 1; i <= 600; i++) await many([1, 1, i], 1);
    await many(SHAPE, 1);
    for (let i = 1; i <= 600; i++) await many([1, i, 2], 1);
    sizes.length = 0;
    await many(SHAPE, 4);
    expect(sizes).toEqual([4]);
  });

  it('have few sizes', () => {
    expect([1, 2, 4, 8, 16, 30].map(batchSizes)).toEqual([[1], [1, 2], [1, 4], [1, 4, 8], [1, 4, 16], [1, 4, 16, 30]]);
  });
});

describe('limits', () => {
  it('let in what fits, in order, and one that never would alone', async () => {
    const gate = new Gate(10);
    const log: string[] = [];
    const ends: (() => void)[] = [];
    const enter = (name: string, amount: number) =>
      gate.hold(amount, () => {
        log.push(name);
        return new Promise<void>((resolve) => ends.push(resolve));
      });
    const all = [enter('a', 6), enter('b', 6), enter('c', 1), enter('huge', 100)];
    await tick();
    // c would fit, but b came first.
    expect(log).toEqual(['a']);
    ends[0]!();
    await tick();
    expect(log).toEqual(['a', 'b', 'c']);
    ends[1]!();
    await tick();
    expect(log).toHaveLength(3);
    ends[2]!();
    await tick();
    expect(log).toEqual(['a', 'b', 'c', 'huge']);
    ends[3]!();
    await Promise.all(all);
  });

  it('say when to come back when all places are taken', async () => {
    const places = new Quota(1, () => comeBackLater('all are waiting', 2.5));
    places.take();
    const refused = { status: 503, message: 'all are waiting; try again in 3 s', headers: { 'Retry-After': '3' } };
    expect(() => places.check()).toThrow(expect.objectContaining(refused));
    expect(() => places.take()).toThrow(expect.objectContaining(refused));
    expect(places.used).toBe(1);
    places.give();
    places.take();
  });

  it('on bodies count bytes, of one and of all, and give them back', async () => {
    const budget = new Quota(250, () => comeBackLater('bodies are waiting', 1));
    const limits = { maxBytes: 100, timeout: 1 };
    const post = (size: number) => new Request('http://x/', { method: 'POST', body: new Uint8Array(size).fill(3) });
    const read = (request: Request) => withBody(request, limits, budget, async (body) => body.length);
    expect(await read(post(100))).toBe(100);
    await expect(read(post(101))).rejects.toMatchObject({ status: 413 });
    expect(budget.used).toBe(0);
    let release = () => {};
    const answered = new Promise<void>((resolve) => (release = resolve));
    const held = [100, 100].map((n) => withBody(post(n), limits, budget, () => answered));
    await vi.waitFor(() => expect(budget.used).toBe(200));
    await expect(read(post(60))).rejects.toMatchObject({ status: 503 });
    release();
    await Promise.all(held);
    expect(await read(post(60))).toBe(60);
    const never = new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(5)) });
    const slow = new Request('http://x/', { method: 'POST', body: never, duplex: 'half' } as RequestInit);
    await expect(withBody(slow, { maxBytes: 100, timeout: 0.03 }, budget, async () => 0)).rejects.toMatchObject({
      status: 408,
    });
    expect(budget.used).toBe(0);
  });

  it('on time end the wait, whether the work has heard of it or not', async () => {
    const client = new AbortController();
    const deaf = () => new Promise<never>(() => {});
    await expect(within(0.02, client.signal, deaf)).rejects.toMatchObject({ status: 504 });
    setTimeout(() => client.abort(), 10);
    await expect(within(5, client.signal, deaf)).rejects.toMatchObject({ status: 499 });
    expect(await within(5, new AbortController().signal, async () => 3)).toBe(3);
  });
});

describe('what is asked', () => {
  it('is answered in the type that the client likes best', () => {
    const offered = ['image/png', 'application/json'] as const;
    const cases: [string | undefined, string | undefined][] = [
      [undefined, 'image/png'],
      ['*/*', 'image/png'],
      ['application/json', 'application/json'],
      ['image/*;q=0.5, application/json;q=0.9', 'application/json'],
      ['image/png;q=0, */*', 'application/json'],
      ['text/html', undefined],
      ['text/html, application/xhtml+xml, image/webp, */*;q=0.8', 'image/png'],
    ];
    for (const [accept, type] of cases) expect(preferred(accept, offered), String(accept)).toBe(type);
    expect(pictureAsked('overlay', 'image/webp')).toEqual({ as: 'overlay', format: 'webp' });
    expect(pictureAsked(undefined, 'application/json').as).toBe('json');
    // A mask keeps its exact values as PNG only.
    expect(() => pictureAsked('mask', 'image/jpeg')).toThrow('the answer comes as image/png');
  });

  it('is refused in a sentence where it is wrong', () => {
    const masks = maskQuery({ outputs: 1, multiple: 4, margin: 2, border: [0, 0] });
    expect(readQuery(masks, { as: 'cutout', threshold: '0.25' })).toEqual({ as: 'cutout', threshold: 0.25 });
    expect(() => readQuery(masks, { top: '3' })).toThrow(
      'there is no option top; this network takes as, threshold, resolution',
    );
    expect(() => readQuery(CLASS_QUERY, { top: 'many' })).toThrow(/^top=many is wrong: /);
  });

  it('is refused where this network can do nothing with it', () => {
    const classes = maskQuery({ outputs: 3, multiple: 4, margin: 2, border: [0, 0] });
    expect(() => readQuery(classes, { threshold: '0.3' })).toThrow(
      'there is no option threshold; this network takes as, resolution',
    );
    const middle = maskQuery({ outputs: 1, multiple: 4, margin: 2, border: [8, 8] });
    expect(() => readQuery(middle, { resolution: '256' })).toThrow(
      'there is no option resolution; this network takes as, threshold',
    );
    expect(readQuery(middle, { threshold: '0.3' })).toEqual({ threshold: 0.3 });
  });

  it('comes as a body or in a form', async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(await imageIn(bytes, 'image/png')).toEqual(bytes);
    const form = new FormData();
    form.append('note', 'hello');
    form.append('image', new File([bytes], 'a.png'));
    const request = new Response(form);
    const type = request.headers.get('Content-Type')!;
    const body = new Uint8Array(await request.arrayBuffer());
    expect(await imageIn(body, type)).toEqual(bytes);
    await expect(imageIn(body.slice(0, 80), type)).rejects.toMatchObject({ status: 400 });
    await expect(imageIn(bytes, 'text/plain')).rejects.toMatchObject({ status: 415 });
    await expect(imageIn(new Uint8Array(0), 'image/png')).rejects.toMatchObject({ status: 400 });
  });
});

describe('the guard', () => {
  const app = (bound: string) => {
    const made = new Hono();
    made.use(guard(bound));
    made.all('/', (c) => c.text('in'));
    made.onError((error) => problemResponse(problemOf(error)));
    return made;
  };
  const ask = async (bound: string, method: string, headers: Record<string, string>) =>
    (await app(bound).request('/', { method, headers })).status;

  it('answers on this machine to its own names only', async () => {
    for (const host of ['localhost:8080', '127.0.0.1:8080', '[::1]:8080', 'LOCALHOST'])
      expect(await ask('127.0.0.1', 'GET', { Host: host }), host).toBe(200);
    for (const host of ['evil.example', 'localhost.evil.example:8080', '127.0.0.1.evil.example', '192.168.1.2:8080'])
      expect(await ask('127.0.0.1', 'GET', { Host: host }), host).toBe(403);
    expect(await ask('0.0.0.0', 'GET', { Host: '192.168.1.2:8080' })).toBe(200);
  });

  it('refuses what a page of another site asks for', async () => {
    const host = { Host: 'localhost:8080' };
    expect(await ask('127.0.0.1', 'POST', { ...host, Origin: 'http://localhost:8080' })).toBe(200);
    for (const origin of ['http://evil.example', 'http://localhost:9999', 'null'])
      expect(await ask('0.0.0.0', 'POST', { ...host, Origin: origin }), origin).toBe(403);
    expect(await ask('127.0.0.1', 'POST', { ...host, 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
  });
});

it('metrics are Prometheus text', () => {
  const metrics = new Metrics();
  const requests = metrics.counter('a_total', 'Counted.');
  requests.add({ route: '/"x"\n', status: 200 });
  requests.add({ route: '/"x"\n', status: 200 });
  const seconds = metrics.histogram('b_seconds', 'Timed.', [0.1, 1]);
  for (const value of [0.05, 0.5, 5]) seconds.observe(value);
  metrics.gauge('c', 'Read.', () => 3);
  expect(metrics.text()).toBe(`# HELP a_total Counted.
# TYPE a_total counter
a_total{route="/\\"x\\"\\n",status="200"} 2
# HELP b_seconds Timed.
# TYPE b_seconds histogram
b_seconds_bucket{le="0.1"} 1
b_seconds_bucket{le="1"} 2
b_seconds_bucket{le="+Inf"} 3
b_seconds_sum 5.55
b_seconds_count 3
# HELP c Read.
# TYPE c gauge
c 3
`);
});

it('a photo whose client went away while it was decoded fails by itself', async () => {
  const { default: sharp } = await import('sharp');
  const photo = await sharp({ create: { width: 40, height: 30, channels: 3, background: '#777' } })
    .png()
    .toBuffer();
  const stop = new AbortController();
  const { batcher } = engine([1]);
  const predict = vi.fn((images: HostTensor, signal?: AbortSignal) => {
    stop.abort(new Error('gone'));
    return batcher.submit(images.data as Uint8Array, SHAPE, signal);
  });
  const photos = new Photos(predict, 1);
  const asked = {
    as: 'json',
    format: 'png',
    classes: 2,
    geometry: { outputs: 1, multiple: 4, margin: 2, border: [0, 0] },
    inputShape: [3, 16, 16],
    fit: 'fill',
  } as const;
  await expect(photos.ask(Uint8Array.from(photo), asked, stop.signal)).rejects.toThrow('gone');
  expect(predict).toHaveBeenCalledOnce();
  await photos.close();
});

it('photo workers that cannot start fail the photos that are asked, and are not started over and over', async () => {
  let started = 0;
  const count = () => started++;
  process.on('worker', count);
  const photos = new Photos(() => Promise.reject(new Error('never asked')), 2, BROKEN);
  try {
    const asked = {} as Parameters<Photos['ask']>[1];
    for (let i = 0; i < 3; i++) await expect(photos.ask(new Uint8Array(4), asked)).rejects.toThrow('broken on purpose');
    // One more try for each photo at most, and none for nobody.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(started).toBeLessThanOrEqual(5);
  } finally {
    process.off('worker', count);
    await photos.close();
  }
});

const BROKEN = new URL('data:text/javascript,throw new Error("broken on purpose")');

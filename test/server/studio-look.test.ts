import { cpSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Backend } from '../../src/backends/backend.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import type { OpenDataOptions } from '../../src/data/open.js';
import { openData } from '../../src/data/open.js';
import type { PageConfig } from '../../src/export/page/config.js';
import { featureGrid, probe } from '../../src/inspect/index.js';
import { encodePng } from '../../src/node/image.js';
import { openOnnx } from '../../src/node/onnxruntime.js';
import { seenImage } from '../../src/node/seenImage.js';
import '../../src/node/index.js';
import { Gate } from '../../src/server/budget.js';
import type { Features, NetworkGraph, NetworkListing, SampleListing } from '../../src/server/studio/api.js';
import { Shelf } from '../../src/server/studio/look/shelf.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { encodeWeights } from '../../src/train/checkpoint.js';
import { loadRun } from '../../src/train/load.js';
import { topClasses } from '../../src/train/ranked.js';
import { RunDirectory } from '../../src/train/run.js';
import { scratch } from '../cli/process.js';
import { looking, trainRun } from './looking.js';

const root = scratch('look');
const engine = createReferenceBackend();
/** Programs that run at this moment, and the most there ever were. */
const running = { now: 0, most: 0 };
const backend = {
  ...engine,
  device: engine.device,
  createStore: () => engine.createStore(),
  dispose: () => engine.dispose(),
  async compile(...how: Parameters<Backend['compile']>) {
    const program = await engine.compile(...how);
    const { run } = program;
    program.run = async (inputs) => {
      running.most = Math.max(running.most, ++running.now);
      try {
        return await run.call(program, inputs);
      } finally {
        running.now--;
      }
    };
    return program;
  },
} as Backend;

const { app, failures, close } = looking(root, backend, { imageBytes: 200_000, maxPixels: 1_000_000 });

const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers });
const post = (path: string, image: Uint8Array, type = 'image/png') =>
  app.request(path, { method: 'POST', body: image as BodyInit, headers: { 'Content-Type': type } });
const json = async <T>(response: Response | Promise<Response>): Promise<T> => (await response).json() as Promise<T>;
const refusal = async (response: Response | Promise<Response>) => {
  const { status } = await response;
  return [status, (await json<{ error: string }>(response)).error] as const;
};
const pixels = async (png: ArrayBuffer | Uint8Array) => {
  const { data, info } = await sharp(png instanceof ArrayBuffer ? new Uint8Array(png) : png)
    .raw()
    .toBuffer({ resolveWithObject: true });
  // Grey pictures come as equal red, green and blue.
  return {
    first: Uint8Array.from(data.filter((_, i) => i % info.channels === 0)),
    width: info.width,
    height: info.height,
  };
};

const CLASSES: OpenDataOptions = { images: 50, size: 28, channels: 1, seed: 2 };
const MASKS: OpenDataOptions = { images: 14, size: 32, seed: 1, channels: 3 };

const train = (run: string, model: string, more: object, data: string, opening: OpenDataOptions, loss: string) =>
  trainRun(join(root, run), { model, options: more, data, opening, loss, backend: engine });

let digit: Uint8Array;
let photo: Uint8Array;

beforeAll(async () => {
  mkdirSync(join(root, 'deep'));
  await train('deep/classes', 'lenet', {}, 'shapes', CLASSES, 'cross-entropy');
  await train('masks', 'unet', { features: [4, 8], classes: 1 }, 'cells', MASKS, 'bce');
  const { valid } = await openData('shapes', CLASSES);
  digit = await encodePng({ data: Uint8Array.from((await valid!.get(3)).image), shape: valid!.inputShape });
  photo = await sharp({ create: { width: 50, height: 40, channels: 3, background: '#a63' } })
    .composite([{ input: { create: { width: 20, height: 14, channels: 3, background: '#16c' } }, left: 9, top: 11 }])
    .png()
    .toBuffer();
}, 60_000);

afterAll(async () => {
  await close();
  expect(failures).toEqual([]);
});

const CLASS_RUN = '/api/runs/deep%2Fclasses';
const MASK_RUN = '/api/runs/masks';
/** The last convolution at the bottom of the U. */
const MIDDLE = 'down1.maxpool_conv.1.double_conv.3';

describe('networks', () => {
  it('are listed, and drawn for the images and classes that are asked for', async () => {
    const listing = await json<NetworkListing[]>(get('/api/networks'));
    expect(listing).toHaveLength(17);
    expect(listing.find((n) => n.name === 'lenet')).toMatchObject({ parameters: 431080, inputShape: [1, 28, 28] });
    const graph = await json<NetworkGraph>(get('/api/networks/vgg11?input=3x64x96&classes=7'));
    expect(graph).toMatchObject({ name: 'vgg11', inputShape: [3, 64, 96], classes: 7 });
    expect(graph.steps.at(-1)!.shape).toEqual([7]);
  });

  it('are drawn as the run has them', async () => {
    const graph = await json<NetworkGraph>(get(`${MASK_RUN}/network`));
    expect(graph).toMatchObject({ name: 'unet', inputShape: [3, 32, 32], task: 'segmentation' });
    const { config } = await loadRun(join(root, 'masks'));
    expect(graph.totals.parameters).toBe(config.parameters);
  });

  it.each([
    ['/api/networks/lenett', 404, 'did you mean "lenet"'],
    ['/api/networks/lenet?input=1x28', 400, 'input=1x28 is wrong'],
    ['/api/networks/lenet?input=1x0x28', 400, 'input=1x0x28 is wrong'],
    ['/api/networks/lenet?input=1x4x4', 400, 'lenet'],
    ['/api/networks/lenet?classes=1e9', 400, 'classes=1e9 is wrong'],
    ['/api/runs/nothing/network', 422, 'runs/nothing is no run directory'],
  ])('%s is refused with %i', async (path, status, words) => {
    const [code, error] = await refusal(get(path));
    expect(code).toBe(status);
    expect(error).toContain(words);
    expect(error).not.toContain(root);
  });
});

describe('images of the validation data', () => {
  it('are those of the run, with their class', async () => {
    const { samples } = await json<SampleListing>(get(`${CLASS_RUN}/samples`));
    const { valid } = await openData('shapes', CLASSES);
    expect(samples.map((s) => s.index)).toEqual(Array.from({ length: 5 }, (_, i) => i));
    for (const { index, label } of samples.slice(0, 3)) {
      const sample = await valid!.get(index);
      expect(label).toBe(valid!.classes[sample.target as number]);
      const response = await get(`${CLASS_RUN}/samples/${index}`);
      const { first, width, height } = await pixels(await response.arrayBuffer());
      expect([width, height]).toEqual([28, 28]);
      expect(Buffer.compare(first, sample.image)).toBe(0);
    }
    const response = await get(`${CLASS_RUN}/samples/1`);
    const again = await get(`${CLASS_RUN}/samples/1`, { 'If-None-Match': response.headers.get('ETag')! });
    expect(again.status).toBe(304);
    expect((await get(`${CLASS_RUN}/samples/5`)).status).toBe(404);
  });

  it('have no label where they have masks', async () => {
    const { samples } = await json<SampleListing>(get(`${MASK_RUN}/samples`));
    expect(samples.map((s) => s.label)).toEqual(samples.map(() => null));
    expect(samples.length).toBeGreaterThan(0);
  });

  it('are missed in one sentence where a run does not say what its data was, or it is gone', async () => {
    cpSync(join(root, 'masks'), join(root, 'other'), { recursive: true });
    const directory = new RunDirectory(join(root, 'other'));
    const config = await directory.readConfig();
    await directory.writeConfig({ ...config, data: { name: './gone', options: {}, identity: null } });
    expect(await refusal(get('/api/runs/other/samples'))).toEqual([409, expect.stringContaining('gone')]);
    const { data: _, ...without } = config;
    await directory.writeConfig(without as never);
    expect(await refusal(get('/api/runs/other/samples'))).toEqual([409, expect.stringContaining('does not say')]);
  });
});

describe('inside a network', () => {
  it('draws filters of a convolution', async () => {
    const first = await get(`${CLASS_RUN}/filters`);
    expect([first.headers.get('X-Layer'), first.headers.get('X-Shown')]).toEqual(['features.0', '20x1 of 20x1']);
    const second = await get(`${CLASS_RUN}/filters?layer=features.3`);
    expect(second.headers.get('X-Shown')).toBe('16x16 of 50x20');
    const { width, height } = await pixels(await second.arrayBuffer());
    // A line of 16 tiles for each of 16 filters: 5 values of 8 pixels, and gaps of 2.
    expect([width, height]).toEqual([16 * 42 + 2, 16 * 42 + 2]);
    expect(await refusal(get(`${CLASS_RUN}/filters?layer=features.2`))).toEqual([
      400,
      'features.2 is no convolution of this network; the first is features.0',
    ]);
  });

  it('draws what a layer makes of an image, and what a step makes of it', async () => {
    const run = await loadRun(join(root, 'deep/classes'));
    const { normalised } = await seenImage(digit, { ...run });
    const { layers } = await probe(run.net, normalised, ['features.0', 'classifier.1'], { backend: engine });
    const { value } = layers['features.0']!;
    const drawnAs = async (maps: typeof value) =>
      `data:image/png;base64,${Buffer.from(await encodePng(featureGrid(maps, 0, { columns: 10, gap: 1, zoom: 2 }))).toString('base64')}`;
    const before = await json<Features>(post(`${CLASS_RUN}/features?layer=features.0`, digit));
    expect(before).toEqual({
      layer: 'features.0',
      channels: 20,
      height: 24,
      width: 24,
      columns: 10,
      shown: 20,
      tile: [48, 48],
      picture: await drawnAs(value),
    });
    const after = await json<Features>(post(`${CLASS_RUN}/features?step=1`, digit));
    const positive = hostTensor(
      (value.data as Float32Array).map((v) => Math.max(0, v)),
      value.shape,
    );
    expect(after.picture).toBe(await drawnAs(positive));
    expect(after.picture).not.toBe(before.picture);
    const values = await json<Features>(post(`${CLASS_RUN}/features?layer=classifier.1`, digit));
    expect(values).toMatchObject({ channels: 500, height: 1, width: 1, shown: 500, columns: 25, tile: [12, 12] });
  });

  it('shows where the evidence for a class lies', async () => {
    const { top } = await json<{ top: { class: string; probability: number }[] }>(post(`${CLASS_RUN}/predict`, digit));
    const cam = await post(`${CLASS_RUN}/grad-cam`, digit);
    expect(cam.headers.get('Content-Type')).toBe('image/png');
    expect(cam.headers.get('X-Class')).toBe(top[0]!.class);
    expect(Number(cam.headers.get('X-Probability'))).toBeCloseTo(top[0]!.probability, 5);
    expect(cam.headers.get('X-Layer')).toBe('features.3');
    const { width, height } = await pixels(await cam.arrayBuffer());
    expect([width, height]).toEqual([2 * 224 + 18, 224 + 12]);
    const other = await post(`${CLASS_RUN}/grad-cam?class=ring&layer=features.0`, digit);
    expect([other.headers.get('X-Class'), other.headers.get('X-Layer')]).toEqual(['ring', 'features.0']);
    const mask = await post(`${MASK_RUN}/grad-cam`, photo);
    expect([mask.status, mask.headers.get('X-Class'), mask.headers.get('X-Layer')]).toEqual([200, 'cell', MIDDLE]);
    // An epoch has taught it to see cells everywhere.
    expect(mask.headers.get('X-Probability')).toBe('1.000000');
    expect(await refusal(post(`${MASK_RUN}/grad-cam?class=background`, photo))).toEqual([
      422,
      'no pixel of this image is found to be background: ask for another class',
    ]);
  });

  it.each([
    ['features', 400, 'say whose maps are wanted'],
    ['features?layer=features.9', 400, 'did you mean "features.'],
    ['features?step=7', 400, 'there is no step 7'],
    ['features?step=-1', 400, 'there is no step -1'],
    ['features?layer=features.0&invert=yes', 400, 'invert=yes is wrong'],
    ['grad-cam?class=zebra', 400, 'unknown class "zebra"'],
    ['grad-cam?class=5', 400, 'unknown class "5"'],
    ['grad-cam?layer=classifier.1', 400, 'take a convolution'],
    ['predict?top=x', 400, 'top=x is wrong'],
    ['predict?as=mask', 400, 'there is no option as'],
  ])('%s is refused with %i', async (path, status, words) => {
    const [code, error] = await refusal(post(`${CLASS_RUN}/${path}`, digit));
    expect(code).toBe(status);
    expect(error).toContain(words);
  });
});

describe('prediction', () => {
  it('by the server is what the network says', async () => {
    const { net, config } = await loadRun(join(root, 'deep/classes'));
    const { normalised } = await seenImage(digit, { net, config });
    const { output } = await probe(net, normalised, [], { backend: engine });
    const ranked = topClasses(output.data as Float32Array, 5, 5)[0]!;
    const { top } = await json<{ top: { index: number; class: string; probability: number }[] }>(
      post(`${CLASS_RUN}/predict?top=5`, digit),
    );
    expect(top.map((t) => t.index)).toEqual(ranked.map((r) => r.index));
    for (const [i, { probability }] of top.entries()) expect(probability).toBeCloseTo(ranked[i]!.probability, 5);
    const mask = await post(`${MASK_RUN}/predict?as=mask&threshold=0.4`, photo);
    const { width, height } = await pixels(await mask.arrayBuffer());
    expect([width, height]).toEqual([50, 40]);
    const form = new FormData();
    form.append('image', new File([digit as BlobPart], 'digit.png'));
    const asForm = await app.request(`${CLASS_RUN}/predict?top=5`, { method: 'POST', body: form });
    expect((await json<{ top: unknown }>(asForm)).top).toEqual(top);
  });

  it('by a page has the same network and the same preparation', async () => {
    const config = await json<PageConfig>(get(`${CLASS_RUN}/page`));
    expect(config).toMatchObject({
      title: 'deep/classes',
      task: 'classification',
      inputShape: [1, 28, 28],
      fit: 'cover',
      centred: false,
    });
    const response = await get(`${CLASS_RUN}/model.onnx`);
    const session = await openOnnx(new Uint8Array(await response.arrayBuffer()));
    const { first } = await pixels(digit);
    const { logits } = await session.run(hostTensor(first, [1, 1, 28, 28]));
    await session.release();
    const ranked = topClasses(logits!.data as Float32Array, 5, 5)[0]!;
    const { top } = await json<{ top: { index: number; probability: number }[] }>(
      post(`${CLASS_RUN}/predict?top=5`, digit),
    );
    for (const [i, { index, probability }] of top.entries()) {
      expect(index).toBe(ranked[i]!.index);
      expect(probability).toBeCloseTo(ranked[i]!.probability, 4);
    }
    const tag = response.headers.get('ETag')!;
    expect((await get(`${CLASS_RUN}/model.onnx`, { 'If-None-Match': tag })).status).toBe(304);
    expect(await json<PageConfig>(get(`${MASK_RUN}/page`))).toMatchObject({
      task: 'segmentation',
      geometry: { outputs: 1, multiple: 2 },
    });
    expect((await get(`${MASK_RUN}/model.onnx`)).status).toBe(200);
  });

  it('finds its runtime on the server', async () => {
    const script = await get('/ort/ort.mjs');
    expect(script.headers.get('Content-Type')).toContain('text/javascript');
    expect(await script.text()).toContain('export');
    const wasm = await get('/ort/ort.wasm');
    expect(wasm.headers.get('Content-Type')).toBe('application/wasm');
    expect(new Uint8Array(await wasm.arrayBuffer()).slice(0, 4)).toEqual(Uint8Array.of(0, 0x61, 0x73, 0x6d));
  });

  it('waits for weights, says when they are broken, and follows when they change', async () => {
    const run = join(root, 'changing');
    cpSync(join(root, 'deep/classes'), run, { recursive: true });
    for (const name of ['best', 'last']) renameSync(join(run, `${name}.safetensors`), join(run, `${name}.kept`));
    const waiting = [409, 'changing has no weights yet: they are there when its first epoch is done'];
    const of = '/api/runs/changing';
    for (const path of ['page', 'model.onnx', 'filters']) expect(await refusal(get(`${of}/${path}`))).toEqual(waiting);
    for (const path of ['predict', 'features?step=1', 'grad-cam'])
      expect(await refusal(post(`${of}/${path}`, digit))).toEqual(waiting);
    expect((await get(`${of}/network`)).status).toBe(200);

    cpSync(join(run, 'best.kept'), join(run, 'best.safetensors'));
    const answers = async () => [
      await (await post(`${of}/predict?top=5`, digit)).text(),
      (await json<Features>(post(`${of}/features?step=1`, digit))).picture,
      (await get(`${of}/model.onnx`)).headers.get('ETag'),
    ];
    const first = await answers();
    expect(await answers()).toEqual(first);
    const states = Object.entries((await loadRun(run)).net.stateDict());
    const others = states.map(([name, { data, shape, dtype }]) => {
      const changed = (data as Float32Array).map((v) => -v / 2);
      return [name, { data: changed, shape, dtype }] as const;
    });
    writeFileSync(join(run, 'best.safetensors'), encodeWeights(others));
    utimesSync(join(run, 'best.safetensors'), new Date(), new Date(Date.now() + 5000));
    for (const [i, answer] of (await answers()).entries()) expect(answer).not.toBe(first[i]);

    writeFileSync(join(run, 'best.safetensors'), 'broken');
    const [status, error] = await refusal(post(`${of}/predict`, digit));
    expect(status).toBe(422);
    expect(error).toContain('runs/changing/best.safetensors');
    rmSync(run, { recursive: true });
  });
});

describe('what is sent', () => {
  it.each(['predict', 'features?step=1', 'grad-cam'])('to %s must be an image of a moderate size', async (path) => {
    const url = `${CLASS_RUN}/${path}`;
    expect(await refusal(post(url, new Uint8Array(200_001)))).toEqual([413, expect.stringContaining('200 kB')]);
    expect((await refusal(post(url, Buffer.from('no image'))))[0]).toBe(415);
    expect((await refusal(post(url, digit, 'text/plain')))[0]).toBe(415);
    expect((await refusal(post(url, new Uint8Array(0))))[0]).toBe(400);
    const large = await sharp({ create: { width: 1001, height: 1000, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    expect(await refusal(post(url, large))).toEqual([413, expect.stringContaining('1001 x 1000 pixels')]);
    expect(await refusal(post(url, digit.subarray(0, 200)))).toEqual([422, expect.stringContaining('damaged')]);
  });

  it('is computed one after the other', async () => {
    running.most = 0;
    const all = await Promise.all([
      post(`${CLASS_RUN}/predict`, digit),
      post(`${MASK_RUN}/predict?as=json`, photo),
      post(`${CLASS_RUN}/features?step=3`, digit),
      post(`${MASK_RUN}/grad-cam`, photo),
      post(`${CLASS_RUN}/grad-cam`, digit),
      get(`${MASK_RUN}/filters`),
    ]);
    expect(all.map((r) => r.status)).toEqual(all.map(() => 200));
    expect(running.most).toBe(1);
  });

  it('is given up when the client goes', async () => {
    const { compile } = backend;
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const spy = vi.spyOn(backend, 'compile').mockImplementation(async (...how) => {
      await held;
      return compile(...how);
    });
    const busy = post(`${CLASS_RUN}/features?step=3`, digit);
    await vi.waitFor(() => expect(spy).toHaveBeenCalledTimes(1));
    const gone = new AbortController();
    const hold = vi.spyOn(Gate.prototype, 'hold');
    const left = app.request(`${CLASS_RUN}/features?step=1`, {
      method: 'POST',
      body: digit as BodyInit,
      headers: { 'Content-Type': 'image/png' },
      signal: gone.signal,
    });
    await vi.waitFor(() => expect(hold).toHaveBeenCalledTimes(1));
    gone.abort();
    expect((await left).status).toBe(499);
    release();
    expect((await busy).status).toBe(200);
    expect(spy).toHaveBeenCalledTimes(1);
  });
});

describe('what takes long to open', () => {
  const opened: string[] = [];
  const closed: string[] = [];
  const shelf = () => {
    opened.length = 0;
    closed.length = 0;
    return new Shelf<string>({ most: 2, idle: 1000, close: (value) => void closed.push(value) });
  };
  const use = (from: Shelf<string>, key: string, stamp = '1', work: (v: string) => unknown = () => {}) =>
    from.use(
      key,
      stamp,
      async () => {
        opened.push(key + stamp);
        return key + stamp;
      },
      work,
    );

  it('is opened once, for all who ask meanwhile, and anew when it has changed', async () => {
    const kept = shelf();
    await Promise.all([use(kept, 'a'), use(kept, 'a')]);
    await use(kept, 'a');
    expect(opened).toEqual(['a1']);
    await use(kept, 'a', '2');
    expect([opened, closed]).toEqual([['a1', 'a2'], ['a1']]);
    await kept.clear();
    expect(closed).toEqual(['a1', 'a2']);
  });

  it('makes room, the oldest first, but never for what is in use', async () => {
    const kept = shelf();
    let done = () => {};
    const busy = use(kept, 'a', '1', () => new Promise<void>((resolve) => (done = resolve)));
    for (const key of ['b', 'c', 'd']) await use(kept, key);
    expect(closed).toEqual(['b1', 'c1']);
    await use(kept, 'a', '2');
    expect(closed).toEqual(['b1', 'c1']);
    done();
    await busy;
    await vi.waitFor(() => expect(closed).toEqual(['b1', 'c1', 'a1']));
    await kept.clear();
  });

  it('goes when nobody has asked for a while, and is tried anew after a failure', async () => {
    vi.useFakeTimers();
    try {
      const kept = shelf();
      await use(kept, 'a');
      await vi.advanceTimersByTimeAsync(900);
      await use(kept, 'a');
      await vi.advanceTimersByTimeAsync(900);
      expect(closed).toEqual([]);
      await vi.advanceTimersByTimeAsync(200);
      expect(closed).toEqual(['a1']);
      const broken = kept.use(
        'b',
        '1',
        () => Promise.reject(new Error('broken')),
        () => 0,
      );
      await expect(broken).rejects.toThrow('broken');
      await use(kept, 'b');
      expect(opened).toEqual(['a1', 'b1']);
    } finally {
      vi.useRealTimers();
    }
  });
});

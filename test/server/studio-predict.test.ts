import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { openData } from '../../src/data/open.js';
import { encodePng, loadImage } from '../../src/node/image.js';
import { type Listening, listen } from '../../src/server/listen.js';
import { StaticFiles } from '../../src/server/studio/static.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { encodeWeights } from '../../src/train/checkpoint.js';
import { loadRun, objectiveOf } from '../../src/train/load.js';
import { Trainer } from '../../src/train/trainer.js';
import { scratch } from '../cli/process.js';
import { chromiumPath, noBrowser, openBrowser } from '../export/page.js';
import { looking, trainRun } from './looking.js';

const studio = fileURLToPath(new URL('../../studio', import.meta.url));
/** As strict as the studio's own. */
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob:; connect-src 'self'; worker-src 'self'";

/** The page of the test knows only how networks of runs are opened. */
const ENTRY = `import * as predict from ${JSON.stringify(join(studio, 'src/lib/predict/index.ts'))};
window.predict = predict;`;

describe.skipIf(!chromiumPath)(`networks that compute in the studio's page${noBrowser}`, () => {
  const root = scratch('predict');
  const backend = createReferenceBackend();
  const { app, failures, close } = looking(root, backend);
  let browser: Browser;
  let server: Listening;
  let page: Page;
  const complaints: string[] = [];
  let url: string;

  beforeAll(async () => {
    const options = { size: 32, seed: 1, channels: 3 } as const;
    const small = { features: [4, 8], bilinear: true };
    await Promise.all([
      trainRun(join(root, 'digits'), {
        ...{ model: 'lenet', options: {}, data: 'shapes', loss: 'cross-entropy', backend },
        opening: { images: 50, size: 28, channels: 1, seed: 2 },
      }),
      trainRun(join(root, 'cells'), {
        ...{
          model: 'unet',
          options: { ...small, classes: 1 },
          data: 'cells',
          loss: 'bce+dice',
          backend,
          epochs: 8,
          lr: 0.03,
        },
        opening: { ...options, images: 24 },
      }),
      trainRun(join(root, 'two'), {
        ...{
          model: 'unet',
          options: { ...small, classes: 2 },
          data: 'cells',
          loss: 'ce+dice',
          backend,
          epochs: 8,
          lr: 0.03,
        },
        opening: { ...options, images: 24 },
      }),
    ]);
    await Promise.all(['cells', 'two'].map(level));
    const source = scratch('predict-page');
    writeFileSync(
      join(source, 'index.html'),
      '<!doctype html><link rel="icon" href="/icon.svg"><script type="module" src="/entry.ts"></script>',
    );
    writeFileSync(join(source, 'entry.ts'), ENTRY);
    const outDir = join(source, 'built');
    const configFile = join(studio, 'vite.config.ts');
    await build({ configFile, root: source, build: { outDir }, logLevel: 'error' });
    const files = new StaticFiles(outDir);
    app.use(async (c, next) => {
      await next();
      c.header('Content-Security-Policy', POLICY);
    });
    app.get('/', (c) => files.answer(c, '/'));
    app.get('/icon.svg', (c) =>
      c.body('<svg xmlns="http://www.w3.org/2000/svg"/>', 200, { 'Content-Type': 'image/svg+xml' }),
    );
    app.get('/assets/:name', (c) => {
      const answer = files.answer(c, c.req.path);
      return answer.then((response) => {
        response.headers.set('Content-Security-Policy', POLICY);
        return response;
      });
    });
    server = await listen(app, { port: 0, host: '127.0.0.1', timeout: 60 });
    url = `http://127.0.0.1:${server.port}/`;
    browser = await openBrowser();
    page = await browser.newPage();
    page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()));
    page.on('pageerror', (e) => complaints.push(e.message));
    page.on('request', (r) => r.url().startsWith(url) || r.url().startsWith('blob:') || complaints.push(r.url()));
    await page.goto(url);
    await page.waitForFunction('window.predict !== undefined');
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await close();
    expect(failures).toEqual([]);
    expect(complaints).toEqual([]);
  });

  const ofServer = async <T>(run: string, query: string, image: Uint8Array): Promise<T> => {
    const response = await fetch(`${url}api/runs/${run}/predict?${query}`, {
      method: 'POST',
      body: image as BodyInit,
      headers: { 'Content-Type': 'image/png' },
    });
    expect(response.status).toBe(200);
    return (query.includes('as=mask') ? new Uint8Array(await response.arrayBuffer()) : response.json()) as T;
  };
  const base64 = (image: Uint8Array) => Buffer.from(image).toString('base64');
  /** Runs code in the page with `engine` of a run and the `picture` of a file. */
  const inPage = <T>(run: string, image: Uint8Array, code: string): Promise<T> =>
    page.evaluate(`(async () => {
      const { openRunEngine, decode } = window.predict;
      const engine = await openRunEngine(${JSON.stringify(run)});
      const bytes = Uint8Array.from(atob(${JSON.stringify(base64(image))}), (c) => c.charCodeAt(0));
      const picture = await decode(new Blob([bytes], { type: 'image/png' }), 'the picture');
      try { ${code} } finally { engine.close(); }
    })()`) as Promise<T>;

  it('name classes as the server does', async () => {
    const { valid } = await openData('shapes', { images: 50, size: 28, channels: 1, seed: 2 });
    const image = await encodePng({ data: Uint8Array.from((await valid!.get(2)).image), shape: valid!.inputShape });
    for (const invert of [false, true]) {
      const { ranked, seen } = await inPage<{ ranked: Ranked[]; seen: number[] }>(
        'digits',
        image,
        `const { ranked, seen } = await engine.classify(picture, { invert: ${invert} });
         return { ranked, seen: [seen.width, seen.height, seen.rgba[0]] };`,
      );
      expect(seen.slice(0, 2)).toEqual([28, 28]);
      const { top } = await ofServer<{ top: Ranked[] }>('digits', `top=5&invert=${invert}`, image);
      expect(ranked).toHaveLength(5);
      for (const [i, { index, probability }] of top.entries()) {
        expect(ranked[i]!.index).toBe(index);
        expect(ranked[i]!.probability).toBeCloseTo(probability, 4);
      }
    }
  });

  it('make the server’s masks, for any threshold', async () => {
    const photo = await cells();
    for (const threshold of [0.3, 0.5]) {
      const found = await inPage<{ classes: number[]; size: number[]; hasThreshold: boolean }>(
        'cells',
        photo,
        `const found = await engine.segment(picture);
         return { classes: [...found.mask(${threshold}).classes], size: [found.width, found.height], hasThreshold: found.hasThreshold };`,
      );
      expect([found.size, found.hasThreshold]).toEqual([[48, 48], true]);
      expect(await wrongPixels('cells', `as=mask&threshold=${threshold}`, photo, found.classes)).toBeLessThan(8);
    }
  });

  it('of several outputs make masks too', async () => {
    const photo = await cells();
    const found = await inPage<{ classes: number[]; foreground: number; hasThreshold: boolean }>(
      'two',
      photo,
      `const found = await engine.segment(picture);
       const mask = found.mask();
       return { classes: [...mask.classes], foreground: mask.foreground, hasThreshold: found.hasThreshold };`,
    );
    expect(found.hasThreshold).toBe(false);
    expect(found.foreground).toBe(found.classes.filter((c) => c > 0).length / found.classes.length);
    expect(await wrongPixels('two', 'as=mask', photo, found.classes)).toBeLessThan(8);
  });

  it('answer in order, and fail in one sentence when they are closed or missing', async () => {
    const photo = await cells();
    const said = await inPage<string[]>(
      'digits',
      photo,
      `const order = [];
       await Promise.all([1, 2, 3].map((i) => engine.classify(picture).then(() => order.push(i))));
       const said = [order.join('')];
       await engine.segment(picture).catch((e) => said.push(e.message));
       const late = engine.classify(picture).catch((e) => said.push(e.message));
       engine.close();
       await late;
       await engine.classify(picture).catch((e) => said.push(e.message));
       return said;`,
    );
    expect(said).toEqual([
      '123',
      'this network names classes and makes no masks',
      'the network was closed',
      'the network was closed',
    ]);
    const missing = await page.evaluate(`window.predict.openRunEngine('no?').catch((e) => e.message)`);
    expect(missing).toBe('there is no run no?');
    // The browser writes of refused requests by itself.
    expect(complaints.splice(0)).toEqual([expect.stringContaining('404')]);
  });

  async function wrongPixels(run: string, query: string, photo: Uint8Array, classes: readonly number[]) {
    const png = await ofServer<Uint8Array>(run, query, photo);
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    const theirs = data.filter((_, i) => i % info.channels === 0);
    expect(theirs.length).toBe(classes.length);
    expect(new Set(theirs).size, 'a mask of one colour shows nothing').toBe(2);
    return classes.filter((own, i) => own > 0 !== theirs[i]! > 0).length;
  }

  /** Moves what a network says so that half of a photo is foreground: a moment of training teaches it one answer. */
  async function level(run: string): Promise<void> {
    const { net, config } = await loadRun(join(root, run));
    const { data, shape } = await loadImage(await cells(), { channels: 3, size: 32 });
    const trainer = new Trainer(net, { ...objectiveOf(config), normalize: config.normalize, backend });
    const scores = (await trainer.predict(hostTensor(data, [1, ...shape]))).data;
    const area = shape[1] * shape[2];
    const last = scores.length - area;
    const lead = Array.from({ length: area }, (_, i) => scores[last + i]! - (last > 0 ? scores[i]! : 0));
    const states = { ...(await loadRun(join(root, run))).net.stateDict() };
    const bias = states['outc.conv.bias']!;
    const moved = (bias.data as Float32Array).slice();
    moved[moved.length - 1]! -= lead.sort((a, b) => a - b)[area >> 1]!;
    states['outc.conv.bias'] = { ...bias, data: moved };
    writeFileSync(join(root, run, 'best.safetensors'), encodeWeights(Object.entries(states)));
    await trainer.dispose();
  }

  /** Cells that no network was trained on, larger than those. */
  async function cells(): Promise<Uint8Array> {
    const { valid } = await openData('cells', { size: 48, seed: 1, channels: 3, images: 24 });
    return encodePng({ data: Uint8Array.from((await valid!.get(1)).image), shape: valid!.inputShape });
  }
});

interface Ranked {
  readonly index: number;
  readonly probability: number;
}

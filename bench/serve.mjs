#!/usr/bin/env node
// A model server under load: many clients at once, among them oversized, truncated and endless bodies, files that are no
// images, 400-megapixel bombs, clients that stall or hang up. Every answer is checked against the one that the same
// photo got alone. Exits with 1 if any is wrong.
// With --good all clients send photos; --no-engine does without the rate of the engine alone.
//   node bench/serve.mjs [--run RUN] [--requests 1000] [--clients 32] [--batch 4] [--as json] [--good] [--no-engine] [--json]
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadRun, openDevice, openWorkload } from '../dist/index.js';
import { noise, photo, pixelBomb } from './lib/bad_images.mjs';
import { scratch } from './lib/scratch.mjs';
import { quantile } from './lib/stats.mjs';
import { kindsOf, schedule, send, traffic } from './lib/traffic.mjs';
import { memory } from './peers/protocol.mjs';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const { values } = parseArgs({
  options: {
    run: { type: 'string' },
    requests: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '32' },
    batch: { type: 'string', default: '4' },
    as: { type: 'string' },
    device: { type: 'string', default: 'auto' },
    timeout: { type: 'string', default: '20' },
    good: { type: 'boolean', default: false },
    'no-engine': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const [requests, clients, batch, timeout] = ['requests', 'clients', 'batch', 'timeout'].map((name) =>
  Number(values[name]),
);
const say = (line) => values.json || process.stdout.write(`${line}\n`);

/** A U-Net trained for a moment: what it answers does not matter, how fast does. */
function smallRun() {
  say('no --run: training a U-Net of 64 to 1024 channels for a moment');
  const out = join(scratch('serve'), 'run');
  const args =
    'train unet --data cells --images 32 --size 128 --epochs 1 --batch-size 4 --seed 1 --features 64,128,256,512,1024';
  const { status, stderr } = spawnSync(process.execPath, [main, ...args.split(' '), '--out', out], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return out;
}

/** Images a second of the engine alone, in batches of the same size. */
async function engineRate(run) {
  const { config, net } = await loadRun(run);
  const { backend, line } = await openDevice({ device: values.device });
  say(line);
  const work = await openWorkload(net, backend, { inputShape: config.inputShape, batch, mode: 'infer' });
  const once = async () => {
    const began = performance.now();
    await work.run();
    return performance.now() - began;
  };
  await once();
  const times = [];
  for (let spent = 0; spent < 3000 || times.length < 5; spent += times.at(-1)) times.push(await once());
  work.dispose();
  backend.dispose();
  return (1000 * batch) / quantile(times, 0.5);
}

async function start(run) {
  const args = ['serve', run, '--port', '0', '--batch', String(batch), '--timeout', String(timeout), '--json'];
  const child = spawn(process.execPath, [main, ...args, '--device', values.device, '--max-body', '5mb'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const about = await new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    child.stdout.on('data', (part) => {
      text += part;
      if (text.trimEnd().endsWith('}')) resolve(JSON.parse(text));
    });
  });
  if (about.error) throw new Error(about.error);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  return { ...about, child, ended };
}

const memoryOf = (pid) => memory('VmRSS', pid) / 2 ** 20;

/** Equal, but for rounding: batches of different sizes may be computed by different algorithms. */
function sameAnswer(a, b) {
  if (typeof a === 'number') return Math.abs(a - b) < 1e-3;
  if (typeof a !== 'object' || a === null) return a === b;
  return Object.keys(a).every((key) => sameAnswer(a[key], b[key]));
}

async function measure() {
  const run = values.run ?? smallRun();
  const photos = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => photo(640 - 32 * i, 480 + 16 * i, i)));
  const material = { photos, bomb: pixelBomb(), large: noise(6e6), garbage: noise(50_000) };
  const engine = values['no-engine'] ? undefined : await engineRate(run);
  const server = await start(run);
  const { port, pid, task } = server;
  try {
    const as = values.as ?? 'json';
    const path = task === 'segmentation' ? `/predict?as=${as}` : '/predict';
    const json = task === 'classification' || as === 'json';
    const alone = [];
    for (const body of photos) alone.push(await send(port, { path, body }));
    const wanted = alone.map(({ status, body }) => {
      if (status !== 200) throw new Error(`a photo alone got ${status}: ${body}`);
      return json ? JSON.parse(body) : body.length;
    });
    const check = (i, body) => {
      const expected = wanted[i % photos.length];
      // Pixels at the threshold may fall on either side, so that a PNG differs by some bytes.
      const fits = json ? sameAnswer(expected, JSON.parse(body)) : Math.abs(body.length - expected) < 0.02 * expected;
      return fits ? undefined : `photo ${i % photos.length} was answered with ${String(body).slice(0, 200)}`;
    };
    const every = kindsOf(material);
    const kinds = values.good ? { photo: every.photo } : every;
    const before = memoryOf(pid);
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, memoryOf(pid));
    }, 100);
    const began = performance.now();
    const results = await traffic(port, kinds, schedule(kinds, requests), clients, path, check);
    clearInterval(watch);
    const good = results.filter((r) => r.status === 200);
    const times = good.filter((r) => r.name === 'photo').map((r) => r.ms);
    // The last stalled clients are waited for when all photos are answered.
    const last = Math.max(...good.map((r) => r.at));
    const metrics = await (await fetch(`${server.url}metrics`)).text();
    const rate = (1000 * good.length) / (last - began);
    const byKind = {};
    for (const { name, status } of results) {
      byKind[name] ??= {};
      byKind[name][status] = (byKind[name][status] ?? 0) + 1;
    }
    const number = (name) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(metrics)?.[1]);
    server.child.kill('SIGTERM');
    return {
      run,
      task,
      device: server.device.description,
      requests: results.length,
      clients,
      batch,
      answers: byKind,
      wrong: results.filter((r) => r.wrong).map((r) => r.wrong),
      seconds: (last - began) / 1000,
      imagesPerSecond: rate,
      ...(engine ? { engineImagesPerSecond: engine, ofEngine: rate / engine } : {}),
      latencyMs: { p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: Math.max(...times) },
      meanBatch: number('fovea_engine_batch_images_sum') / number('fovea_engine_batch_images_count'),
      engineBusy: number('fovea_engine_busy_seconds_total') / ((last - began) / 1000),
      memoryMiB: { before, peak },
      exitCode: await server.ended,
    };
  } finally {
    server.child.kill('SIGKILL');
  }
}

const found = await measure();
if (values.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
else {
  const { latencyMs: l, memoryMiB: m, engineImagesPerSecond: engine } = found;
  const ofEngine = engine ? `, ${(100 * found.ofEngine).toFixed(0)} % of the engine's ${engine.toFixed(1)}` : '';
  for (const [kind, statuses] of Object.entries(found.answers))
    say(
      `  ${kind.padEnd(10)} ${Object.entries(statuses)
        .map(([s, n]) => `${s === '0' ? 'no answer' : s}: ${n}`)
        .join(', ')}`,
    );
  say(
    `  ${found.requests} requests of ${clients} clients, ${found.wrong.length} answered wrongly; exit code ${found.exitCode}`,
  );
  say(
    `  ${found.imagesPerSecond.toFixed(1)} images/s${ofEngine}; batches of ${found.meanBatch.toFixed(1)} on average, engine busy ${(100 * found.engineBusy).toFixed(0)} % of the time`,
  );
  say(
    `  photos answered in ${l.p50.toFixed(0)} ms (median), ${l.p99.toFixed(0)} ms (p99), ${l.max.toFixed(0)} ms (slowest)`,
  );
  say(`  memory of the server ${m.before.toFixed(0)} MiB before, ${m.peak.toFixed(0)} MiB at most`);
  for (const wrong of found.wrong.slice(0, 10)) say(`  wrong: ${wrong}`);
}
process.exitCode = found.wrong.length === 0 && found.exitCode === 0 ? 0 : 1;

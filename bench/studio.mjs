#!/usr/bin/env node
// How fast the studio is, measured in Chromium over a real `fovea studio`:
//   first    milliseconds from the address to the list of runs, and to a run's curves, with nothing in the browser's cache
//   pan      the longest task of scripts while a run of 10,000 points and 200 sheets is moved about, from a trace
//   train    LeNet's images/s with its page open, against without a studio, in turns
//   node bench/studio.mjs [--only first,pan,train] [--rounds 5]     needs `npm run build`
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { lengthen } from './lib/long_run.mjs';
import { scratch } from './lib/scratch.mjs';
import { quantile } from './lib/stats.mjs';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const { values } = parseArgs({
  options: { only: { type: 'string', default: 'first,pan,train' }, rounds: { type: 'string', default: '5' } },
});
const wanted = values.only.split(',');
const rounds = Number(values.rounds);
const say = (line) => process.stdout.write(`${line}\n`);
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);
if (!executablePath) throw new Error('there is no Chromium; CHROMIUM=path says where one is');

const runs = join(scratch('bench-studio'), 'runs');
mkdirSync(runs);
const train = (out, args) => {
  const all = [main, 'train', ...args.split(' '), '--out', join(runs, out), '--overwrite', '--quiet'];
  const { status, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};

/** A studio of its own process, and what ends it. */
async function openStudio() {
  const args = [main, 'studio', '--runs', runs, '--port', '0', '--no-open', '--threads', '1', '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    if (/"url": "[^"]+"/.test(text)) break;
  }
  const [, url] = /"url": "([^"]+)"/.exec(text);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  return {
    url,
    close: () => {
      child.kill('SIGINT');
      return ended;
    },
  };
}

async function first(browser, url) {
  const measure = async (place, selector) => {
    const times = [];
    for (let i = 0; i <= rounds; i++) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      const page = await context.newPage();
      const began = performance.now();
      await page.goto(`${url}#/${place}`, { waitUntil: 'commit' });
      await page.locator(selector).first().waitFor();
      times.push(performance.now() - began);
      await context.close();
    }
    // The first one warms the server.
    return Math.round(quantile(times.slice(1), 0.5));
  };
  say(`first page (list of runs)      ${await measure('runs', '.runs-table tbody tr')} ms in the median of ${rounds}`);
  say(`curves of 10,000 points        ${await measure('runs/long', '.plot canvas')} ms`);
}

const SCRIPTING = new Set(['FunctionCall', 'EvaluateScript', 'EventDispatch', 'TimerFire', 'FireAnimationFrame']);

/** Tasks of scripts on the page's main thread while `act` goes on: milliseconds, with what waits for the processor and without. */
async function traced(page, act) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    categories: 'devtools.timeline,disabled-by-default-devtools.timeline',
  });
  await act();
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  await session.detach();
  const own = events.filter(
    (e) => e.ph === 'X' && SCRIPTING.has(e.name) && !/^(chrome|devtools):/.test(e.args?.data?.url ?? ''),
  );
  const top = own.filter(
    (e) =>
      !own.some((o) => o !== e && o.tid === e.tid && o.pid === e.pid && o.ts <= e.ts && o.ts + o.dur >= e.ts + e.dur),
  );
  const ms = top.map((e) => e.dur / 1000);
  const cpu = top.map((e) => (e.tdur ?? e.dur) / 1000);
  return { tasks: top.length, longest: Math.max(...ms), longestCpu: Math.max(...cpu), p99: quantile(ms, 0.99) };
}

async function pan(browser, url) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${url}#/runs/long`);
  await page.locator('.plot canvas').first().waitFor();
  await page.waitForTimeout(2000);
  const box = await page.locator('.plot .u-over').first().boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const report = (what, { tasks, longest, longestCpu, p99 }) =>
    say(
      `${what.padEnd(30)} longest task ${longest.toFixed(1)} ms (${longestCpu.toFixed(1)} ms of the processor), 99 % within ${p99.toFixed(1)} ms, of ${tasks}`,
    );
  await page.mouse.move(x, y);
  report(
    'zooming by the wheel',
    await traced(page, async () => {
      for (let i = 0; i < 12; i++) {
        await page.mouse.wheel(0, -100);
        await page.waitForTimeout(30);
      }
    }),
  );
  report(
    'panning by dragging',
    await traced(page, async () => {
      for (let turn = 0; turn < 4; turn++) {
        await page.mouse.move(x + (turn % 2 ? -200 : 200), y);
        await page.mouse.down();
        await page.mouse.move(x + (turn % 2 ? 200 : -200), y, { steps: 60 });
        await page.mouse.up();
      }
    }),
  );
  await page.goto(`${url}#/runs/long?tab=masks`);
  const slider = page.getByRole('slider', { name: 'Epoch whose masks are shown' });
  await slider.waitFor();
  await page.waitForTimeout(1500);
  await slider.focus();
  report(
    'the slider over 200 sheets',
    await traced(page, async () => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press(i < 30 ? 'ArrowLeft' : 'ArrowRight');
        await page.waitForTimeout(33);
      }
    }),
  );
  await page.close();
}

/** Images a second of a LeNet's epochs after the first, which compiles. */
function speed() {
  const text = readFileSync(join(runs, 'speed', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n');
  return quantile(
    text.slice(1).map((line) => JSON.parse(line).imagesPerSecond),
    0.5,
  );
}
const lenet = () =>
  new Promise((resolve, reject) => {
    const args = [
      'lenet',
      '--data',
      'mnist',
      '--limit',
      '12000',
      '--epochs',
      '5',
      '--threads',
      '1',
      '--overwrite',
      '--quiet',
    ];
    const child = spawn(process.execPath, [main, 'train', ...args, '--out', join(runs, 'speed')], { stdio: 'ignore' });
    child.on('exit', (code) => (code === 0 ? resolve(speed()) : reject(new Error(`the training ended with ${code}`))));
  });

async function training() {
  const [alone, watched] = [[], []];
  for (let i = 0; i < rounds; i++) {
    alone.push(await lenet());
    const studio = await openStudio();
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${studio.url}#/runs/speed`);
    await page.locator('.plot canvas').first().waitFor();
    watched.push(await lenet());
    await browser.close();
    await studio.close();
  }
  const [a, b] = [quantile(alone, 0.5), quantile(watched, 0.5)];
  const spread = ((quantile(alone, 0.75) - quantile(alone, 0.25)) / 2 / a) * 100;
  say(`LeNet alone                    ${Math.round(a)} images/s (spread ${spread.toFixed(1)} %)`);
  say(`LeNet with its page open       ${Math.round(b)} images/s, ${((b / a - 1) * 100).toFixed(1)} %`);
}

if (wanted.includes('first') || wanted.includes('pan')) {
  train('long', 'unet --features 4,8,16 --data cells --images 60 --size 64 --epochs 2 --samples-every 1');
  lengthen(join(runs, 'long'), { epochs: 200, steps: 50 });
  const studio = await openStudio();
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  if (wanted.includes('first')) await first(browser, studio.url);
  if (wanted.includes('pan')) await pan(browser, studio.url);
  await browser.close();
  await studio.close();
}
if (wanted.includes('train')) await training();

#!/usr/bin/env node
// The README's pictures of the studio: LeNet on MNIST and a U-Net on generated cells, trained now, as Chromium shows them.
//   node scripts/studio-screens.mjs [--out docs/images] [--theme light] [--runs DIR]     needs `npm run build` and MNIST
// --runs takes runs `digits` and `cells` that are there instead of training them.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const root = fileURLToPath(new URL('..', import.meta.url));
const main = join(root, 'dist/cli/main.js');
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'docs/images') },
    theme: { type: 'string', default: 'light' },
    runs: { type: 'string' },
  },
});
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);
if (!executablePath) throw new Error('there is no Chromium; CHROMIUM=path says where one is');

const scratch = mkdtempSync(join(tmpdir(), 'fovea-screens-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const runs = values.runs ?? join(scratch, 'runs');
if (!values.runs) {
  mkdirSync(runs);
  const train = (out, args) => {
    const all = [main, 'train', ...args.split(' '), '--out', join(runs, out), '--quiet'];
    if (spawnSync(process.execPath, all, { stdio: 'inherit' }).status !== 0) process.exit(1);
  };
  train('digits', 'lenet --data mnist --epochs 4');
  train(
    'cells',
    'unet --features 8,16,32 --data cells --images 300 --size 96 --epochs 12 --samples-every 1 --optimizer adam --lr 0.01 --batch-size 8',
  );
}

const studio = spawn(process.execPath, [main, 'studio', '--runs', runs, '--port', '0', '--no-open', '--json'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let text = '';
for await (const chunk of studio.stdout) {
  text += chunk;
  if (/"url": "[^"]+"/.test(text)) break;
}
const [, url] = /"url": "([^"]+)"/.exec(text);

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: values.theme });
mkdirSync(values.out, { recursive: true });
async function picture(name, place, act) {
  await page.goto('about:blank');
  await page.goto(`${url}#/${place}`);
  await act();
  await page.waitForTimeout(600);
  const file = join(values.out, `studio-${name}.png`);
  // Few colours are in them but in photos, which look the same in 256.
  await sharp(await page.screenshot())
    .png({ palette: true, compressionLevel: 9 })
    .toFile(file);
  process.stdout.write(`${file}: ${Math.round(statSync(file).size / 1000)} kB\n`);
}

await picture('run', 'runs/digits', () => page.locator('.plot canvas').first().waitFor());
await picture('masks', 'runs/cells?tab=masks', async () => {
  await page.getByRole('img', { name: /^Photos with the masks/ }).waitFor();
});
await picture('network', 'networks/googlenet', async () => {
  await page.locator('button[data-path="inception3a"]').click();
  await page.locator('button[data-path="inception3a"][aria-expanded=true]').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.mouse.move(640, 20);
});
await picture('try', 'try/digits', async () => {
  const { x, y, width, height } = await page.getByRole('img', { name: /^Drawing field/ }).boundingBox();
  const stroke = [
    [0.3, 0.26],
    [0.7, 0.24],
    [0.56, 0.5],
    [0.46, 0.78],
  ];
  for (const [i, [u, v]] of stroke.entries()) {
    await page.mouse.move(x + u * width, y + v * height, { steps: i === 0 ? 1 : 8 });
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
  await page.getByText(/✓/).waitFor();
});
await browser.close();
studio.kill('SIGINT');

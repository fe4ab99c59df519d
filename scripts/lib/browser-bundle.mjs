// A page that runs a U-Net, bundled by Vite from the package's browser entry, and Chromium to open it in.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

/** A U-Net of 8 base channels on the reference backend: the same numbers wherever it runs. */
const forward = (
  entry,
) => `import { createReferenceBackend, hostTensor, models, Trainer, losses, optim } from ${JSON.stringify(entry)};
export async function forward() {
  const backend = createReferenceBackend();
  const net = models.unet({ inChannels: 3, classes: 1, features: [8, 16, 32] });
  const trainer = new Trainer(net, {
    backend, loss: losses.bceWithLogits(), optimizer: optim.sgd({ lr: 0.1 }), normalize: { mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] },
  });
  const pixels = Uint8Array.from({ length: 3 * 16 * 24 }, (_, i) => (i * 37) % 251);
  const output = await trainer.predict(hostTensor(pixels, [1, 3, 16, 24], 'uint8'));
  return { device: backend.device.backend, shape: output.shape, values: [...output.data] };
}
`;

/**
 * Bundles the page with \`entry\` imported from \`folder\`.
 * @returns the JavaScript file and its size
 * @throws Error if the bundle takes anything that only Node has
 */
export async function bundled(entry, folder, out) {
  const { build } = await import('vite');
  mkdirSync(out, { recursive: true });
  // Beside the importing project, so that its node_modules are seen.
  const source = join(folder, 'page-source');
  mkdirSync(source, { recursive: true });
  writeFileSync(join(source, 'forward.mjs'), forward(entry));
  writeFileSync(
    join(source, 'main.mjs'),
    "import { forward } from './forward.mjs';\nforward().then((r) => { window.result = r; }, (e) => { window.result = { error: String(e) }; });\n",
  );
  writeFileSync(join(out, 'forward.mjs'), `export * from ${JSON.stringify(join(source, 'forward.mjs'))};\n`);
  const warnings = [];
  const logger = {
    info: () => {},
    warn: (text) => warnings.push(text),
    warnOnce: (text) => warnings.push(text),
    error: (text) => warnings.push(text),
    clearScreen: () => {},
    hasErrorLogged: () => false,
    hasWarned: false,
  };
  await build({
    root: source,
    configFile: false,
    customLogger: logger,
    logLevel: 'warn',
    build: {
      outDir: join(out, 'dist'),
      emptyOutDir: true,
      lib: { entry: join(source, 'main.mjs'), formats: ['es'], fileName: 'page' },
      minify: true,
    },
  });
  const taken = warnings.filter((text) => /externalized|node:/.test(text));
  if (taken.length > 0) throw new Error(`the browser bundle takes modules of Node: ${taken[0]}`);
  const file = join(
    out,
    'dist',
    readdirSync(join(out, 'dist')).find((name) => name.startsWith('page')),
  );
  const text = readFileSync(file, 'utf8');
  const imports = /(?:from|import\()\s*["'](?:node:|fs|path|os|worker_threads|sharp)[^"']*["']/.exec(text);
  if (imports) throw new Error(`the browser bundle imports ${imports[0]}`);
  return { file, bytes: statSync(file).size };
}

/** What the page's script leaves in \`window.result\`. Throws on any error of the page. */
export async function inChromium(file) {
  const { chromium } = await import('playwright-core');
  const script = readFileSync(file);
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript
        ? script
        : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    );
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  try {
    const page = await browser.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction('window.result !== undefined', undefined, { timeout: 60_000 });
    const result = await page.evaluate('window.result');
    if (result.error || errors.length > 0) throw new Error(`the page failed: ${result.error ?? errors[0]}`);
    return result;
  } finally {
    await browser.close();
    server.close();
  }
}

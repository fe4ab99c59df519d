#!/usr/bin/env node
// Packs the package and uses it as a stranger would: installed in an empty folder, with neither compiler nor oneDNN within
// reach; from a strict TypeScript project; and in a browser page bundled by Vite. Takes a minute or two; npm must reach
// its registry or have the dependencies in its cache.
//   node scripts/check-package.mjs [--keep]   --keep: leaves what it made and says where
//   node scripts/check-package.mjs --browser   only what Vite and Chromium make of the compiled output in this checkout
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundled, inChromium } from './lib/browser-bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'fovea-package-'));
const user = join(scratch, 'user');
const say = (text) => process.stdout.write(`${text}\n`);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    ...options,
  });
  if (error || status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr + stdout}`);
  return stdout;
}

function expect(holds, sentence) {
  if (!holds) throw new Error(sentence);
  say(`ok: ${sentence}`);
}

/** What is in the tarball, and that installing it runs nothing. */
function pack() {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', scratch], { cwd: root }));
  const { filename, size, unpackedSize, files } = packed;
  say(`${filename}: ${megabytes(size)} packed, ${megabytes(unpackedSize)} unpacked, ${files.length} files`);
  const strange = files
    .map((f) => f.path)
    .filter((p) => /^(src|test|runs|bench|node_modules|shared)\/|\.pth$|\.env/.test(p));
  expect(strange.length === 0, `no sources, tests or data are packed ${strange.slice(0, 3)}`);
  return { tarball: join(scratch, filename), prebuilt: files.some((f) => f.path.endsWith('fovea.node')) };
}

function install(tarball) {
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{ "name": "user", "private": true, "type": "module" }\n');
  run('npm', ['install', tarball, '--prefer-offline', '--no-audit', '--no-fund'], { cwd: user });
  const { scripts = {}, version } = JSON.parse(readFileSync(join(user, 'node_modules/fovea/package.json'), 'utf8'));
  const hooks = Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name));
  expect(hooks.length === 0, 'installing runs no script of ours');
  say(`installed fovea ${version} in an empty folder`);
}

/** Node and nothing else on the path, and the system's oneDNN and OpenMP hidden where the system lets us. */
function withoutTools(script) {
  const bin = join(scratch, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const [name, target] of [
    ['node', process.execPath],
    ['env', '/usr/bin/env'],
    ['sh', '/bin/sh'],
  ])
    try {
      symlinkSync(target, join(bin, name));
    } catch {
      // It is there from the first call.
    }
  const hidden = run('sh', [
    '-c',
    'ls /usr/lib/*/libdnnl.so* /usr/lib/*/libgomp.so* /usr/lib/*/libOpenCL.so* /usr/bin/g++* /usr/bin/c++* /usr/bin/clang* /usr/include/dnnl.hpp 2>/dev/null; true',
  ])
    .split('\n')
    .filter(Boolean);
  const binds = hidden.map((file) => `mount --bind /dev/null "$(readlink -f ${file})" 2>/dev/null`).join('; ');
  const inside = `${binds}; cd ${user}; exec env -i PATH=${bin} HOME=${scratch} ${script}`;
  const canHide = spawnSync('unshare', ['-rm', 'true']).status === 0;
  if (!canHide)
    say('note: the libraries of the system cannot be hidden here (unshare); only that they are not used is checked');
  return canHide ? run('unshare', ['-rm', 'sh', '-c', inside]) : run('sh', ['-c', inside.replace(binds, ':')]);
}

const FOVEA = 'node node_modules/fovea/dist/cli/main.js';

function worksAlone(prebuilt) {
  const doctor = JSON.parse(withoutTools(`${FOVEA} doctor --json`));
  if (!prebuilt) {
    expect(
      !doctor.native.built && /doctor --build/.test(doctor.native.problem),
      `without an engine it says so: ${doctor.native.problem}`,
    );
    return;
  }
  expect(
    doctor.native.prebuilt === true,
    `the packed engine runs: oneDNN ${doctor.native.onednn}, ${doctor.native.isa}, ${doctor.gflops?.toFixed(0)} GFLOP/s`,
  );
  const maps = withoutTools(`node --input-type=module -e "
    import { readFileSync } from 'node:fs';
    import { openDevice } from 'fovea';
    const { backend } = await openDevice({ device: 'native' });
    console.log(readFileSync('/proc/self/maps', 'utf8'));
    backend.dispose();"`);
  const used = [...new Set([...maps.matchAll(/\S*lib(?:dnnl|gomp|OpenCL)\.so\S*/g)].map((m) => m[0]))];
  const own = join(user, 'node_modules/fovea/prebuilt');
  expect(
    used.length >= 2 && used.every((file) => file.startsWith(own)),
    `its own libraries are loaded: ${used.map((f) => f.slice(own.length + 1)).join(', ')}`,
  );
  const train = `${FOVEA} train lenet5 --data shapes --images 200 --size 16 --epochs 1 --seed 1 --device native --out run --json`;
  expect(JSON.parse(withoutTools(train)).device.backend === 'native', 'it trains natively');
}

/** The same on the reference backend, with the engine taken away. */
function fallsBack() {
  const text = withoutTools(`sh -c "FOVEA_NATIVE=/nowhere ${FOVEA} eval run --device auto"`);
  expect(
    /device: reference .*native not used: the native engine is not built/.test(text),
    'without the engine the reference backend runs and says why',
  );
}

function typeChecks() {
  const compilerOptions = {
    strict: true,
    target: 'ES2022',
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    noEmit: true,
  };
  Object.assign(compilerOptions, {
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    lib: ['ES2023', 'DOM'],
    types: ['node'],
  });
  run('npm', ['install', '--save-dev', '@types/node@20', '--prefer-offline', '--no-audit', '--no-fund'], { cwd: user });
  for (const [name, options] of [
    ['strict', {}],
    ['bundler', { module: 'ESNext', moduleResolution: 'Bundler', customConditions: ['browser'] }],
  ]) {
    writeFileSync(
      join(user, `tsconfig.${name}.json`),
      JSON.stringify({ compilerOptions: { ...compilerOptions, ...options }, files: ['use.ts'] }),
    );
    writeFileSync(join(user, 'use.ts'), USE);
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', `tsconfig.${name}.json`], {
      cwd: user,
    });
    expect(true, `a strict project type-checks against it (${name}), without skipLibCheck`);
  }
  writeFileSync(join(user, 'use.ts'), USE.replace('lr: 0.01', "lr: 'fast'"));
  const wrong = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.strict.json'],
    { cwd: user, encoding: 'utf8' },
  );
  expect(wrong.status !== 0 && /'lr'|string/.test(wrong.stdout), 'and finds a wrong option');
}

const USE = `import { losses, metrics, models, nn, optim, Trainer, type Tensor } from 'fovea';
class Net extends nn.Module {
  readonly body = new nn.Conv2d(3, 8, { kernel: 3, padding: 1 });
  forward(x: Tensor): Tensor { return this.body.forward(x); }
}
const net: nn.Module = models.unet({ inChannels: 3, classes: 1, features: [8, 16] });
export const trainer = new Trainer(net, { loss: losses.crossEntropy(), optimizer: optim.adam({ lr: 0.01 }), metrics: [metrics.accuracy()] });
export const mine = new Net();
`;

async function inBrowser(entry, folder) {
  const { file, bytes } = await bundled(entry, folder, join(scratch, 'page'));
  say(`a U-Net bundled by Vite for the browser: ${(bytes / 1e3).toFixed(0)} kB minified`);
  const theirs = await inChromium(file);
  const script = `import { forward } from ${JSON.stringify(join(scratch, 'page', 'forward.mjs'))}; console.log(JSON.stringify(await forward()))`;
  const ours = JSON.parse(run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder }));
  const difference = Math.max(...ours.values.map((v, i) => Math.abs(v - theirs.values[i])));
  expect(
    theirs.device === 'reference' && ours.values.length === theirs.values.length && difference < 1e-6,
    `it computes in Chromium what it computes in Node (largest difference ${difference})`,
  );
}

async function all() {
  const { tarball, prebuilt } = pack();
  install(tarball);
  worksAlone(prebuilt);
  if (prebuilt) fallsBack();
  typeChecks();
  await inBrowser('fovea', user);
  say(`the package is sound (${megabytes(statSync(tarball).size)})`);
}

try {
  if (process.argv.includes('--browser')) await inBrowser(join(root, 'dist/browser.js'), scratch);
  else await all();
} catch (error) {
  say(`not ok: ${error.message}`);
  process.exitCode = 1;
} finally {
  if (!process.argv.includes('--keep')) rmSync(scratch, { recursive: true, force: true });
  else say(scratch);
}

#!/usr/bin/env node
// Makes a fresh clone ready: npm packages, oneDNN, the native add-on, the compiled TypeScript. Standard library only;
// quick when there is nothing to do. Native trouble is no failure: Fovea then runs on the reference backend and says so.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = (name) => join(root, 'node_modules', `.fovea-${name}`);
const say = (text) => process.stderr.write(`setup: ${text}\n`);

const [major] = process.versions.node.split('.').map(Number);
if (major < 20) fail(`Node ${process.versions.node} is too old; Fovea needs Node 20 or newer`);

step('npm packages', 'npm', hashOf(['package.json', 'package-lock.json']), () => {
  const lock = existsSync(join(root, 'package-lock.json'));
  // With a lock file `npm ci` gives exactly the tested versions.
  return run('npm', [lock ? 'ci' : 'install', '--no-audit', '--no-fund', '--loglevel=error']);
});

const onednn = findOneDnn() || installOneDnn();
if (onednn) {
  const built = run(process.execPath, [join(root, 'scripts/build-native.mjs')]);
  if (!built && process.env.FOVEA_CI) fail('CI needs the native engine');
  if (!built) say('the native engine was not built (see above); Fovea runs on the slow reference backend until it is');
}

if (!onednn && process.env.FOVEA_CI) fail('CI needs oneDNN and the native engine');

const sources = filesUnder('src').filter((f) => f.endsWith('.ts'));
if (!existsSync(join(root, 'dist/cli/main.js'))) {
  // The output is gone: what says that it is up to date must go too.
  for (const file of [stamp('build'), join(root, 'dist/.tsbuildinfo')]) rmSync(file, { force: true });
}
step('TypeScript', 'build', hashOf(['tsconfig.json', 'tsconfig.build.json', ...sources]), () =>
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json']),
);

const pages = [...filesUnder('studio'), ...sources, 'package-lock.json'];
if (!existsSync(join(root, 'dist/studio/index.html'))) rmSync(stamp('studio'), { force: true });
step('the studio', 'studio', hashOf(pages), () =>
  run(process.execPath, [
    join(root, 'node_modules/vite/bin/vite.js'),
    ...['build', 'studio', '--config', 'studio/vite.config.ts', '--logLevel', 'error'],
  ]),
);

/** Runs `work` unless `key` is what it was when the step last succeeded. */
function step(what, name, key, work) {
  const file = stamp(name);
  if (existsSync(file) && readFileSync(file, 'utf8') === key) return;
  say(what);
  if (!work()) fail(`${what} could not be set up (see above)`);
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(file, key);
}

function hashOf(files) {
  const hash = createHash('sha256').update(process.version);
  for (const f of files) {
    hash.update(`\0${f}\0`);
    if (existsSync(join(root, f))) hash.update(readFileSync(join(root, f)));
  }
  return hash.digest('hex');
}

function filesUnder(dir) {
  return readdirSync(join(root, dir), { recursive: true })
    .map((f) => join(dir, f))
    .filter((f) => statSync(join(root, f)).isFile())
    .sort();
}

/** Whether the compiler finds oneDNN's headers. */
function findOneDnn() {
  const prefixes = ['/usr', '/usr/local', '/opt/homebrew', process.env.DNNLROOT, process.env.ONEDNN_ROOT];
  return prefixes.some((p) => p && existsSync(join(p, 'include/dnnl.hpp')));
}

function installOneDnn() {
  const isRoot = process.getuid?.() === 0;
  const has = (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
  const ways = [
    [
      'apt-get',
      'libdnnl-dev',
      () =>
        run('apt-get', ['update', '-qq']) &&
        run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'libdnnl-dev', 'g++']),
      isRoot,
    ],
    ['brew', 'onednn', () => run('brew', ['install', 'onednn', 'libomp']), true],
    ['dnf', 'onednn-devel', () => run('dnf', ['install', '-y', '-q', 'onednn-devel', 'gcc-c++']), isRoot],
  ];
  for (const [tool, name, install, allowed] of ways) {
    if (!has(tool)) continue;
    const line = `${tool === 'brew' ? '' : 'sudo '}${tool} install ${name}`;
    if (!allowed) {
      say(`oneDNN is missing, so there is no native engine. Type: ${line}, then npm run setup`);
      return false;
    }
    say(`oneDNN (${name}) by ${tool}`);
    if (install() && findOneDnn()) return true;
    say(`oneDNN could not be installed. Type: ${line}, then npm run setup`);
    return false;
  }
  say(
    'oneDNN is missing and no known package manager was found: install oneDNN 2.6 or newer with its headers, then npm run setup',
  );
  return false;
}

function run(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Everything goes to stderr: stdout belongs to the command that asked for the set-up.
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env }).status === 0;
}

function fail(message) {
  say(message);
  process.exit(1);
}

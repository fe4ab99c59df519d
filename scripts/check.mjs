#!/usr/bin/env node
// The one command that equals CI: set-up, types, lint and format, tests, exports. Stops at the first failure.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules/.bin', name);
const steps = [
  ['set-up', process.execPath, ['scripts/setup.mjs']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json', '--noEmit']],
  ['types of the studio', bin('tsc'), ['-p', 'studio', '--noEmit']],
  ['lint and format', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['exports', checkExports],
  ['browser-safe sources', checkBrowserSafe],
  ['size of the studio', process.execPath, ['scripts/check-bundle.mjs']],
  ['tests', 'npm', ['test']],
];
for (const [name, command, args] of steps) {
  process.stdout.write(`\n== ${name}\n`);
  const ok =
    typeof command === 'function' ? command() : spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0;
  if (!ok) {
    process.stdout.write(`check failed at: ${name}\n`);
    process.exit(1);
  }
}

/** Every file that package.json promises exists after the build. */
function checkExports() {
  const { exports, bin: bins } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const paths = [];
  const collect = (value) => (typeof value === 'string' ? paths.push(value) : Object.values(value).forEach(collect));
  collect(exports);
  collect(bins);
  const missing = paths.filter((p) => !existsSync(join(root, p)));
  for (const p of missing) process.stdout.write(`package.json names ${p}, which the build does not make\n`);
  return missing.length === 0;
}

/** No `node:` import outside of the folders that only Node sees. */
function checkBrowserSafe() {
  const found = spawnSync(
    'git',
    [
      'grep',
      '-nE',
      "from 'node:|import\\('node:",
      '--',
      'src',
      ':!src/backends/native',
      ':!src/node',
      ':!src/cli',
      ':!src/server',
      ':!src/report',
      ':!src/index.ts',
    ],
    { cwd: root, encoding: 'utf8' },
  );
  process.stdout.write(found.stdout);
  return found.stdout === '';
}

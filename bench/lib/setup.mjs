// What the peers need: npm packages in bench/node_modules, PyTorch in bench/.venv and Debian's.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = fileURLToPath(new URL('..', import.meta.url));
const say = (text) => process.stderr.write(`bench: ${text}\n`);
const run = (command, args, env = {}) =>
  spawnSync(command, args, { cwd: bench, stdio: ['ignore', 2, 2], env: { ...process.env, ...env } }).status === 0;

function packageOf(folder) {
  const file = join(bench, folder, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** The npm peers, unless they are there. onnxruntime-node's CPU library is in its package: no script needs to run. */
export function setUpNpm() {
  const { dependencies } = packageOf('.');
  if (Object.entries(dependencies).every(([name, version]) => packageOf(`node_modules/${name}`)?.version === version))
    return;
  say('npm packages of the peers');
  if (!run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']))
    say('they could not be installed (see above); the peers that need them are listed as missing');
}

/** The newest PyTorch in bench/.venv, and Debian's where apt-get may be used. Several gigabytes. */
export function setUpPython() {
  const python = join(bench, '.venv/bin/python');
  if (!existsSync(python)) {
    say('a Python environment in bench/.venv');
    if (!run('python3', ['-m', 'venv', '.venv']))
      return say(
        'python3 -m venv failed (see above); on Debian and Ubuntu it needs: sudo apt-get install python3-venv',
      );
  }
  say('PyTorch (bench/requirements.txt)');
  if (!run(python, ['-m', 'pip', 'install', '--quiet', '--upgrade', '--requirement', 'requirements.txt']))
    say('PyTorch could not be installed (see above)');

  const debian = '/usr/bin/python3';
  const line = 'apt-get install -y --no-install-recommends python3-torch python3-torchvision';
  if (run('sh', ['-c', 'command -v apt-get >/dev/null']) && !imports(debian, 'torch, torchvision')) {
    if (process.getuid?.() !== 0) return say(`for Debian's PyTorch as a further peer, type: sudo ${line}`);
    say("Debian's PyTorch");
    if (!run('apt-get', line.split(' ').slice(1), { DEBIAN_FRONTEND: 'noninteractive' }))
      say(`Debian's PyTorch could not be installed (see above); the line was: ${line}`);
  }
}

/** Why a Python is missing that is not on this machine. */
export const THERE_IS_NONE = 'there is none';

const imports = (python, modules) => spawnSync(python, ['-c', `import ${modules}`]).status === 0;

/**
 * Every Python at hand with PyTorch, each version once, the newest first, and what those without it said.
 * Looked for: FOVEA_BENCH_PYTHON (a colon-separated list), bench/.venv, Debian's, python3.
 * @returns {{found: {command: string, version: string}[], missing: {label: string, missing: string}[]}}
 */
export function pythons() {
  const asked = (process.env.FOVEA_BENCH_PYTHON ?? '').split(':').filter(Boolean);
  const found = new Map();
  const missing = [];
  for (const command of new Set([...asked, join(bench, '.venv/bin/python'), '/usr/bin/python3', 'python3'])) {
    // The user's own Python is a peer only where there is no other.
    if (command === 'python3' && found.size > 0) break;
    const code = 'import torch, torchvision; print(torch.__version__)';
    const { status, stdout, stderr, error } = spawnSync(command, ['-c', code], { encoding: 'utf8' });
    const version = stdout?.trim();
    if (status !== 0) {
      const why = error ? THERE_IS_NONE : stderr.trim().split('\n').at(-1);
      missing.push({ label: `PyTorch of ${command.replace(bench, 'bench/')}`, missing: why });
    } else if (!found.has(version)) found.set(version, command);
  }
  const numbers = (version) => version.split(/[.+]/).slice(0, 3).map(Number);
  const newer = ([a], [b]) => {
    const [x, y] = [numbers(a), numbers(b)];
    const i = x.findIndex((n, at) => n !== y[at]);
    return i < 0 ? 0 : y[i] - x[i];
  };
  return { found: [...found].sort(newer).map(([version, command]) => ({ version, command })), missing };
}

#!/usr/bin/env node
// Ours and theirs, alternating in one run: same shapes, same threads, float32. Prints one table and saves it as JSON.
//   npm run bench [-- --workload lenet5 --mode train|infer --threads 2 --rounds 7]     (workloads: bench/workloads.json)
// Peers: PyTorch from every Python that has it (python3, Debian's /usr/bin/python3, bench/.venv, FOVEA_BENCH_PYTHON as
// a colon-separated list), in both memory formats; jax-js. What is missing is listed as missing.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values } = parseArgs({
  options: {
    workload: { type: 'string', default: 'lenet5' },
    mode: { type: 'string', default: 'train' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '7' },
  },
});
const workloads = JSON.parse(readFileSync(join(here, 'workloads.json'), 'utf8'));
const workload = workloads[values.workload];
if (!workload) {
  console.error(`unknown workload "${values.workload}" (known: ${Object.keys(workloads).join(', ')})`);
  process.exit(2);
}
const { steps, ...about } = workload;
const config = { network: values.workload, ...about, mode: values.mode, threads: Number(values.threads) };
const rounds = Number(values.rounds);

if (!existsSync(join(here, 'node_modules')))
  spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: here, stdio: ['ignore', 2, 2] });

/** A peer process that answers one JSON line to each command. */
class Peer {
  constructor(label, command, args, settings) {
    Object.assign(this, { label, settings, ms: [], missing: undefined });
    this.process = spawn(command, args, { cwd: here, stdio: ['pipe', 'pipe', 'pipe'] });
    this.errors = '';
    this.process.stderr.on('data', (d) => {
      this.errors = `${this.errors}${d}`.slice(-2000);
    });
    this.process.on('error', (e) => {
      this.errors = e.message;
    });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }
  async ask(command) {
    this.process.stdin.on('error', () => {});
    this.process.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(this.errors.trim().split('\n').at(-1) || 'it ended');
    return JSON.parse(value);
  }
}

const peers = [new Peer('Fovea', process.execPath, ['peers/fovea_peer.mjs'], {})];
for (const python of pythons())
  for (const format of ['nchw', 'channels_last'])
    peers.push(new Peer(`${python} ${format}`, python, ['peers/torch_peer.py'], { format }));
if (config.network === 'lenet5' && config.mode === 'train')
  peers.push(new Peer('jax-js', process.execPath, ['peers/jax_js_peer.mjs'], { slow: true }));

for (const peer of peers) {
  try {
    const { name, threads } = await peer.ask({ cmd: 'prepare', ...config, format: peer.settings.format });
    Object.assign(peer, { name, threads });
    await peer.ask({ cmd: 'time', steps: peer.settings.slow ? 2 : Math.max(2, Math.ceil(steps / 2)) });
  } catch (error) {
    peer.missing = error.message;
  }
}
const running = peers.filter((p) => !p.missing);
for (let round = 0; round < rounds; round++)
  for (const peer of running) {
    const { ms, peakBytes } = await peer.ask({ cmd: 'time', steps: peer.settings.slow ? 1 : steps });
    peer.ms.push(...ms);
    peer.peakBytes = peakBytes;
  }
for (const peer of peers) peer.process.kill();

const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];
const ours = quantile(peers[0].missing ? [Number.NaN] : peers[0].ms, 0.5);
const rows = running.map((p) => ({
  name: p.name,
  threads: p.threads,
  medianMs: quantile(p.ms, 0.5),
  lowMs: quantile(p.ms, 0.1),
  highMs: quantile(p.ms, 0.9),
  ratio: quantile(p.ms, 0.5) / ours,
  peakBytes: p.peakBytes,
}));
const machine = `${cpus()[0].model.trim()}, ${availableParallelism()} cores, Node ${process.versions.node}`;
console.log(
  `\n${config.mode === 'train' ? 'one training step' : 'inference'} of ${values.workload}, batch ${config.batch}, ${config.input.join('x')}, float32, ${config.threads} threads\n${machine}\n`,
);
console.log(
  '| what | threads | median ms | 10 % to 90 % | time relative to Fovea | peak MiB |\n|---|---|---|---|---|---|',
);
for (const r of rows)
  console.log(
    `| ${r.name} | ${r.threads} | ${r.medianMs.toFixed(2)} | ${r.lowMs.toFixed(2)} to ${r.highMs.toFixed(2)} | ${r.ratio.toFixed(2)} | ${Math.round(r.peakBytes / 2 ** 20) || ''} |`,
  );
for (const p of peers.filter((q) => q.missing)) console.log(`missing: ${p.label} (${p.missing})`);
mkdirSync(join(here, 'results'), { recursive: true });
const file = join(here, 'results', `${values.workload}-${config.mode}-t${config.threads}.json`);
writeFileSync(file, `${JSON.stringify({ ...config, machine, date: new Date().toISOString(), rows }, null, 2)}\n`);
process.exit(0);

/** Every Python at hand that can import torch, each once. */
function pythons() {
  const asked = (process.env.FOVEA_BENCH_PYTHON ?? '').split(':').filter(Boolean);
  const found = new Set();
  for (const candidate of [...asked, join(here, '.venv/bin/python'), '/usr/bin/python3', 'python3']) {
    const probe = spawnSync(candidate, ['-c', 'import sys, torch; print(sys.prefix)'], { encoding: 'utf8' });
    if (probe.status === 0) found.add(`${probe.stdout.trim()}\0${candidate}`);
  }
  const byPrefix = new Map([...found].map((f) => f.split('\0')));
  return [...byPrefix.values()];
}

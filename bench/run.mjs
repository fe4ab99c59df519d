#!/usr/bin/env node
// Ours and theirs, alternating in one run: same shapes, weights and threads, float32. Prints a table and saves it as JSON.
//   npm run bench                                            LeNet-5, training
//   npm run bench -- --workload all --mode train,infer       every workload of bench/workloads.json
//   npm run bench -- --setup                                 installs PyTorch for it first (several gigabytes)
// docs/performance.md ("How the benchmark works") says what is measured, and how.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compare } from './lib/compare.mjs';
import { fmaLimit } from './lib/limit.mjs';
import { defaultThreads, specifications } from './lib/peers.mjs';
import { pythons, setUpNpm, setUpPython } from './lib/setup.mjs';
import { tooDifferent } from './lib/stats.mjs';
import { resultText } from './lib/table.mjs';

const HELP = `npm run bench -- [options]
  --workload NAMES  comma-separated, or all (default: lenet5)
  --mode MODES      train, infer or train,infer (default: train)
  --threads N       (default: ${defaultThreads})
  --rounds N        how often all peers take turns (default: 7)
  --peers WORDS     only peers whose name holds one of these comma-separated words; ours is always there
  --without WORDS   no peer whose name holds one of these, for example compiled,tfjs
  --isa avx2        holds every peer that can be held to AVX2
  --batches LIST    also time and memory against the batch, for example 1,2,4,8,16,32; without --peers the newest
                    PyTorch's two memory formats are the others
  --limit SECONDS   jax-js and TensorFlow.js are left out and listed where a step takes longer (default: 30)
  --setup           first installs what the peers need: bench/.venv with PyTorch, npm packages, Debian's PyTorch
  --help`;

const here = fileURLToPath(new URL('.', import.meta.url));
const workloads = JSON.parse(readFileSync(join(here, 'workloads.json'), 'utf8'));
const options = readOptions();
const say = (text) => process.stderr.write(`  ${text}\n`);

setUpNpm();
if (options.setup) setUpPython();
const { found, missing: withoutTorch } = pythons();
const limit = fmaLimit(options);
let failed = false;
for (const workload of options.workloads)
  for (const mode of options.modes)
    try {
      await bench(workload, mode);
    } catch (error) {
      console.error(`bench: ${workload}, ${mode}: ${error.message}`);
      failed = true;
    }
process.exit(failed ? 1 : 0);

async function bench(workload, mode) {
  const { steps, ...about } = workloads[workload];
  const { threads, isa, rounds, seconds } = options;
  const config = { network: workload, ...about, mode, threads, ...(isa ? { isa } : {}) };
  const holds = (label, words) => words.some((word) => label.toLowerCase().includes(word));
  const chosen = (label) => (!options.peers || holds(label, options.peers)) && !holds(label, options.without);
  const all = specifications(config, found);
  const specs = all.filter((s, i) => i === 0 || chosen(s.label));
  const run = (at, who, howMany) =>
    compare(at, who, {
      rounds: howMany,
      // Fewer steps of larger batches, some more of smaller ones.
      steps: Math.max(1, Math.min(4 * steps, Math.round((steps * config.batch) / at.batch))),
      limit,
      seconds,
      pythons: found,
      say,
    });
  process.stderr.write(`${workload}, ${mode}\n`);
  const { rows, missing, flops } = await run(config, specs, rounds);

  const file = join(here, 'results', `${workload}-${mode}-t${threads}${isa ? `-${isa}` : ''}.json`);
  mkdirSync(join(here, 'results'), { recursive: true });
  // The limit is the best that was measured at any time of the run.
  const ofLimit = (row) => ({ ...row, ofLimit: limit.best ? row.gflops / limit.best : null });
  const save = (curve) => {
    const result = {
      workload,
      ...config,
      machine: `${cpus()[0].model.trim()}, ${defaultThreads} cores, Node ${process.versions.node}`,
      date: new Date().toISOString(),
      limit: { best: limit.best, missing: limit.missing },
      flops,
      rows: rows.map(ofLimit),
      missing: [...missing, ...withoutTorch.filter((m) => chosen(m.label))],
      ...(curve ? { curve: curve.map((c) => ({ ...c, rows: c.rows.map(ofLimit) })) } : {}),
    };
    writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
    return result;
  };
  if (rows.some((r) => r.difference && tooDifferent(r.difference))) failed = true;
  let result = save();
  // Without a choice: the newest PyTorch in both formats, which are the first after ours. Compiling again for every batch
  // would take minutes each.
  const curvePeers = (options.peers ? specs : specs.slice(0, found.length > 0 ? 3 : 1)).filter(
    (s) => !s.slow && !s.settings?.compile,
  );
  const curve = [];
  for (const batch of options.batches ?? []) {
    process.stderr.write(`${workload}, ${mode}, batch ${batch}\n`);
    curve.push({ batch, ...(await run({ ...config, batch }, curvePeers, Math.min(rounds, 3))) });
    result = save(curve);
  }
  console.log(`\n${resultText(result)}\n`);
}

function readOptions() {
  const text = (fallback) => ({ type: 'string', ...(fallback === undefined ? {} : { default: String(fallback) }) });
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        workload: text('lenet5'),
        mode: text('train'),
        threads: text(defaultThreads),
        rounds: text(7),
        peers: text(),
        without: text(),
        isa: text(),
        batches: text(),
        limit: text(30),
        setup: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }));
  } catch (error) {
    refuse(error.message);
  }
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const list = (value) => value?.split(',').map((v) => v.trim());
  const known = (name, values, names) =>
    values.find((v) => !names.includes(v)) === undefined
      ? values
      : refuse(`unknown ${name} "${values.find((v) => !names.includes(v))}" (known: ${names.join(', ')})`);
  const count = (name, value) =>
    /^[1-9]\d*$/.test(value) ? Number(value) : refuse(`--${name} takes a whole number above 0, got "${value}"`);
  const names = Object.keys(workloads);
  return {
    workloads: values.workload === 'all' ? names : known('workload', list(values.workload), names),
    modes: known('mode', list(values.mode), ['train', 'infer']),
    threads: count('threads', values.threads),
    rounds: count('rounds', values.rounds),
    peers: list(values.peers?.toLowerCase()),
    without: list(values.without?.toLowerCase()) ?? [],
    isa: values.isa && known('isa', [values.isa], ['avx2'])[0],
    batches: list(values.batches)?.map((b) => count('batches', b)),
    seconds: count('limit', values.limit),
    setup: values.setup,
  };
}

function refuse(message) {
  console.error(`bench: ${message}; --help lists the options`);
  process.exit(2);
}

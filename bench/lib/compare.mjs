// One workload, ours and theirs: first the numbers are compared, then the times, alternating.
import { rmSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { Peer } from './peer.mjs';
import { COMPILED, environment, FOVEA, torch } from './peers.mjs';
import { scratch } from './scratch.mjs';
import { difference, summary } from './stats.mjs';

/**
 * @param {object} config   network, batch, input, classes, mode, threads, isa
 * @param {object[]} specs  of `specifications`, ours first
 * @param {object} options  rounds; steps a round; limit: an FMA limit to measure in every round; seconds: what a step
 *   of a slow peer may take; pythons; say: progress
 * @returns rows (ours first), missing, flops of a step
 */
export async function compare(config, specs, { rounds, steps, limit, seconds, pythons, say }) {
  const folder = scratch('bench');
  const env = environment(config.isa);
  const settings = { ...config, weights: join(folder, 'weights.safetensors'), onnx: join(folder, 'network.onnx') };
  const running = [];
  const missing = specs.filter((s) => s.missing).map(({ label, missing }) => ({ label, missing }));
  const done = [];
  try {
    say('weights, and what they give');
    const { expected, flops } = await reference(settings, env);
    const present = specs.filter((s) => !s.missing);
    if (present.some(needsOnnx)) {
      const problem = await exportOnnx(settings, pythons, env);
      if (problem)
        for (const spec of present.filter(needsOnnx))
          missing.push({ label: spec.label, missing: (spec.missing = problem) });
    }
    const start = async (spec, again = true) => {
      say(spec.label);
      const room = memoryProblem([...running, ...done]);
      if (room) return void missing.push({ label: spec.label, missing: room });
      const peer = new Peer(spec, env);
      try {
        Object.assign(peer, await peer.ask({ cmd: 'prepare', ...settings, ...spec.settings }));
        if (spec !== FOVEA) await check(peer, config, expected, seconds);
        const warmUp = spec.slow ? 0 : Math.max(2, Math.ceil(steps / 2));
        if (warmUp) Object.assign(peer, { peakBytes: (await peer.ask({ cmd: 'time', steps: warmUp })).peakBytes });
        return peer;
      } catch (error) {
        await peer.end();
        if (again && spec.settings?.compile && /InductorError: (Import|OS)Error/.test(error.message)) {
          rmSync(COMPILED, { recursive: true, force: true });
          return start(spec, false);
        }
        missing.push({ label: peer.name ?? spec.label, missing: error.message });
      }
    };
    for (const spec of present.filter((s) => !s.slow && !s.missing)) {
      const peer = await start(spec);
      if (peer) running.push(peer);
    }
    if (running[0]?.label !== FOVEA.label) throw new Error(`our own side does not run: ${missing.at(-1)?.missing}`);
    // A peer that ends in the middle is listed with its last words, and its times are not used.
    const take = async (peer, count) => {
      try {
        const { ms, peakBytes } = await peer.ask({ cmd: 'time', steps: count });
        peer.ms.push(...ms);
        peer.peakBytes = peakBytes;
      } catch (error) {
        if (peer.label === FOVEA.label) throw new Error(`our own side stopped: ${error.message}`);
        missing.push({ label: peer.name, missing: error.message });
        running.splice(running.indexOf(peer), 1);
        await peer.end();
      }
    };
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      limit.measure();
      for (const peer of [...running]) await take(peer, steps);
    }
    for (const peer of running) await peer.end();
    done.push(...running.splice(0));
    // Peers that take a hundred times as long are timed alone, a few times: a busy neighbour would cost the fast ones more.
    for (const spec of present.filter((s) => s.slow)) {
      const peer = await start(spec);
      if (!peer) continue;
      running.push(peer);
      const began = performance.now();
      for (let i = 0; i < rounds && running.length > 0 && performance.now() - began < seconds * 1000; i++)
        await take(peer, 1);
      await peer.end();
      done.push(...running.splice(0));
    }
    return { rows: rowsOf(done, flops), missing, flops };
  } finally {
    for (const peer of running) await peer.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

const needsOnnx = (spec) => spec.args[0].includes('onnx');

/** Writes the initial weights and says what one network without dropout makes of them. */
async function reference(settings, env) {
  const peer = new Peer(FOVEA, env);
  try {
    const { flops } = await peer.ask({ cmd: 'prepare', ...settings, dropout: false });
    await peer.ask({ cmd: 'save', file: settings.weights });
    return { flops, expected: await peer.ask({ cmd: 'check' }) };
  } finally {
    await peer.end();
  }
}

/** Writes the ONNX file with the first PyTorch that can; returns why none could, or nothing. */
async function exportOnnx(settings, pythons, env) {
  let problem;
  for (const python of pythons) {
    const peer = new Peer(torch(python, { format: 'nchw' }), env);
    try {
      await peer.ask({ cmd: 'prepare', ...settings, format: 'nchw' });
      await peer.ask({ cmd: 'export', file: settings.onnx });
      return undefined;
    } catch (error) {
      problem = `PyTorch ${python.version} could not write the ONNX file: ${error.message}`;
    } finally {
      await peer.end();
    }
  }
  return problem;
}

async function check(peer, { mode, network }, expected, seconds) {
  const dropout = mode === 'train' && ['vgg16', 'googlenet'].includes(network);
  // Turning dropout off means compiling all again, which takes minutes.
  if (peer.settings.compile && dropout) return;
  const numbers = await peer.ask(
    { cmd: 'check' },
    peer.slow
      ? { seconds: mode === 'train' ? 2 * seconds : seconds, what: mode === 'train' ? 'two steps' : 'one run' }
      : {},
  );
  peer.difference = difference(numbers, expected);
}

/** Why a further process is not started: the machine would swap, and all figures would be wrong. */
function memoryProblem(peers) {
  const most = Math.max(0, ...peers.map((p) => p.peakBytes ?? 0));
  const gigabytes = (bytes) => (bytes / 2 ** 30).toFixed(1);
  return freemem() < 1.3 * most
    ? `not enough memory: ${gigabytes(freemem())} GiB are left, and another peer took ${gigabytes(most)}`
    : undefined;
}

function rowsOf(peers, flops) {
  const rows = peers.map((p) => {
    const times = summary(p.ms);
    return {
      name: p.name,
      threads: p.threads,
      ...times,
      gflops: flops / times.medianMs / 1e6,
      peakBytes: p.peakBytes,
      startBytes: p.startBytes,
      difference: p.difference ?? null,
    };
  });
  const ours = rows[0];
  return rows.map((r) => ({ ...r, ratio: r.medianMs / ours.medianMs, peakRatio: r.peakBytes / ours.peakBytes }));
}

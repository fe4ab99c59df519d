// What the peers in JavaScript share: reading commands, the common images and weights, memory.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Answers each JSON line on standard input with a JSON line, by the handler that `cmd` names. */
export async function serve(handlers) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { cmd, ...command } = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await handlers[cmd](command))}\n`);
  }
  process.exit(0);
}

/**
 * The same image for everybody: a hash of the position, spread evenly over -1.75 to 1.75. (A smooth function repeats
 * itself; then rounding decides which of many equals is a maximum, and so where gradients go.)
 */
export function image(count) {
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let h = Math.imul(i + 1, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15), 0x85ebca77);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae3d);
    h ^= h >>> 16;
    data[i] = ((h >>> 0) / 2 ** 32 - 0.5) * 3.5;
  }
  return data;
}

/** At most 1,024 evenly spaced values of an output. */
export function sample(values) {
  const stride = Math.max(1, Math.floor(values.length / 1024));
  return Array.from({ length: Math.min(1024, values.length) }, (_, i) => values[i * stride]);
}

/** Times `steps` calls of `step`, one after the other. */
export async function timed(step, steps) {
  const ms = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    await step();
    ms.push(performance.now() - start);
  }
  return { ms, peakBytes: memory('VmHWM') };
}

/** Resident memory of a process (this one) now (VmRSS) or at most (VmHWM), in bytes. */
export function memory(field, pid = 'self') {
  try {
    return Number(new RegExp(`${field}:\\s*(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
  } catch {
    // Not Linux, where others cannot be asked.
    if (pid !== 'self') return Number.NaN;
    return field === 'VmHWM' ? process.resourceUsage().maxRSS * 1024 : process.memoryUsage.rss();
  }
}

/** The float32 tensors of a safetensors file, read one by one when asked for: `get(name)` gives {shape, data}. */
export function readWeights(file) {
  const descriptor = openSync(file);
  const length = Buffer.alloc(8);
  readSync(descriptor, length, 0, 8, 0);
  const headerBytes = Number(length.readBigUInt64LE());
  const header = Buffer.alloc(headerBytes);
  readSync(descriptor, header, 0, headerBytes, 8);
  const entries = JSON.parse(header.toString());
  return {
    names: Object.keys(entries).filter((name) => entries[name].dtype === 'F32'),
    get(name) {
      const { shape, data_offsets: at } = entries[name];
      const data = new Float32Array((at[1] - at[0]) / 4);
      readSync(descriptor, Buffer.from(data.buffer), 0, data.byteLength, 8 + headerBytes + at[0]);
      return { shape, data };
    },
    close: () => closeSync(descriptor),
  };
}

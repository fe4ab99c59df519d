// What the machine can do at most, measured beside everything else: float32 multiply-adds in registers, all threads.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scratch } from './scratch.mjs';

const source = fileURLToPath(new URL('../peers/fma_limit.c', import.meta.url));

/**
 * Compiles the loop. `measure()` runs it for a tenth of a second; `best` is the fastest so far, in GFLOP/s.
 * Without a compiler `missing` says so and `best` stays undefined.
 * @param {{threads: number, isa?: string}} options
 */
export function fmaLimit({ threads, isa }) {
  const program = join(scratch('limit'), 'fma_limit');
  const flags = isa === 'avx2' ? ['-mavx2', '-mfma'] : ['-march=native'];
  const compile = (cc) =>
    spawnSync(cc, ['-O3', ...flags, '-ffp-contract=fast', '-pthread', source, '-o', program], { encoding: 'utf8' });
  const compiled = ['cc', 'gcc', 'clang'].some((cc) => compile(cc).status === 0);
  const limit = {
    best: undefined,
    missing: compiled ? undefined : 'no C compiler (cc, gcc or clang) could build bench/peers/fma_limit.c',
    measure() {
      if (!compiled) return;
      const gflops = Number(spawnSync(program, [String(threads), '0.1'], { encoding: 'utf8' }).stdout);
      if (gflops > 0) limit.best = Math.max(limit.best ?? 0, gflops);
    },
  };
  return limit;
}

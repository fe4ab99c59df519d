import fc from 'fast-check';

/**
 * Checks `body` for many case seeds. The sequence of seeds is fixed so that a run can be repeated; set FUZZ_SEED to
 * another number (and FUZZ_RUNS to a factor) to explore further. On failure fast-check prints the seed of the case.
 */
export function forSeeds(runs: number, body: (seed: number) => void): void {
  const factor = Number(process.env.FUZZ_RUNS ?? 1);
  fc.assert(fc.property(fc.noShrink(fc.integer({ min: 0, max: 2 ** 31 - 1 })), body), {
    numRuns: runs * factor,
    seed: Number(process.env.FUZZ_SEED ?? 1),
  });
}

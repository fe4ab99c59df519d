import { philox } from '../tensor/ops/random.js';
import { checkNumber } from '../util/check.js';

/** What a stream of numbers is for; different purposes with one seed never share numbers. */
export const Purpose = { shuffle: 0x100, split: 0x200, generate: 0x300, augment: 0x1000, mix: 0x10000 } as const;

/** Gives `seed` back if it is an integer from 0 to 2^53 - 1, else throws a RangeError. */
export const checkSeed = (seed: unknown): number =>
  checkNumber('the seed', seed, { integer: true, min: 0, max: Number.MAX_SAFE_INTEGER });

/**
 * A stream of random numbers that is a pure function of (seed, purpose, epoch, index): nothing has to be saved to go on
 * in the middle of an epoch, and any number of workers draws the same numbers. The generator is the core's Philox;
 * each of purpose, epoch and index is folded into its key.
 */
export class RandomStream {
  private readonly words = new Uint32Array(4);
  private readonly k0: number;
  private readonly k1: number;
  private block = 0;
  private used = 4;

  constructor(
    seed: number,
    private readonly purpose: number,
    epoch = 0,
    index = 0,
  ) {
    const { words } = this;
    philox(epoch, purpose, seed >>> 0, Math.floor(seed / 0x100000000), words);
    philox(index, purpose, words[0]!, words[1]!, words);
    this.k0 = words[0]!;
    this.k1 = words[1]!;
  }

  /** A random unsigned 32-bit integer. */
  uint32(): number {
    if (this.used === 4) {
      philox(this.block++, this.purpose, this.k0, this.k1, this.words);
      this.used = 0;
    }
    return this.words[this.used++]!;
  }

  /** Uniform in [0, 1), 32 bits. */
  uniform(): number {
    return this.uint32() / 0x100000000;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** A uniform integer in 0..n-1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.uniform() < p;
  }
}

/** A random order of 0..n-1 (Fisher-Yates), a pure function of its arguments. */
export function permutation(n: number, seed: number, purpose: number, epoch = 0): Int32Array {
  const random = new RandomStream(seed, purpose, epoch);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}

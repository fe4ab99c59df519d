import { allocate, type DType, isFloat } from '../../src/tensor/dtype.js';
import { type HostTensor, numel, type Shape } from '../../src/tensor/shape.js';

/**
 * A seeded source of test values: one seed, one case. All floating-point values are representable in float32, so that
 * a case drawn in float64 (for finite differences) holds the very numbers of the same case in float32.
 */
export class Draw {
  private state: number;

  constructor(
    seed: number,
    /** Dtype of floating-point tensors. */
    readonly dtype: 'float32' | 'float64' = 'float64',
  ) {
    this.state = (seed ^ 0x9e3779b9) >>> 0;
  }

  /** Uniform in [0, 1): a 32-bit Weyl sequence through a mixing function. */
  unit(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  }

  /** An integer, both ends included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  bool(probability = 0.5): boolean {
    return this.unit() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(0, choices.length - 1)]!;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }

  /** `count` different sizes between `least` and `most`, so that no two axes can be mixed up unnoticed. */
  sizes(count: number, least = 1, most = 5): number[] {
    return this.shuffle(Array.from({ length: most - least + 1 }, (_, i) => least + i)).slice(0, count);
  }

  /** A shape of rank `least` to `most` with different sizes. */
  shape(least = 0, most = 4): number[] {
    return this.sizes(this.int(least, most));
  }

  of(shape: Shape, dtype: DType, value: (i: number) => number): HostTensor {
    const data = allocate(dtype, numel(shape));
    for (let i = 0; i < data.length; i++) data[i] = isFloat(dtype) ? Math.fround(value(i)) : value(i);
    return { shape: [...shape], dtype, data };
  }

  /** Uniform in [low, high). */
  floats(shape: Shape, low = -2, high = 2): HostTensor {
    return this.of(shape, this.dtype, () => low + (high - low) * this.unit());
  }

  /** Either sign, magnitude in [least, most): never near zero. */
  awayFromZero(shape: Shape, least = 0.1, most = 2): HostTensor {
    return this.of(shape, this.dtype, () => (this.bool() ? 1 : -1) * (least + (most - least) * this.unit()));
  }

  /** All different, at least `gap`/2 apart, in random order: no ties, and no ties after a small step. */
  distinct(shape: Shape, gap = 0.1, offset = 0): HostTensor {
    const count = numel(shape);
    const order = this.shuffle(Array.from({ length: count }, (_, i) => i));
    return this.of(shape, this.dtype, (i) => offset + gap * (order[i]! - count / 2 + this.unit() / 2));
  }

  ints(shape: Shape, least: number, most: number, dtype: 'int32' | 'uint8' = 'int32'): HostTensor {
    return this.of(shape, dtype, () => this.int(least, most));
  }

  bools(shape: Shape): HostTensor {
    return this.of(shape, 'bool', () => (this.bool() ? 1 : 0));
  }

  /** A key of the counter-based random numbers. */
  key(): HostTensor {
    return this.of([2], 'int32', () => this.int(-(2 ** 31), 2 ** 31 - 1));
  }

  /** A shape that broadcasts to `shape`: leading axes dropped, others of size 1, at random. */
  narrowed(shape: Shape): number[] {
    const kept = this.bool() ? shape : shape.slice(this.int(0, shape.length));
    return kept.map((d) => (this.bool(0.25) ? 1 : d));
  }

  /** Shapes of two operands that broadcast to each other. */
  broadcasting(): [number[], number[]] {
    const shape = this.shape();
    const narrow = this.narrowed(shape);
    const pattern = this.int(0, 3);
    if (pattern === 0) return [shape, shape];
    if (pattern === 1) return [shape, narrow];
    if (pattern === 2) return [narrow, shape];
    return [narrow, this.narrowed(shape)];
  }
}

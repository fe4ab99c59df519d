import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Backend, Store } from '../../src/backends/backend.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { materialise } from '../../src/nn/materialise.js';
import type { Module } from '../../src/nn/module.js';
import { buildGraph, type GraphSpec } from '../../src/tensor/graph.js';
import type { HostTensor } from '../../src/tensor/shape.js';

/** A tensor as the fixture scripts store it: little-endian, base64. */
export interface Stored {
  readonly dtype: 'float32' | 'int32';
  readonly shape: number[];
  readonly data: string;
}

export function decode({ dtype, shape, data }: Stored): HostTensor {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64')).buffer;
  return { shape, dtype, data: dtype === 'int32' ? new Int32Array(bytes) : new Float32Array(bytes) };
}

export const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8'));

/** Every element within `tolerance`, relative to its size or to `floor`, whichever is larger. */
export function expectClose(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
  floor = 1,
): void {
  expect(found.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [f, e] = [found[i]!, expected[i]!];
    if (Object.is(f, e) || f === e) continue;
    if (!(Math.abs(f - e) <= tolerance * Math.max(floor, Math.abs(e))))
      expect.fail(`${what}, element ${i}: ${f}, expected ${e} (difference ${f - e})`);
  }
}

/** A reference backend with a store, and a way to run a graph on them. */
export class Bench {
  readonly backend: Backend = createReferenceBackend();
  readonly store: Store = this.backend.createStore();

  async run(spec: GraphSpec, inputs: Readonly<Record<string, HostTensor>> = {}): Promise<Record<string, HostTensor>> {
    const program = await this.backend.compile(buildGraph(spec), this.store);
    try {
      return await program.run(inputs);
    } finally {
      program.dispose();
    }
  }
  materialise(model: Module, seed = 0): Promise<void> {
    return materialise(model, this.backend, this.store, seed);
  }
}

import { readFileSync } from 'node:fs';
import type { Module } from '../../src/nn/module.js';
import { type HostTensor, hostTensor, numel, type Shape } from '../../src/tensor/shape.js';

/* The formulas of test/fixtures/make_models.py: values that both sides make by themselves. */

/** FNV-1a, 32 bits. */
function seedOf(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h;
}

/** `noise(name)(i)`: numbers in [-1, 1) that depend on the name and the index only (murmur3's finaliser). */
function noise(name: string): (i: number) => number {
  const seed = seedOf(name);
  return (i) => {
    let h = (Math.imul(i, 0x9e3779b1) + seed) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    return (h >>> 0) / 2 ** 31 - 1;
  };
}

function filled(name: string, shape: Shape, of: (u: number) => number): HostTensor {
  const u = noise(name);
  const data = new Float32Array(numel(shape));
  for (let i = 0; i < data.length; i++) data[i] = of(u(i));
  return hostTensor(data, shape);
}

/** Values of a parameter or buffer. */
function valuesOf(name: string, shape: Shape, batchNorm: boolean): HostTensor {
  if (name.endsWith('num_batches_tracked')) return hostTensor(new Int32Array(1), []);
  if (name.endsWith('running_var')) return filled(name, shape, (u) => 1 + 0.5 * u);
  if (name.endsWith('running_mean')) return filled(name, shape, (u) => 0.1 * u);
  if (name.endsWith('bias')) return filled(name, shape, (u) => (batchNorm ? 1 + 0.5 * u : 0.1 * u));
  if (shape.length === 1) return filled(name, shape, (u) => 1 + 0.2 * u);
  const bound = Math.sqrt(6 / numel(shape.slice(1)));
  return filled(name, shape, (u) => u * bound);
}

export function fill(net: Module): void {
  const states = net.states();
  const batchNorm = [...states.keys()].some((name) => name.endsWith('running_var'));
  for (const [name, p] of states) p.value = valuesOf(name, p.shape, batchNorm);
}

export const images = (shape: Shape): HostTensor => filled('image', shape, (u) => u);

/** Class numbers, or 0 and 1 where there is one class. */
export function targets(shape: Shape, classes: number): HostTensor {
  const u = noise('target');
  const data = Int32Array.from({ length: numel(shape) }, (_, i) => Math.floor(((u(i) + 1) / 2) * Math.max(2, classes)));
  return hostTensor(data, shape);
}

/** Norm, and projections on two fixed vectors of +-1. */
export type Summary = readonly [norm: number, first: number, second: number];

export function summary({ data }: HostTensor): Summary {
  const [first, second] = [noise('projection1'), noise('projection2')];
  let [squares, p, q] = [0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!;
    squares += v * v;
    p += v * Math.sign(first(i));
    q += v * Math.sign(second(i));
  }
  return [Math.sqrt(squares), p, q];
}

export const fixture = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8')) as T;

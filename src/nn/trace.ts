import { constant, type Tensor } from '../tensor/node.js';
import { hostTensor } from '../tensor/shape.js';

/** What layers leave behind while a network's `forward` runs on symbolic tensors. */
export interface Trace {
  /** Key of all random numbers of the run, int32 [2]: (seed, step). */
  readonly rng: Tensor;
  /** New values of buffers, by path (batch normalisation's running statistics). */
  readonly updates: Map<string, Tensor>;
  /** Output of every layer by path, in order of computation; of layers called twice the last. */
  readonly layers: Map<string, Tensor | Readonly<Record<string, Tensor>>>;
}

let current: Trace | undefined;

export const currentTrace = (): Trace | undefined => current;

/** The random key that layers such as dropout use; a fixed one outside of a trace. */
export const currentRng = (): Tensor => current?.rng ?? constant(hostTensor(new Int32Array(2), [2]));

/** Runs `body` (a forward pass) and collects what its layers leave behind. */
export function trace<T>(rng: Tensor | undefined, body: () => T): { result: T; trace: Trace } {
  const before = current;
  const mine: Trace = { rng: rng ?? currentRng(), updates: new Map(), layers: new Map() };
  current = mine;
  try {
    return { result: body(), trace: mine };
  } finally {
    current = before;
  }
}

/** A 31-bit number for a name (FNV-1a): random streams that depend on nothing but the layer's path. */
export function streamOf(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h >>> 1;
}

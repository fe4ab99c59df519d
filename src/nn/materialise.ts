import type { Backend, Store } from '../backends/backend.js';
import { buildGraph } from '../tensor/graph.js';
import { input, type Tensor } from '../tensor/node.js';
import { hostTensor } from '../tensor/shape.js';
import type { Module } from './module.js';

/**
 * Puts every parameter and buffer of `model` into `store`: the values it has on the host, or else its initialiser's,
 * computed on the device. Initial values depend on `seed` and the parameter's path only.
 */
export async function materialise(model: Module, backend: Backend, store: Store, seed = 0): Promise<void> {
  model.bindNames();
  const rng = input('rng', [2], 'int32');
  const updates: Record<string, Tensor> = {};
  for (const [path, parameter] of model.states()) {
    if (parameter.value) await store.set(path, parameter.value);
    else updates[path] = parameter.initial(rng);
  }
  if (Object.keys(updates).length === 0) return;
  const program = await backend.compile(buildGraph({ updates }), store, { name: 'initialise' });
  await program.run({ rng: hostTensor(Int32Array.of(seed, 0), [2]) });
  program.dispose();
}

/** Reads the values of every parameter and buffer back from the device into `model`. */
export async function readBack(model: Module, store: Store): Promise<void> {
  for (const [path, parameter] of model.states()) parameter.value = await store.get(path);
}

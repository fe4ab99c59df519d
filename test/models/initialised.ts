import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { materialise, readBack } from '../../src/nn/materialise.js';
import type { Module } from '../../src/nn/module.js';

/** The network with its first values on the host. */
export async function initialised<M extends Module>(net: M): Promise<M> {
  const backend = createReferenceBackend();
  const store = backend.createStore();
  await materialise(net, backend, store, 3);
  await readBack(net, store);
  store.dispose();
  return net;
}

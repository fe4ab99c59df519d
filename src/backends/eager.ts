import { buildGraph } from '../tensor/graph.js';
import { setEvaluator, stateValues, Tensor } from '../tensor/node.js';
import { topologicalOrder } from '../tensor/topology.js';
import type { Backend } from './backend.js';
import { createReferenceBackend } from './reference/index.js';

let open: (() => Promise<Backend>) | undefined;
let current: Promise<Backend> | undefined;

/** Says what the default device is, where it is not the reference backend. The backend is made when first needed. */
export function setDefaultBackend(create: () => Promise<Backend>): void {
  open = create;
  current = undefined;
}

/** The device that runs what names no device: `await t.data()`, a `Trainer` without a backend. */
export function defaultBackend(): Promise<Backend> {
  current ??= open ? open() : Promise.resolve(createReferenceBackend());
  return current;
}

// `await t.data()`: one program for all that is asked, on a store of its own.
setEvaluator(async (tensors) => {
  const order = topologicalOrder(tensors);
  const exact = order.some((n) => n.outputs.some((t) => t.dtype === 'float64'));
  const backend = exact ? createReferenceBackend() : await defaultBackend();
  const store = backend.createStore();
  try {
    const updates: Record<string, Tensor> = {};
    for (const [i, node] of order.entries()) {
      if (node.op !== 'state') continue;
      const attrs = node.attrs as { name: string };
      attrs.name ||= `#${i}`;
      const value = stateValues.get(node)?.(attrs.name);
      if (value instanceof Tensor) updates[attrs.name] = value;
      else if (value) await store.set(attrs.name, value);
    }
    if (Object.keys(updates).length > 0) {
      const init = await backend.compile(buildGraph({ updates }), store, { name: 'initialise' });
      await init.run();
      init.dispose();
    }
    const outputs = Object.fromEntries(tensors.map((t, i) => [String(i), t]));
    const program = await backend.compile(buildGraph({ outputs }), store, { name: 'evaluate' });
    const values = await program.run();
    program.dispose();
    return tensors.map((_, i) => values[String(i)]!);
  } finally {
    store.dispose();
  }
});

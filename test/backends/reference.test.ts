import { expect, test } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { apply, input } from '../../src/tensor/node.js';

test('timers have their turn between programs that are each too short to pause', async () => {
  const backend = createReferenceBackend();
  const program = await backend.compile(
    buildGraph({ outputs: { y: apply('exp', [input('x', [1000])], {}).sum() } }),
    backend.createStore(),
  );
  const x = { data: new Float32Array(1000), shape: [1000], dtype: 'float32' } as const;
  let stop = false;
  setTimeout(() => (stop = true), 30);
  // Nothing but the program is waited for; one that kept the event loop would run all of them.
  let runs = 0;
  while (!stop && runs < 100_000) {
    await program.run({ x });
    runs++;
  }
  expect(stop).toBe(true);
}, 60_000);

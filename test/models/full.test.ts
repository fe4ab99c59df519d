import { afterAll, describe, expect, it } from 'vitest';
import { createModel } from '../../src/models/index.js';
import { materialise } from '../../src/nn/materialise.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { input, type Tensor } from '../../src/tensor/node.js';
import { fill, fixture, images } from './formula.js';
import { native } from './native.js';

/** Logits of the full networks at 224x224 in PyTorch (float64), by make_models.py. */
const wanted = fixture<Record<string, number[]>>('models_full.json');
afterAll(() => native.backend?.dispose());

describe.skipIf(!native.backend)(`at full size, on the native backend${native.reason}`, () => {
  it.each(Object.keys(wanted))("%s gives PyTorch's 1000 logits", async (name) => {
    const backend = native.backend!;
    const net = createModel(name).eval();
    fill(net);
    const store = backend.createStore();
    await materialise(net, backend, store);
    const output = net.forward(input('image', [1, 3, 224, 224])) as Tensor;
    const program = await backend.compile(buildGraph({ outputs: { output } }), store);
    const { data } = (await program.run({ image: images([1, 3, 224, 224]) })).output!;
    store.dispose();

    const logits = wanted[name]!;
    expect(data.length).toBe(1000);
    const size = Math.sqrt(logits.reduce((sum, v) => sum + v * v, 0));
    const error = Math.sqrt(logits.reduce((sum, v, i) => sum + (data[i]! - v) ** 2, 0)) / size;
    expect(error, `relative distance from PyTorch's logits`).toBeLessThan(2e-5);
  });
});

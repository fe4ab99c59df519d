import { afterAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/backends/backend.js';
import { createModel } from '../../src/models/index.js';
import { materialise } from '../../src/nn/materialise.js';
import { trace } from '../../src/nn/trace.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { input, Tensor } from '../../src/tensor/node.js';
import { hostTensor } from '../../src/tensor/shape.js';
import { images } from './formula.js';
import { native } from './native.js';

afterAll(() => native.backend?.dispose());

/*
 * Training decides how weights lie in the store; evaluation wants them otherwise (Winograd). Whatever lies there, the
 * next program must read what training wrote. Wide enough for the fast algorithms, few images.
 */
describe.skipIf(!native.backend)(`evaluation behind training in one store${native.reason}`, () => {
  it.each([
    ['vgg11_bn', 32, 16, 1],
    ['googlenet', 64, 8, 1],
    ['unet', 64, 4, 1 / 2],
    ['unet_vgg11', 64, 4, 1 / 2],
  ] as const)('%s at %i pixels, batch %i, width %f', async (name, side, batch, width) => {
    const backend = native.backend!;
    const net = createModel(name, { inputShape: [3, side, side], classes: 3, width });
    const shape = [batch, 3, side, side];
    const image = input('image', shape);
    const trained = backend.createStore();
    await materialise(net, backend, trained, 5);

    const { result, trace: traced } = trace(input('rng', [2], 'int32'), () => net.train().forward(image));
    const loss = (result instanceof Tensor ? [result] : Object.values(result))
      .map((o) => o.mul(o).mean())
      .reduce((sum, term) => sum.add(term));
    const params = [...net.parameters()];
    const grads = gradients(
      loss,
      params.map(([, p]) => p),
    );
    const updates = Object.fromEntries(params.map(([path, p], i) => [path, p.sub(grads[i]!.mul(0.001))]));
    const spec = { outputs: { loss }, updates: { ...updates, ...Object.fromEntries(traced.updates) } };
    const step = await backend.compile(buildGraph(spec), trained);
    const rng = hostTensor(Int32Array.of(1, 1), [2]);
    const train = async () => (await step.run({ image: images(shape), rng })).loss!.data[0]!;

    const evaluate = async (store: Store, size: number) => {
      const evaluated = [size, ...shape.slice(1)];
      const output = net.eval().forward(input('image', evaluated)) as Tensor;
      const program = await backend.compile(buildGraph({ outputs: { output } }), store);
      return (await program.run({ image: images(evaluated) })).output!.data;
    };
    /** The same values in a store that no training has touched. */
    const copied = async () => {
      const copy = backend.createStore();
      for (const path of net.states().keys()) await copy.set(path, await trained.get(path));
      return copy;
    };

    const first = await train();
    for (const size of [batch, 3]) {
      const [mine, plain] = [await evaluate(trained, size), await evaluate(await copied(), size)];
      const norm = Math.hypot(...plain.slice(0, 1000));
      const distance = Math.hypot(...mine.slice(0, 1000).map((v, i) => v - plain[i]!));
      expect(distance / norm, `batch ${size}`).toBeLessThan(1e-5);
      const next = await train();
      expect(Number.isFinite(next) && next !== first).toBe(true);
    }
    trained.dispose();
  });
});

import { afterAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors.js';
import { createModel, type ImageShape, modelEntry, modelNames } from '../../src/models/index.js';
import { materialise, readBack } from '../../src/nn/materialise.js';
import type { Module } from '../../src/nn/module.js';
import { trace } from '../../src/nn/trace.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { input, Tensor } from '../../src/tensor/node.js';
import { type HostTensor, hostTensor } from '../../src/tensor/shape.js';
import { fixture, images } from './formula.js';
import { native } from './native.js';

/* One suite for every network of the registry. */

const torch = fixture<Record<string, { parameters: number; states: string[] }>>('models_names.json');
/** The fast backend where there is one: parity.test.ts is what compares the two. */
const backend = native.backend ?? createReferenceBackend();
afterAll(() => backend.dispose());

const describeStates = (net: Module) => [...net.states()].map(([name, p]) => `${name} ${p.shape.join('x')}`.trim());

/** Reduced where the network can be, so that the default image size is quick. */
function reduced(name: string, inputShape: ImageShape): Module {
  const { options } = modelEntry(name);
  return createModel(name, { inputShape, classes: 3, ...(options.includes('width') ? { width: 1 / 16 } : {}) });
}

/** A size that divides by nothing, above the least of every network. */
const oddShape = (name: string): ImageShape => {
  const channels = modelEntry(name).inputShape[0];
  return name === 'unet_paper' ? [channels, 193, 215] : [channels, 97, 131];
};

/** Height and width of the output for a network that gives masks. */
function maskSize(name: string, [, height, width]: ImageShape): number[] {
  return name === 'unet_paper' ? [validSize(height), validSize(width)] : [height, width];
}

/** Side of the paper's mask: four levels down with two valid convolutions each, and up again. */
function validSize(side: number): number {
  let s = side - 4;
  for (let level = 0; level < 4; level++) s = Math.floor(s / 2) - 4;
  for (let level = 0; level < 4; level++) s = 2 * s - 4;
  return s;
}

async function evaluate(net: Module, shape: readonly number[]): Promise<HostTensor> {
  const store = backend.createStore();
  await materialise(net, backend, store, 5);
  await readBack(net, store);
  const output = net.eval().forward(input('image', shape)) as Tensor;
  expect(output, 'evaluation gives one tensor').toBeInstanceOf(Tensor);
  const program = await backend.compile(buildGraph({ outputs: { output } }), store);
  const result = await program.run({ image: images(shape) });
  store.dispose();
  return result.output!;
}

/** Sizes of the gradients of all parameters by the mean square of every output. */
async function backward(net: Module, shape: readonly number[]): Promise<ReadonlyMap<string, number>> {
  const store = backend.createStore();
  await materialise(net, backend, store, 5);
  const { result } = trace(input('rng', [2], 'int32'), () => net.train().forward(input('image', shape)));
  const loss = (result instanceof Tensor ? [result] : Object.values(result))
    .map((o) => o.mul(o).mean())
    .reduce((sum, term) => sum.add(term));
  const names = [...net.parameters().keys()];
  const sizes = gradients(loss, [...net.parameters().values()]).map((g) => g.mul(g).sum());
  const outputs = Object.fromEntries(names.map((name, i) => [name, sizes[i]!]));
  const program = await backend.compile(buildGraph({ outputs }), store);
  const values = await program.run({ image: images(shape), rng: hostTensor(Int32Array.of(1, 1), [2]) });
  store.dispose();
  return new Map(names.map((name) => [name, values[name]!.data[0]!]));
}

it('the fixture of names covers the whole registry', () => {
  expect(Object.keys(torch).sort()).toEqual(modelNames().sort());
});

describe.each(modelNames())('%s', (name) => {
  const entry = modelEntry(name);

  it("has PyTorch's parameters: count, names, shapes and order", () => {
    const net = createModel(name);
    expect(describeStates(net)).toEqual(torch[name]!.states);
    expect(net.parameterCount()).toBe(torch[name]!.parameters);
  });

  describe.each([
    ['its default size', entry.inputShape],
    ['an odd size', oddShape(name)],
  ] as const)('at %s', (_, inputShape) => {
    const shape = [2, ...inputShape];
    const outputShape = [2, 3, ...(entry.task === 'segmentation' ? maskSize(name, inputShape) : [])];

    it('gives finite outputs, the same again after saving and loading', async () => {
      const net = reduced(name, inputShape);
      const first = await evaluate(net, shape);
      expect(first.shape).toEqual(outputShape);
      expect(first.data.every(Number.isFinite)).toBe(true);
      expect(new Set(first.data).size).toBeGreaterThan(1);

      const { tensors } = readSafetensors(writeSafetensors(Object.entries(net.stateDict())));
      const other = reduced(name, inputShape);
      other.loadStateDict(Object.fromEntries(tensors));
      expect((await evaluate(other, shape)).data).toEqual(first.data);
    });

    it('gives a finite gradient for every parameter, and none for hardly any', async () => {
      const net = reduced(name, inputShape);
      const sizes = await backward(net, shape);
      expect([...sizes].filter(([, size]) => !Number.isFinite(size))).toEqual([]);
      // Narrow layers may lose a unit or two to ReLU, but nothing may be cut off from the loss.
      const dead = [...sizes].filter(([path, size]) => size === 0 && path.endsWith('weight'));
      expect(dead.length / sizes.size, `without gradient: ${dead.join(' ')}`).toBeLessThan(0.1);
    });
  });

  it('says in one sentence what it cannot be made with', () => {
    expect(() => createModel(name, { classes: 0 })).toThrow(/classes must be a whole number above 0, got 0/);
    expect(() => createModel(name, { classes: -2 })).toThrow(/got -2/);
    expect(() => createModel(name, { inputShape: [3, 0, 32] })).toThrow(/whole numbers above 0, got \[3, 0, 32\]/);
    expect(() => createModel(name, { colour: 'red' } as never)).toThrow(/unknown option .* "colour"/);
  });

  it('refuses weights of other shapes, naming the first', () => {
    const net = reduced(name, entry.inputShape);
    const dict = Object.fromEntries(
      [...net.states()].map(([path, p]) => [path, { shape: p.shape, dtype: p.dtype, data: new Float32Array(0) }]),
    );
    const [path, first] = [...net.states()][0]!;
    const wrong = { ...dict, [path]: { ...dict[path]!, shape: [7, ...first.shape.slice(1)] } };
    expect(() => net.loadStateDict(wrong)).toThrow(new RegExp(`"${path.replaceAll('.', '\\.')}" as \\[7, .*needs \\[`));
    const { [path]: _, ...missing } = dict;
    expect(() => net.loadStateDict(missing)).toThrow(/the weights have no ".*which the network needs/);
  });
});

import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.js';
import { createReferenceBackend } from '../../src/backends/reference/index.js';
import { bceWithLogits, crossEntropy } from '../../src/losses/index.js';
import { createModel } from '../../src/models/index.js';
import { materialise } from '../../src/nn/materialise.js';
import type { Module, Output } from '../../src/nn/module.js';
import { trace } from '../../src/nn/trace.js';
import { gradients } from '../../src/tensor/autodiff.js';
import { buildGraph } from '../../src/tensor/graph.js';
import { input, Tensor } from '../../src/tensor/node.js';
import type { HostTensor } from '../../src/tensor/shape.js';
import { fill, fixture, images, type Summary, summary, targets } from './formula.js';
import { native } from './native.js';

type Summaries = Readonly<Record<string, Summary>>;

/** What PyTorch gives in float64 for a reduced network, see make_models.py. */
interface Case {
  readonly model: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly batch: number;
  readonly loss: number;
  /** Of the logits. */
  readonly shape: readonly number[];
  readonly eval: Summary;
  readonly outputs: Summaries;
  readonly gradients: Summaries;
  readonly statistics: Summaries;
}

const { cases } = fixture<{ cases: Case[] }>('models_parity.json');

const named = (output: Output): Readonly<Record<string, Tensor>> =>
  output instanceof Tensor ? { logits: output } : output;

/** Evaluation, then a training step without update: everything that the fixture has. */
async function run(backend: Backend, { model, options, batch }: Case, exact: boolean) {
  const net: Module = createModel(model, options);
  fill(net);
  const store = backend.createStore();
  await materialise(net, backend, store);
  const shape = [batch, ...((options.inputShape as number[] | undefined) ?? [1, 28, 28])];
  const image = input('image', shape);

  net.eval();
  const evaluation = await backend.compile(buildGraph({ outputs: named(net.forward(image)) }), store, { exact });
  const { logits } = await evaluation.run({ image: images(shape) });
  const classes = logits!.shape[1]!;

  net.train();
  const { result, trace: traced } = trace(input('rng', [2], 'int32'), () => net.forward(image));
  const outputs = named(result);
  const targetShape = logits!.shape.filter((_, axis) => axis !== 1);
  const target = input('target', targetShape, 'int32');
  const lossOf = (o: Tensor) => (classes === 1 ? bceWithLogits() : crossEntropy()).apply(o, target);
  const weights = net.outputWeights ?? { logits: 1 };
  const loss = Object.entries(outputs)
    .map(([name, o]) => lossOf(o).mul(weights[name]!))
    .reduce((sum, term) => sum.add(term));
  const names = [...net.parameters().keys()];
  const grads = gradients(loss, [...net.parameters().values()]);
  const spec = {
    outputs: {
      loss,
      ...Object.fromEntries(Object.entries(outputs).map(([name, o]) => [`output ${name}`, o])),
      ...Object.fromEntries(names.map((name, i) => [`gradient ${name}`, grads[i]!])),
    },
    updates: Object.fromEntries(traced.updates),
  };
  const step = await backend.compile(buildGraph(spec), store, { exact });
  const values = await step.run({ image: images(shape), target: targets(targetShape, classes) });
  const statistics: Record<string, HostTensor> = {};
  for (const name of traced.updates.keys()) if (name.includes('running_')) statistics[name] = await store.get(name);
  store.dispose();
  const of = (kind: string) =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, v]) => (name.startsWith(kind) ? [[name.slice(kind.length), v]] : [])),
    );
  return { eval: logits!, loss: values.loss!.data[0]!, outputs: of('output '), gradients: of('gradient '), statistics };
}

/** Norms and projections differ by less than `tolerance` of the norm (or of `scale`, where the norm is 0). */
function close(what: string, found: HostTensor | undefined, wanted: Summary, tolerance: number, scale = wanted[0]) {
  const mine = summary(found!);
  const error = Math.max(...mine.map((v, i) => Math.abs(v - wanted[i]!))) / scale;
  expect(error, `${what}: [${mine.join(', ')}], PyTorch [${wanted.join(', ')}]`).toBeLessThan(tolerance);
  return error;
}

async function agrees(backend: Backend, which: Case, exact = false) {
  const found = await run(backend, which, exact);
  expect(found.outputs.logits!.shape).toEqual(which.shape);
  close('evaluation', found.eval, which.eval, 1e-5);
  expect(Math.abs(found.loss / which.loss - 1), `loss ${found.loss}, PyTorch ${which.loss}`).toBeLessThan(1e-5);
  for (const kind of ['outputs', 'statistics', 'gradients'] as const) {
    expect(Object.keys(found[kind]).sort()).toEqual(Object.keys(which[kind]).sort());
    for (const [name, wanted] of Object.entries(which[kind])) {
      // Batch norm takes out what a bias before it adds: that gradient is 0, and rounding is measured by the weight's.
      const scale = wanted[0] === 0 ? which[kind][name.replace(/bias$/, 'weight')]![0] : wanted[0];
      close(`${kind} ${name}`, found[kind][name], wanted, kind === 'gradients' ? 1e-4 : 2e-5, scale);
    }
  }
}

const title = ({ model, options, batch }: Case) => `${model} ${JSON.stringify(options)}, batch ${batch}`;

describe("outputs, loss, every gradient and batch norm's statistics are PyTorch's", () => {
  afterAll(() => native.backend?.dispose());
  for (const which of cases) {
    it(`reference: ${title(which)}`, () => agrees(createReferenceBackend(), which));
    it.skipIf(!native.backend)(`native: ${title(which)}${native.reason}`, () => agrees(native.backend!, which));
    it.skipIf(!native.backend)(`native, exact: ${title(which)}`, () => agrees(native.backend!, which, true));
  }
});

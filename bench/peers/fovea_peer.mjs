// Our side of the benchmark, through the public API. Protocol: lib/peer.mjs, and
//   save {file}  -> {}   the initial weights, for the others to start from
import { writeFileSync } from 'node:fs';
import {
  buildGraph,
  gradients,
  hostTensor,
  input,
  inspect,
  losses,
  models,
  nn,
  openDevice,
  optim,
  Tensor,
} from '../../dist/index.js';
import { writeSafetensors } from '../../dist/io/safetensors.js';
import { memory, sample, serve, image as sharedImage, timed } from './protocol.mjs';

let step;
let net;
let store;

async function prepare({ network, batch, input: shape, classes, mode, threads, dropout = true }) {
  const startBytes = memory('VmRSS');
  const { backend } = await openDevice({ device: 'native', threads });
  const answer = (results) => ({
    name: `Fovea ${backend.device.description}`,
    threads: backend.device.threads,
    startBytes,
    flops: 2 * multiplyAdds(results),
  });
  store = backend.createStore();
  net = models.createModel(network, { inputShape: shape, classes });
  if (!dropout) for (const [, module] of net.modules()) if (module instanceof nn.Dropout) module.p = 0;
  await nn.materialise(net, backend, store, 1);
  if (mode === 'infer') await liven();
  const image = input('image', [batch, ...shape]);
  const values = { image: hostTensor(sharedImage(batch * shape.reduce((n, d) => n * d, 1)), [batch, ...shape]) };

  if (mode === 'infer') {
    net.eval();
    const { result } = nn.trace(undefined, () => net.forward(image));
    // The smallest output there is: what is timed is the network, not the copy of its result.
    const output = result instanceof Tensor ? result : result.logits;
    const program = await backend.compile(buildGraph({ outputs: { output } }), store, { name: network });
    step = () => program.run(values);
    return answer([output]);
  }

  const rng = input('rng', [2], 'int32');
  const { result, trace } = nn.trace(rng, () => net.forward(image));
  const masks = network === 'unet';
  const target = masks ? input('target', [batch, 1, ...shape.slice(1)]) : input('target', [batch], 'int32');
  values.target = masks
    ? numbers([batch, 1, ...shape.slice(1)], (i) => i % 2)
    : hostTensor(
        Int32Array.from({ length: batch }, (_, i) => i % classes),
        [batch],
      );
  const lossOf = (output) => (masks ? losses.bceWithLogits() : losses.crossEntropy()).apply(output, target);
  const loss =
    result instanceof Tensor
      ? lossOf(result)
      : lossOf(result.logits).add(lossOf(result.aux1).mul(0.3)).add(lossOf(result.aux2).mul(0.3));
  const params = net.parameters();
  const grads = gradients(loss, [...params.values()]);
  const update = optim.applyOptimizer(
    optim.sgd({ lr: 0.01, momentum: 0.9 }),
    params,
    new Map([...params.keys()].map((name, i) => [name, grads[i]])),
    { loss },
  );
  const slots = await backend.compile(buildGraph({ updates: update.initialSlots }), store);
  await slots.run();
  slots.dispose(); // its constants are as large as the parameters
  const program = await backend.compile(
    buildGraph({
      outputs: { loss, healthy: update.allFinite },
      updates: { ...update.updates, ...Object.fromEntries(trace.updates) },
    }),
    store,
    { name: network },
  );
  let done = 0;
  step = () => {
    done++;
    return program.run({ ...values, rng: hostTensor(Int32Array.of(0, done), [2]), ...update.inputs(done) });
  };
  return answer([loss, ...Object.values(update.updates)]);
}

/**
 * Gives convolutions weights that keep the scale of what passes. A new network's running statistics do not normalise,
 * and with the usual initial weights all that would be left at the end of a deep one is the last layer's bias: nothing
 * that could be compared.
 */
async function liven() {
  for (const [name, { shape }] of net.parameters()) {
    if (shape.length !== 4) continue;
    const { data } = await store.get(name);
    const deviation = Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length);
    const wanted = Math.sqrt(2 / (shape[1] * shape[2] * shape[3]));
    await store.set(
      name,
      hostTensor(
        data.map((v) => (v / deviation) * wanted),
        shape,
      ),
    );
  }
}

/** Those of every operation that the results need. */
function multiplyAdds(results) {
  const seen = new Set();
  const waiting = results.map((t) => t.node);
  let sum = 0;
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (seen.has(node)) continue;
    seen.add(node);
    sum += inspect.multiplyAdds(node);
    for (const t of node.inputs) waiting.push(t.node);
  }
  return sum;
}

/** What the others' numbers are compared with. */
async function check() {
  const first = await step();
  if (first.output) return { outputs: sample(first.output.data) };
  return { losses: [first.loss.data[0], (await step()).loss.data[0]] };
}

async function save({ file }) {
  const tensors = [];
  for (const name of net.states().keys()) tensors.push([name, await store.get(name)]);
  writeFileSync(file, writeSafetensors(tensors));
  return {};
}

function numbers(shape, value) {
  const data = new Float32Array(shape.reduce((n, d) => n * d, 1));
  for (let i = 0; i < data.length; i++) data[i] = value(i);
  return hostTensor(data, shape);
}

await serve({ prepare, save, check, time: ({ steps }) => timed(step, steps) });

// Our side of the benchmark, through the public API. Same protocol as torch_peer.py: one JSON command a line.
import { createInterface } from 'node:readline';
import {
  buildGraph,
  gradients,
  hostTensor,
  input,
  losses,
  models,
  nn,
  openDevice,
  optim,
  Tensor,
} from '../../dist/index.js';

let step;

async function prepare({ network, batch, input: shape, classes, mode, threads }) {
  const { backend } = await openDevice({ device: 'native', threads });
  const store = backend.createStore();
  const net = models.createModel(network, { inputShape: shape, classes });
  await nn.materialise(net, backend, store, 1);
  const image = input('image', [batch, ...shape]);
  const values = { image: numbers([batch, ...shape], (i) => Math.sin(i * 1.7)) };

  if (mode === 'infer') {
    net.eval();
    const { result } = nn.trace(undefined, () => net.forward(image));
    // The smallest output there is: what is timed is the network, not the copy of its result.
    const output = result instanceof Tensor ? result : result.logits;
    const program = await backend.compile(buildGraph({ outputs: { output } }), store, { name: network });
    step = () => program.run(values);
    return answer(backend);
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
  await (await backend.compile(buildGraph({ updates: update.initialSlots }), store)).run();
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
  return answer(backend);
}

const answer = ({ device }) => ({ name: `Fovea ${device.description}`, threads: device.threads });

function numbers(shape, value) {
  const data = new Float32Array(shape.reduce((n, d) => n * d, 1));
  for (let i = 0; i < data.length; i++) data[i] = value(i);
  return hostTensor(data, shape);
}

async function time({ steps }) {
  const ms = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    await step();
    ms.push(performance.now() - start);
  }
  return { ms, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { cmd, ...command } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await (cmd === 'prepare' ? prepare : time)(command))}\n`);
}
process.exit(0);

// Our side of the benchmark, through the public API. Same protocol as torch_peer.py: one JSON command a line.
import { createInterface } from 'node:readline';
import {
  apply,
  buildGraph,
  gradients,
  hostTensor,
  input,
  losses,
  models,
  nn,
  openDevice,
  optim,
} from '../../dist/index.js';

let step;

async function prepare({ workload, batch, threads }) {
  const { backend } = await openDevice({ device: 'native', threads });
  const store = backend.createStore();
  const net = models.createModel(workload);
  const shape = models.modelEntry(workload).inputShape;
  await nn.materialise(net, backend, store, 1);

  const image = input('image', [batch, ...shape]);
  const target = input('target', [batch], 'int32');
  const rng = input('rng', [2], 'int32');
  const { result, trace } = nn.trace(rng, () => net.forward(image));
  const loss = losses.crossEntropy().apply(result, target);
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
    { name: workload },
  );

  const normal = apply('random', [input('rng', [2], 'int32')], {
    shape: [batch, ...shape],
    distribution: 'normal',
    stream: 1,
  });
  const draw = await backend.compile(buildGraph({ outputs: { normal } }), store);
  const { normal: pixels } = await draw.run({ rng: hostTensor(Int32Array.of(0, 0), [2]) });
  const labels = hostTensor(
    Int32Array.from({ length: batch }, (_, i) => i % 10),
    [batch],
  );
  let done = 0;
  step = async () => {
    done++;
    const { loss: value } = await program.run({
      image: pixels,
      target: labels,
      rng: hostTensor(Int32Array.of(0, done), [2]),
      ...update.inputs(done),
    });
    return value.data[0];
  };
  return { name: `Fovea ${backend.device.description}`, threads: backend.device.threads };
}

async function time({ steps }) {
  const ms = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    await step();
    ms.push(performance.now() - start);
  }
  return { ms };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { cmd, ...command } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await (cmd === 'prepare' ? prepare : time)(command))}\n`);
}
process.exit(0);

// Our side of the benchmark, through the public API. Protocol: lib/peer.mjs, and
//   save {file}  -> {}   the initial weights, for the others to start from
import { writeFileSync } from 'node:fs';
import { hostTensor, losses, models, nn, openDevice, openWorkload, optim } from '../../dist/index.js';
import { writeSafetensors } from '../../dist/io/safetensors.js';
import { memory, sample, serve, image as sharedImage, timed } from './protocol.mjs';

let work;
let net;

async function prepare({ network, batch, input: inputShape, classes, mode, threads, dropout = true }) {
  const startBytes = memory('VmRSS');
  const { backend } = await openDevice({ device: 'native', threads });
  net = models.createModel(network, { inputShape, classes });
  if (!dropout) for (const [, module] of net.modules()) if (module instanceof nn.Dropout) module.p = 0;
  const [channels, height, width] = inputShape;
  const masks = network === 'unet';
  work = await openWorkload(net, backend, {
    inputShape,
    batch,
    mode,
    seed: 1,
    image: sharedImage(batch * channels * height * width),
    target: masks
      ? hostTensor(
          Uint8Array.from({ length: batch * height * width }, (_, i) => i % 2),
          [batch, height, width],
        )
      : hostTensor(
          Int32Array.from({ length: batch }, (_, i) => i % classes),
          [batch],
        ),
    loss: masks ? losses.bceWithLogits() : losses.crossEntropy(),
    optimizer: optim.sgd({ lr: 0.01, momentum: 0.9 }),
  });
  // Only where the others take their weights from: values do not matter to time, and copies of them would count as memory.
  if (mode === 'infer' && !dropout) await liven();
  return {
    name: `Fovea ${backend.device.description}`,
    threads: backend.device.threads,
    startBytes,
    flops: work.flops,
  };
}

/**
 * Gives convolutions weights that keep the scale of what passes. A new network's running statistics do not normalise,
 * and with the usual initial weights all that would be left at the end of a deep one is the last layer's bias: nothing
 * that could be compared.
 */
async function liven() {
  for (const [name, { shape }] of net.parameters()) {
    if (shape.length !== 4) continue;
    const { data } = await work.store.get(name);
    const deviation = Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length);
    const factor = Math.sqrt(2 / (shape[1] * shape[2] * shape[3])) / deviation;
    const scaled = data.map((v) => v * factor);
    await work.store.set(name, hostTensor(scaled, shape));
  }
}

/** What the others' numbers are compared with. */
async function check() {
  const first = await work.run();
  if (first.loss) return { losses: [first.loss.data[0], (await work.run()).loss.data[0]] };
  return { outputs: sample(Object.values(first)[0].data) };
}

async function save({ file }) {
  const tensors = [];
  for (const name of net.states().keys()) tensors.push([name, await work.store.get(name)]);
  writeFileSync(file, writeSafetensors(tensors));
  return {};
}

await serve({ prepare, save, check, time: ({ steps }) => timed(() => work.run(), steps) });

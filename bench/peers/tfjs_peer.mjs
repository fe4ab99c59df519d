// TensorFlow.js' side of the benchmark, on its `cpu` (plain JavaScript) or `wasm` backend. Protocol: lib/peer.mjs.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { image, memory, readWeights, sample, serve, timed } from './protocol.mjs';
import { tfjsNetworks, turned } from './tfjs_networks.mjs';

let step;
let dropout = true;

async function prepare({ network, batch, input, classes, mode, weights, backend }) {
  const startBytes = memory('VmRSS');
  if (backend === 'wasm') {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(`${dirname(fileURLToPath(import.meta.resolve('@tensorflow/tfjs-backend-wasm')))}/`);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`error: the ${backend} backend did not start`);

  const file = readWeights(weights);
  const values = new Map();
  for (const name of file.names) {
    if (/^aux/.test(name)) continue;
    const value = tf.tidy(() => turned(tf, file.get(name)));
    values.set(name, tf.variable(value, !/running_/.test(name), name));
    value.dispose();
  }
  file.close();
  const training = mode === 'train';
  const networks = tfjsNetworks(tf, (name) => values.get(name), { training, dropout: () => dropout });
  const forward = networks[network];

  const [channels, height, width] = input;
  // The common image is [N, C, H, W].
  const x = tf.tidy(() =>
    tf.transpose(tf.tensor(image(batch * channels * height * width), [batch, ...input]), [0, 2, 3, 1]),
  );
  if (training) {
    const loss = lossOf(network === 'unet', batch, classes, [batch, height, width, 1]);
    const optimizer = tf.train.momentum(0.01, 0.9);
    step = async () => {
      const value = optimizer.minimize(() => loss(forward(x)), true);
      const [number] = await value.data();
      value.dispose();
      return { loss: number };
    };
  } else {
    step = async () => {
      const y = tf.tidy(() => forward(x));
      const output = await y.data();
      y.dispose();
      return { output };
    };
  }
  return { name: `TensorFlow.js ${tf.version_core} (${backend})`, threads: 1, startBytes };
}

function lossOf(masks, batch, classes, maskShape) {
  if (masks) {
    const target = tf.tensor(
      Float32Array.from({ length: maskShape.reduce((n, d) => n * d, 1) }, (_, i) => i % 2),
      maskShape,
    );
    return (logits) => tf.losses.sigmoidCrossEntropy(target, logits);
  }
  const labels = tf.tensor1d(
    Int32Array.from({ length: batch }, (_, i) => i % classes),
    'int32',
  );
  const target = tf.cast(tf.oneHot(labels, classes), 'float32');
  return (logits) => tf.losses.softmaxCrossEntropy(target, logits);
}

async function check() {
  dropout = false;
  const first = await step();
  const answer = first.output ? { outputs: sample(first.output) } : { losses: [first.loss, (await step()).loss] };
  dropout = true;
  return answer;
}

await serve({ prepare, check, time: ({ steps }) => timed(step, steps) });

/**
 * Whole networks of torchvision: reads the files that `test/fixtures/make_weights.py --full FOLDER` has written (vgg16 and
 * googlenet with random weights, as zip, legacy and safetensors) and compares the native engine's outputs with PyTorch's.
 * They are too large for the repository, so this is no part of the tests: node scripts/check-weights.mjs FOLDER
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { networkFor, recognise } from '../dist/io/layouts/index.js';
import { readTensors } from '../dist/io/read.js';
import { materialise } from '../dist/nn/materialise.js';
import { openDevice } from '../dist/node/device.js';
import { buildGraph } from '../dist/tensor/graph.js';
import { input } from '../dist/tensor/node.js';
import { hostTensor } from '../dist/tensor/shape.js';
import { fillWeights } from '../dist/train/weights.js';

const folder = process.argv[2];
if (!folder) throw new Error('usage: node scripts/check-weights.mjs FOLDER');
const outputs = JSON.parse(readFileSync(join(folder, 'outputs.json'), 'utf8'));

/** The image of test/fixtures/make_models.py: numbers in [-1, 1) by murmur3's finaliser. */
function image(shape) {
  let seed = 0x811c9dc5;
  for (const c of 'image') seed = Math.imul(seed ^ c.charCodeAt(0), 0x01000193);
  const data = new Float32Array(shape.reduce((n, d) => n * d, 1));
  for (let i = 0; i < data.length; i++) {
    let h = (Math.imul(i, 0x9e3779b1) + seed) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    data[i] = ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  }
  return hostTensor(data, shape);
}

const { backend } = await openDevice();
console.log(backend.device.description);
const shape = [1, 3, 224, 224];
let worst = 0;
for (const [name, expected] of Object.entries(outputs))
  for (const file of [`${name}_zip.pth`, `${name}_legacy.pth`, `${name}.safetensors`]) {
    const bytes = new Uint8Array(readFileSync(join(folder, file)));
    const begin = performance.now();
    const { tensors } = readTensors(bytes, file);
    const found = recognise(tensors, file);
    const seconds = (performance.now() - begin) / 1000;
    const net = fillWeights(networkFor(found), found.weights, file).eval();
    const store = backend.createStore();
    await materialise(net, backend, store);
    const program = await backend.compile(
      buildGraph({ outputs: { output: net.forward(input('image', shape)) } }),
      store,
    );
    const { output } = await program.run({ image: image(shape) });
    const difference = Math.max(...expected.map((v, i) => Math.abs(v - output.data[i])));
    const largest = Math.max(...expected.map(Math.abs));
    worst = Math.max(worst, difference / Math.max(1, largest));
    console.log(
      `${file.padEnd(22)} ${(bytes.length / 1e6).toFixed(0).padStart(4)} MB read in ${seconds.toFixed(2)} s as ${found.model.name}; ` +
        `largest output ${largest.toFixed(4)}, largest difference ${difference.toExponential(1)}`,
    );
    program.dispose();
    store.dispose();
  }
backend.dispose();
if (!(worst < 1e-4)) throw new Error(`outputs differ by ${worst}`);

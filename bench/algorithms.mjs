/**
 * How well the table of convolution algorithms chooses: `node bench/algorithms.mjs [threads]` measures direct convolution
 * and Winograd in all directions over many shapes and prints by how much what the table takes is slower than the better
 * one. With `--all` each shape is a line: direction, shapes, ms direct, ms Winograd, what the table takes.
 * Takes about 20 seconds; close other programs first.
 */
import { createNativeBackend } from '../dist/backends/native/index.js';
import { ConvolutionTuning } from '../dist/backends/tuning.js';
import { gradients } from '../dist/tensor/autodiff.js';
import { buildGraph } from '../dist/tensor/graph.js';
import { apply } from '../dist/tensor/node.js';

const pairs = (text) => text.split(' ').map((pair) => pair.split('x').map(Number));
/** Input and output channels. */
const CHANNELS = pairs(
  '16x32 16x64 32x32 32x64 64x32 64x64 32x128 64x128 128x64 128x128 256x128 256x256 ' +
    '512x256 512x512 512x1024 1024x1024 16x48 32x96 48x96 64x192 96x208 112x224 160x320 192x384',
);
/** Height and width, images. */
const MAPS = pairs('2x32 4x16 4x64 6x16 7x8 7x32 8x4 8x32 10x4 12x2 14x1 14x8 16x4 20x4 28x1 32x1 56x1');
const MOST_WORK = 512 * 512 * 32 * 32;

const all = process.argv.includes('--all');
const threads = Number(process.argv.slice(2).find((a) => /^\d+$/.test(a)) ?? 0);
const backend = createNativeBackend({ threads });
console.log(`${backend.device.description}, ${backend.device.threads} threads`);

const state = (name, shape) => apply('state', [], { name, shape, dtype: 'float32' });
const conv = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };

/** What a convolution costs in training and in inference: graphs of that alone. */
function graphs([i, o], [side, images]) {
  const x = state('x', [images, i, side, side]);
  const w = state('w', [o, i, 3, 3]);
  const y = apply('conv2d', [x.mul(1.5), w], conv);
  const [dx, dw] = gradients(y, [x, w], state('dy', y.shape));
  return [
    buildGraph({ outputs: { y: y.sum(), dx: dx.sum() }, updates: { w: w.sub(dw) } }),
    buildGraph({ outputs: { y: y.sum() } }),
  ];
}

/** By direction: the best times, and whether the table takes Winograd. */
async function measure(graph) {
  const found = new Map();
  for (let round = 0; round < 2; round++) {
    const store = backend.createStore();
    const tuning = new ConvolutionTuning();
    await backend.compile(graph, store, { tuning });
    for (const [key, { ms }] of tuning.choices) {
      if (ms?.direct === undefined || ms.winograd === undefined) continue;
      const before = found.get(key) ?? { direct: Number.POSITIVE_INFINITY, winograd: Number.POSITIVE_INFINITY };
      found.set(key, {
        direct: Math.min(before.direct, ms.direct),
        winograd: Math.min(before.winograd, ms.winograd),
      });
    }
    store.dispose();
  }
  const store = backend.createStore();
  const steps = (await backend.compile(graph, store)).describe();
  store.dispose();
  const ops = {
    forward: /^conv2d$/,
    inference: /^conv2d$/,
    'backward-data': /Transpose/,
    'backward-weights': /Weight/,
  };
  return [...found].map(([key, ms]) => {
    const direction = key.split(' ')[0];
    const step = steps.find(({ op, impl }) => ops[direction].test(op) && !impl.startsWith('reorder'));
    return { key, direction, ...ms, table: step.impl.includes('wino') ? 'winograd' : 'direct' };
  });
}

const losses = new Map();
for (const channels of CHANNELS)
  for (const map of MAPS) {
    if (channels[0] * channels[1] * map[0] ** 2 * map[1] > MOST_WORK) continue;
    for (const graph of graphs(channels, map))
      for (const row of await measure(graph)) {
        const loss = row[row.table] / Math.min(row.direct, row.winograd);
        losses.set(row.direction, [...(losses.get(row.direction) ?? []), loss]);
        if (all) console.log(`${row.key}\t${row.direct}\t${row.winograd}\t${row.table}\t${loss.toFixed(2)}`);
      }
  }
for (const [direction, of] of losses) {
  const mean = Math.exp(of.reduce((sum, loss) => sum + Math.log(loss), 0) / of.length);
  const bad = of.filter((loss) => loss > 1.15).length;
  console.log(
    `${direction}: ${of.length} shapes, the table takes ${(100 * (mean - 1)).toFixed(1)} % longer than the better one, more than 15 % in ${bad}`,
  );
}
backend.dispose();

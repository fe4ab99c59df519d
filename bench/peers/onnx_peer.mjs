// onnxruntime-node's side of the benchmark: the network as ONNX, written by PyTorch with the common weights.
import { readFileSync } from 'node:fs';
import ort from 'onnxruntime-node';
import { image, memory, sample, serve, timed } from './protocol.mjs';

const { version } = JSON.parse(
  readFileSync(new URL('../node_modules/onnxruntime-node/package.json', import.meta.url), 'utf8'),
);
let step;

async function prepare({ batch, input, threads, onnx }) {
  const startBytes = memory('VmRSS');
  const session = await ort.InferenceSession.create(onnx, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  const dims = [batch, ...input];
  const x = new ort.Tensor('float32', image(dims.reduce((n, d) => n * d, 1)), dims);
  step = async () => (await session.run({ image: x })).output.data;
  return { name: `onnxruntime-node ${version}`, threads, startBytes };
}

await serve({
  prepare,
  check: async () => ({ outputs: sample(await step()) }),
  time: ({ steps }) => timed(step, steps),
});

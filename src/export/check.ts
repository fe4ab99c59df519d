import type { Backend } from '../backends/backend.js';
import type { OnnxFile } from '../io/onnx/index.js';
import { materialise } from '../nn/materialise.js';
import { buildGraph } from '../tensor/graph.js';
import { philox } from '../tensor/ops/random.js';
import { formatShape, type HostTensor, hostTensor, numel } from '../tensor/shape.js';
import { buildPrediction } from '../train/step.js';
import type { ExportedNetwork } from './onnx.js';

/** Runs an exported file on images, in whatever it was exported for. */
export type Runner = (image: HostTensor) => Promise<Readonly<Record<string, HostTensor>>>;

/** Differences of rounding stay below this part of the outputs. */
export const TOLERANCE = 1e-4;

/** Numbers of images at once that are compared. */
export const CHECKED_BATCHES: readonly number[] = [1, 3];

/**
 * Compares what an exported file gives for random images with what the network gives on `backend`.
 * @returns the largest difference, as a part of the largest output (of 1 where all outputs are smaller)
 * @throws Error, one sentence, if an output is missing, has another shape or differs by more than `tolerance`
 */
export async function checkExport(
  { net, normalize, inputShape }: ExportedNetwork,
  file: Pick<OnnxFile, 'input' | 'layout'>,
  run: Runner,
  backend: Backend,
  tolerance = TOLERANCE,
): Promise<number> {
  const [channels, height, width] = inputShape;
  const store = backend.createStore();
  let difference = 0;
  try {
    await materialise(net, backend, store);
    for (const n of CHECKED_BATCHES) {
      const pixels = randomBytes([n, channels, height, width]);
      const image = file.input.type === 'uint8' ? pixels : normalised(pixels, normalize);
      const spec = buildPrediction({ net, normalize }, image);
      const program = await backend.compile(buildGraph(spec), store, { name: 'check', exact: true });
      try {
        const ours = Object.values(await program.run({ image }));
        const theirs = Object.values(await run(file.layout === 'nhwc' ? channelsLast(image) : image));
        for (const [i, own] of ours.entries()) difference = Math.max(difference, compare(own, theirs[i], tolerance, n));
      } finally {
        program.dispose();
      }
    }
  } finally {
    store.dispose();
  }
  return difference;
}

function compare(ours: HostTensor, theirs: HostTensor | undefined, tolerance: number, n: number): number {
  const batch = `${n} image${n === 1 ? '' : 's'}`;
  if (!theirs || theirs.shape.join() !== ours.shape.join())
    throw new Error(
      `the exported file is wrong: for ${batch} it gives an output ${formatShape(theirs?.shape ?? [])}, the network gives ${formatShape(ours.shape)}`,
    );
  let largest = 1;
  for (const v of ours.data) largest = Math.max(largest, Math.abs(v));
  let worst = 0;
  for (let i = 0; i < ours.data.length; i++) {
    const d = Math.abs(ours.data[i]! - theirs.data[i]!);
    // A difference that is no number must not pass.
    if (!(d <= worst)) worst = d;
  }
  const part = worst / largest;
  if (!(part <= tolerance))
    throw new Error(
      `the exported file is wrong: for ${batch} its output differs from the network's by ${part.toExponential(1)} of the largest value, at most ${tolerance} is rounding`,
    );
  return part;
}

/** The same bytes each time. */
function randomBytes(shape: readonly number[]): HostTensor {
  const data = new Uint8Array(numel(shape));
  const words = new Uint32Array(4);
  for (let i = 0; i < data.length; i++) {
    if (i % 16 === 0) philox(i / 16, 0, 2026, 11, words);
    data[i] = words[(i >> 2) & 3]! >>> (8 * (i & 3));
  }
  return hostTensor(data, shape);
}

function normalised(pixels: HostTensor, { mean, std }: ExportedNetwork['normalize']): HostTensor {
  const [, channels, h, w] = pixels.shape as [number, number, number, number];
  const data = Float32Array.from(pixels.data, (v, i) => {
    const c = Math.floor(i / (h * w)) % channels;
    return (v / 255 - mean[c]!) / std[c]!;
  });
  return hostTensor(data, pixels.shape);
}

/** [N, C, H, W] as [N, H, W, C] */
function channelsLast({ data, shape }: HostTensor): HostTensor {
  const [n, c, h, w] = shape as [number, number, number, number];
  const out = data.slice();
  for (let i = 0, at = 0; i < n; i++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) for (let k = 0; k < c; k++) out[at++] = data[((i * c + k) * h + y) * w + x]!;
  return hostTensor(out, [n, h, w, c]);
}

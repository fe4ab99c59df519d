import type { Backend } from '../backends/backend.js';
import { buildGraph } from '../tensor/graph.js';
import { apply, input, type Tensor } from '../tensor/node.js';
import { hostTensor, numel, type Shape } from '../tensor/shape.js';
import type { Analysis, LayerInfo } from './analyse.js';

/** What a machine does, measured on two small pieces of work. */
export interface DeviceSpeed {
  /** 10^9 floating-point operations a second (a multiply-add is two) in a 3x3 convolution of 64 channels. */
  readonly gflops: number;
  /** The same in a 1x1 convolution of 256 channels: what shapes reach that no fast algorithm suits. */
  readonly plainGflops: number;
  /** 10^9 bytes a second read from a large array. */
  readonly gigabytesPerSecond: number;
}

/** An estimate, in seconds. */
export interface PredictedTime extends DeviceSpeed {
  /** One image through the network. */
  readonly inferenceSeconds: number;
  /** Forward, backward and update of one batch. */
  readonly trainingStepSeconds: number;
}

/**
 * Measures a backend with two convolutions and a sum over a large array, each a few times; the best counts. Takes about
 * a tenth of a second on the native engine; the reference backend gets less work.
 */
export async function measureSpeed(backend: Backend): Promise<DeviceSpeed> {
  const quick = isQuick(backend);
  const fresh = freshNumber();
  const convolution = async (channels: number, side: number, kernel: number) => {
    const x = held('x', [quick ? 4 : 1, channels, side, side]);
    const w = held('w', [channels, channels, kernel, kernel]);
    const padding = [(kernel - 1) / 2, (kernel - 1) / 2] as const;
    const deep = quick ? 4 : 1;
    let y = x.mul(fresh);
    for (let i = 0; i < deep; i++)
      y = apply('conv2d', [y, w], { stride: [1, 1], padding, dilation: [1, 1], groups: 1 });
    const flops = 2 * numel(y.shape) * channels * kernel * kernel * deep;
    return flops / (await bestTime(backend, y.sum(), { x: x.shape, w: w.shape })) / 1e9;
  };
  return {
    gflops: quick ? await convolution(64, 56, 3) : await convolution(16, 14, 3),
    plainGflops: quick ? await convolution(256, 28, 1) : await convolution(64, 14, 1),
    gigabytesPerSecond: await measureBandwidth(backend),
  };
}

/** 10^9 bytes a second in which a backend reads a large array. */
export async function measureBandwidth(backend: Backend): Promise<number> {
  const large = held('large', [isQuick(backend) ? 1 << 24 : 1 << 18]);
  const sum = large.mul(freshNumber()).sum();
  return (4 * numel(large.shape)) / (await bestTime(backend, sum, { large: large.shape })) / 1e9;
}

const isQuick = ({ device }: Backend) => device.backend !== 'reference';

/** A number that is new on each run: what depends on it cannot be kept from the run before. */
const freshNumber = (): Tensor => input('fresh', []);

/** A value that stays on the device, so that bringing it there is not measured. */
const held = (name: string, shape: Shape): Tensor => apply('state', [], { name, shape, dtype: 'float32' });

/** Seconds of the fastest of a few runs, after one to warm up. */
async function bestTime(backend: Backend, result: Tensor, shapes: Readonly<Record<string, Shape>>): Promise<number> {
  const store = backend.createStore();
  try {
    const program = await backend.compile(buildGraph({ outputs: { result } }), store, { name: 'measure' });
    for (const [name, shape] of Object.entries(shapes))
      await store.set(name, hostTensor(new Float32Array(numel(shape)).fill(0.01), shape));
    const run = (i: number) => program.run({ fresh: hostTensor(Float32Array.of(1 + i / 1000), []) });
    await run(0);
    const start = performance.now();
    let best = Number.POSITIVE_INFINITY;
    // Other programs use the machine too: the best of many short runs says what it can do.
    for (let i = 0; i < 5 || (i < 100 && performance.now() - start < 80); i++) {
      const began = performance.now();
      await run(i + 1);
      best = Math.min(best, (performance.now() - began) / 1000);
    }
    program.dispose();
    return best;
  } finally {
    store.dispose();
  }
}

/**
 * How long a network takes on such a machine. Each layer takes as long as its multiply-adds at the rate measured for
 * its kind (3x3 convolutions with stride 1 and at least 16 channels, and all others), or as its weights and its output (written once, read once) take through memory, whichever is longer. A training step
 * is three times the multiply-adds and the activations of a forward pass (forward, gradient of the input, gradient of
 * the weights) for each image, and reads or writes parameters, gradients and optimizer slots once.
 * Shapes that suit the machine less than the measured ones, and a machine that others use too, take longer.
 */
export function predictTime({ layers, training }: Analysis, speed: DeviceSpeed): PredictedTime {
  const bandwidth = speed.gigabytesPerSecond * 1e9;
  let inference = 0;
  let step = (training.parameterBytes + training.gradientBytes + training.optimizerBytes) / bandwidth;
  for (const layer of layers) {
    const compute = (2 * layer.multiplyAdds) / (isUsual(layer) ? speed.gflops : speed.plainGflops) / 1e9;
    const activations = (2 * layer.activationBytes) / bandwidth;
    if (!layer.trainingOnly) inference += Math.max(compute, activations + (4 * layer.parameters) / bandwidth);
    step += 3 * training.batch * Math.max(compute, activations);
  }
  return { ...speed, inferenceSeconds: inference, trainingStepSeconds: step };
}

/** The kind of convolution that engines have a fast algorithm for. */
const isUsual = ({ kind, detail, outputShape, parameters }: LayerInfo): boolean =>
  kind === 'Conv2d' && detail === '3x3' && parameters / ((outputShape[0] ?? 1) * 9) >= 16;

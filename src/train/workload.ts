import type { Backend, Store } from '../backends/backend.js';
import type { ConvolutionTuning } from '../backends/tuning.js';
import { Purpose, RandomStream } from '../data/rng.js';
import type { Loss } from '../losses/loss.js';
import { parseLoss } from '../losses/registry.js';
import type { Module } from '../nn/module.js';
import type { Optimizer } from '../optim/optimizer.js';
import { sgd } from '../optim/sgd.js';
import { multiplyAdds } from '../tensor/cost.js';
import { buildGraph, type GraphSpec } from '../tensor/graph.js';
import type { Tensor } from '../tensor/node.js';
import { optimise } from '../tensor/passes.js';
import { formatShape, type HostTensor, hostTensor, numel, type Shape } from '../tensor/shape.js';
import { START } from './checkpoint.js';
import { compileOptions } from './choices.js';
import type { Normalize } from './config.js';
import type { ImageShape } from './images.js';
import { Session } from './session.js';
import { type BatchType, buildPrediction, objectiveFor, programKey } from './step.js';
import { type StepBatch, Stepper } from './stepper.js';

export interface WorkloadOptions {
  /** [C, H, W] of the images. */
  readonly inputShape: ImageShape;
  readonly batch: number;
  /** A training step (forward, loss, backward, update, as `Trainer.fit` runs it), or a prediction. */
  readonly mode: 'train' | 'infer';
  /** Default: cross-entropy, or BCE for masks of one channel. */
  readonly loss?: Loss;
  /** Default: SGD with momentum 0.9 and a small rate. */
  readonly optimizer?: Optimizer;
  /** Of weights, images and targets. Default 0. */
  readonly seed?: number;
  /** [batch, C, H, W] in row-major order, as if normalised already. Default: random. */
  readonly image?: Float32Array;
  /** Class numbers: int32 [batch], or uint8 [batch, H, W] for masks. Default: random. */
  readonly target?: HostTensor;
  /** Direct convolution only. */
  readonly exact?: boolean;
  /** Algorithms of convolutions by measurement. */
  readonly tune?: boolean;
}

/** A network at work on one made-up batch, for measuring. */
export interface Workload {
  /** Floating-point operations of convolutions and matrix products in a run, two a multiply-add. */
  readonly flops: number;
  /**
   * Bytes of the program for intermediate values, scratch and copies of weights, beside the weights: of what it has now.
   * Its own layouts of the weights are made by the first run.
   */
  readonly programBytes: number;
  readonly loss: Loss | undefined;
  readonly optimizer: Optimizer | undefined;
  /** The weights by name, and whatever else the network keeps. */
  readonly store: Store;
  /** What algorithms were chosen, and how many were measured for that, with `tune`. */
  readonly tuning: ConvolutionTuning | undefined;
  /** One training step (`loss` among its outputs), or one prediction. Call it again when it has resolved. */
  run(): Promise<Record<string, HostTensor>>;
  dispose(): void;
}

/**
 * Compiles a training step or a prediction with random weights, images (float32, as if normalised already) and targets.
 *
 * ```ts
 * const work = await openWorkload(models.unet(), backend, { inputShape: [3, 128, 128], batch: 4, mode: 'train' });
 * await work.run();
 * ```
 * @throws ShapeError if the network cannot take such images; Error if its output is neither classes nor masks
 */
export async function openWorkload(net: Module, backend: Backend, options: WorkloadOptions): Promise<Workload> {
  const { inputShape, batch, mode, seed = 0 } = options;
  const session = new Session(net, backend, compileOptions(options));
  try {
    await session.materialise(seed);
    const shape = [batch, ...inputShape] as const;
    const random = new RandomStream(seed, Purpose.generate);
    const values = options.image ?? Float32Array.from({ length: numel(shape) }, () => random.between(-2, 2));
    const image = { ...hostTensor(values, shape), shape };
    const opened = mode === 'infer' ? predicting : training;
    return await opened({ session, image, random }, options);
  } catch (error) {
    session.dispose();
    throw error;
  }
}

/** Images of a workload are normalised already. */
const UNTOUCHED: Normalize = { mean: [], std: [] };

interface Prepared {
  readonly session: Session;
  readonly image: StepBatch['image'];
  readonly random: RandomStream;
}

async function predicting({ session, image }: Prepared, options: WorkloadOptions): Promise<Workload> {
  const objective = objectiveFor(session.net, { loss: options.loss ?? parseLoss('cross-entropy') }, UNTOUCHED);
  const spec = buildPrediction(objective, image);
  const program = await session.program(programKey('predict', objective, image), () => spec);
  return {
    get flops() {
      return flopsOf(spec);
    },
    get programBytes() {
      return program.memoryBytes;
    },
    loss: undefined,
    optimizer: undefined,
    store: session.store,
    tuning: session.tuning,
    run: () => program.run({ image }),
    dispose: () => session.dispose(),
  };
}

async function training({ session, image, random }: Prepared, options: WorkloadOptions): Promise<Workload> {
  const { optimizer = sgd({ lr: 1e-4, momentum: 0.9 }), seed = 0 } = options;
  const objectiveOf = (loss: Loss) => objectiveFor(session.net, { loss }, UNTOUCHED);
  const [output] = Object.values(buildPrediction(objectiveOf(parseLoss('bce')), image).outputs!) as [Tensor];
  const masksOfOne = output.rank === 4 && output.shape[1] === 1;
  const loss = options.loss ?? parseLoss(masksOfOne ? 'bce' : 'cross-entropy');
  const objective = objectiveOf(loss);
  const target = options.target ?? targetsFor(output.shape, image.shape, random);
  const type: BatchType = { image, target };
  const stepper = new Stepper(session, objective, {
    optimizer,
    seed,
    accumulate: 1,
    batchesPerEpoch: Number.MAX_SAFE_INTEGER,
  });
  await stepper.prepare(type, false);
  const program = await stepper.program(type);
  const batch = { image, target };
  let position = START;
  return {
    get flops() {
      return flopsOf(stepper.spec(type));
    },
    get programBytes() {
      return program.memoryBytes;
    },
    loss,
    optimizer,
    store: session.store,
    tuning: session.tuning,
    run: async () => {
      const running = await stepper.queue(batch, position);
      position = running.next;
      return running.result;
    },
    dispose: () => session.dispose(),
  };
}

/** Class numbers: one an image for scores [N, K], one a pixel for masks [N, K, h, w]. */
function targetsFor(output: Shape, image: Shape, random: RandomStream): HostTensor {
  const classes = Math.max(2, output[1] ?? 0);
  const draw = () => random.below(classes);
  if (output.length === 2) return hostTensor(Int32Array.from({ length: output[0]! }, draw), [output[0]!]);
  if (output.length !== 4)
    throw new Error(
      `the network gives ${formatShape(output)}; a training step is measured with scores [N, classes] or masks [N, classes, H, W]`,
    );
  const shape = [image[0]!, image[2]!, image[3]!];
  return hostTensor(Uint8Array.from({ length: numel(shape) }, draw), shape);
}

/** Work of the graph as it is run: what is computed twice or for nobody counts as the backends do it. */
function flopsOf(spec: GraphSpec): number {
  const { nodes } = optimise(buildGraph(spec));
  const typeAt = ([n, o]: readonly [number, number]) => nodes[n]!.outputs[o]!;
  return 2 * nodes.reduce((sum, node) => sum + multiplyAdds({ ...node, inputs: node.inputs.map(typeAt) }), 0);
}

import type { Loss } from '../losses/loss.js';
import type { Metric } from '../metrics/metric.js';
import type { Module, Output } from '../nn/module.js';
import { trace } from '../nn/trace.js';
import { slotName } from '../optim/apply.js';
import type { Optimizer } from '../optim/optimizer.js';
import { gradients } from '../tensor/autodiff.js';
import type { GraphSpec } from '../tensor/graph.js';
import { apply, constant, full, input, Tensor } from '../tensor/node.js';
import { withPhase } from '../tensor/scope.js';
import { type HostTensor, hostTensor, type TensorType } from '../tensor/shape.js';
import type { Normalize } from './config.js';
import type { StepTensors } from './diagnose.js';
import type { TrainerOptions } from './options.js';
import { and, buildUpdate, HEALTHY, stateOf, type Update, type Updating } from './update.js';

/** What a network is trained for and how its images are prepared. */
export interface Objective {
  readonly net: Module;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
  readonly normalize: Normalize;
  /** Weight of each named output's loss, for networks whose `forward` gives several. */
  readonly outputWeights?: Readonly<Record<string, number>>;
}

/** The objective of a trainer. `normalize` is the data's, where the options do not say otherwise. */
export function objectiveFor(
  net: Module,
  options: Pick<TrainerOptions, 'loss' | 'metrics' | 'outputWeights' | 'normalize'>,
  normalize: Normalize,
): Objective {
  const { loss, metrics = [], outputWeights = net.outputWeights } = options;
  return { net, loss, metrics, outputWeights, normalize: options.normalize ?? normalize };
}

/** Types of a batch: images uint8 [N, C, H, W] (float32: normalised already), targets int32 [N] or, for masks, uint8 [N, H, W]. */
export interface BatchType {
  readonly image: TensorType;
  readonly target: TensorType;
}

/** Counts among a program's outputs are called `counts/<metric>/<name>`. */
const COUNTS = 'counts/';

/** The counts among a program's outputs, by metric. */
export function countsOf(outputs: Readonly<Record<string, HostTensor>>): Map<string, Record<string, HostTensor>> {
  const found = new Map<string, Record<string, HostTensor>>();
  for (const [key, value] of Object.entries(outputs)) {
    if (!key.startsWith(COUNTS)) continue;
    const [, metric, name] = key.split('/') as [string, string, string];
    if (!found.has(metric)) found.set(metric, {});
    found.get(metric)![name] = value;
  }
  return found;
}

/** Names a program by what it is for, the shapes it takes and how it prepares images. */
export const programKey = (what: string, { normalize }: Pick<Objective, 'normalize'>, ...types: TensorType[]): string =>
  [what, ...types.map((t) => `${t.dtype}[${t.shape}]`), `mean ${normalize.mean}`, `std ${normalize.std}`].join(' ');

/** A training step as one graph: forward, loss, backward, guard, update, running statistics, metric counts. */
export interface TrainStep {
  readonly spec: GraphSpec;
  readonly update: Update;
  /** For finding the first bad tensor. */
  readonly tensors: StepTensors;
}

/** Forward and backward over one batch, whatever is done with the gradients then. */
interface Pass {
  readonly output: Output;
  readonly params: ReadonlyMap<string, Tensor>;
  readonly tensors: StepTensors;
  /** Bool scalar: all earlier steps were finite. */
  readonly before: Tensor;
  /** New running statistics by path. They move only with a finite loss, as the parameters do. */
  readonly buffers: Readonly<Record<string, Tensor>>;
  readonly counts: Readonly<Record<string, Tensor>>;
}

const healthyBefore = (): Tensor => apply('state', [], { name: HEALTHY, shape: [], dtype: 'bool' });

/** Parameters that are trained, by path. */
export const trainedParameters = (net: Module): Map<string, Tensor> =>
  new Map([...net.parameters()].filter(([, p]) => p.requiresGrad));

/** Forward and backward over one batch as symbols, in training mode. */
export function trainingPass(objective: Objective, type: BatchType): Pass {
  const { net } = objective;
  const target = input('target', type.target.shape, type.target.dtype);
  const rng = input('rng', [2], 'int32');
  const { result, trace: traced } = inMode(net, true, () =>
    trace(rng, () => net.forward(images(type.image, objective.normalize))),
  );
  checkWeightNames(result, objective);
  const loss = withPhase('loss', () => lossOf(result, target, objective));
  const params = trainedParameters(net);
  const grads = gradients(loss, [...params.values()]);
  const before = healthyBefore();
  const states = net.states();
  const buffers = withPhase('update', () => {
    const move = and(before, apply('isFinite', [loss], {}));
    return [...traced.updates].map(([name, value]) => {
      const old = states.get(name);
      if (!old) throw new Error(`a layer gives a new value for "${name}", which is no buffer of the network`);
      return [name, apply('where', [move, value, old], {})] as const;
    });
  });
  return {
    output: result,
    params,
    tensors: { loss, gradients: new Map([...params.keys()].map((name, i) => [name, grads[i]!])) },
    before,
    buffers: Object.fromEntries(buffers),
    counts: withPhase('loss', () => counts(result, target, objective)),
  };
}

/**
 * Builds the training step for one batch type. Inputs: `image`, `target`, `rng` (int32 [2]: seed and step) and the
 * optimizer's scalars. Outputs: `loss`, `healthy` (bool: this and all earlier steps were finite), metric counts.
 */
export function buildTrainStep(
  objective: Objective,
  type: BatchType,
  optimizer: Optimizer,
  options: Omit<Updating, 'optimizer'> = {},
): TrainStep {
  const { params, tensors, before, buffers, counts } = trainingPass(objective, type);
  const { loss, gradients } = tensors;
  const update = buildUpdate({ params, gradients, loss, before, buffers }, { optimizer, ...options });
  const { healthy } = update;
  return {
    spec: { outputs: { loss, healthy, ...counts }, updates: { ...update.updates, ...buffers, [HEALTHY]: healthy } },
    update,
    tensors,
  };
}

/** Name of the state that holds the sum of a parameter's gradients over the batches of a group. */
export const sumName = (path: string): string => slotName('accumulated', path);

/** A step that only adds up gradients. */
export interface GatherStep {
  readonly spec: GraphSpec;
  readonly tensors: StepTensors;
  /** Zeros for the sums, by state name. */
  readonly initial: Readonly<Record<string, Tensor>>;
  /** Paths of the running statistics that it moves. */
  readonly buffers: readonly string[];
}

/**
 * Builds the part of an accumulated step that one batch adds: sum = sum * `gather.keep` + gradient * `gather.images`, so
 * that batches of different size count by their images, as they would in one large batch. Running statistics move with
 * every batch. Inputs and outputs else as those of the training step.
 */
export function buildGatherStep(objective: Objective, type: BatchType): GatherStep {
  const pass = trainingPass(objective, type);
  return withPhase('update', () => gather(pass));
}

function gather({ params, tensors, before, buffers, counts }: Pass): GatherStep {
  const keep = input('gather.keep', []);
  const images = input('gather.images', []);
  let healthy = and(before, apply('isFinite', [tensors.loss], {}));
  const updates: Record<string, Tensor> = {};
  const initial: Record<string, Tensor> = {};
  for (const [path, gradient] of tensors.gradients) {
    const { shape, dtype } = params.get(path)!;
    const name = sumName(path);
    updates[name] = stateOf(name, { shape, dtype })
      .mul(keep.cast(dtype))
      .add(gradient.mul(images.cast(dtype)));
    initial[name] = full(shape, 0, dtype);
    healthy = and(healthy, apply('allFinite', [gradient], {}));
  }
  return {
    spec: {
      outputs: { loss: tensors.loss, healthy, ...counts },
      updates: { ...updates, ...buffers, [HEALTHY]: healthy },
    },
    tensors,
    initial,
    buffers: Object.keys(buffers),
  };
}

/** Builds the end of an accumulated step: the update from the sums, multiplied by the input `gather.scale`. */
export function buildApplyStep({ net }: Objective, buffers: readonly string[], updating: Updating) {
  const params = trainedParameters(net);
  const scale = input('gather.scale', []);
  const meanOf = (path: string, p: Tensor) => stateOf(sumName(path), p).mul(scale.cast(p.dtype));
  const gradients = withPhase('update', () => new Map([...params].map(([path, p]) => [path, meanOf(path, p)])));
  const states = net.states();
  const values = Object.fromEntries(buffers.map((path) => [path, states.get(path)!]));
  const update = buildUpdate({ params, gradients, before: healthyBefore(), buffers: values }, updating);
  const { healthy } = update;
  return { spec: { outputs: { healthy }, updates: { ...update.updates, [HEALTHY]: healthy } }, update };
}

/** Evaluation of one batch type: `image`, `target` to `loss` and metric counts. Changes nothing. */
export function buildEvaluation(objective: Objective, type: BatchType): GraphSpec {
  const target = input('target', type.target.shape, type.target.dtype);
  const result = inference(objective, type.image);
  return {
    outputs: withPhase('loss', () => ({
      loss: lossOf(result, target, objective),
      ...counts(result, target, objective),
    })),
  };
}

/** Prediction of one batch type: `image` to `output`, or to the named outputs of the network. */
export function buildPrediction(objective: Pick<Objective, 'net' | 'normalize'>, image: TensorType): GraphSpec {
  const result = inference(objective, image);
  return { outputs: result instanceof Tensor ? { output: result } : result };
}

function inference({ net, normalize }: Pick<Objective, 'net' | 'normalize'>, image: TensorType): Output {
  return inMode(net, false, () => trace(undefined, () => net.forward(images(image, normalize)))).result;
}

/** Runs `body` with a network in training or evaluation mode and leaves its modules in the modes they had. */
export function inMode<T>(net: Module, training: boolean, body: () => T): T {
  const before = [...net.modules()].map(([, module]) => ({ module, training: module.training }));
  net.train(training);
  try {
    return body();
  } finally {
    for (const { module, training: mode } of before) module.training = mode;
  }
}

/**
 * Bytes 0..255 to normalised float32: (v / 255 - mean) / std, as one multiplication and one addition. Images in float32
 * are taken as they are.
 */
function images(type: TensorType, { mean, std }: Normalize): Tensor {
  if (type.dtype === 'float32') return input('image', type.shape);
  const channels = type.shape[1]!;
  if (mean.length !== channels || std.length !== channels)
    throw new Error(
      `normalize has ${mean.length} means and ${std.length} standard deviations, the images have ${channels} channels`,
    );
  const bad = std.find((s) => !(s > 0) || !Number.isFinite(s)) ?? mean.find((m) => !Number.isFinite(m));
  if (bad !== undefined) throw new Error(`normalize holds ${bad}: means must be finite, standard deviations positive`);
  const perChannel = (of: (c: number) => number) =>
    constant(
      hostTensor(
        Float32Array.from({ length: channels }, (_, c) => of(c)),
        [1, channels, 1, 1],
      ),
    );
  return input('image', type.shape, type.dtype)
    .cast('float32')
    .mul(perChannel((c) => 1 / (255 * std[c]!)))
    .add(perChannel((c) => -mean[c]! / std[c]!));
}

/** Networks of valid convolutions give masks [N, K, h, w] for the middle of the image: that part of a target [N, H, W]. */
function middleOf(target: Tensor, output: Tensor): Tensor {
  if (target.rank !== 3 || output.rank !== 4) return target;
  const [n, height, width] = target.shape as [number, number, number];
  const [, , h, w] = output.shape as [number, number, number, number];
  if ((h === height && w === width) || h > height || w > width) return target;
  const top = Math.floor((height - h) / 2);
  const left = Math.floor((width - w) / 2);
  return apply('slice', [target], { start: [0, top, left], stop: [n, top + h, left + w], step: [1, 1, 1] });
}

function lossOf(output: Output, target: Tensor, { loss, outputWeights }: Objective): Tensor {
  if (output instanceof Tensor) return loss.apply(output, middleOf(target, output));
  const names = Object.keys(output);
  if (names.length > 1 && !outputWeights)
    throw new Error(
      `the network gives several outputs (${names.join(', ')}): say with outputWeights how much the loss of each counts`,
    );
  let total: Tensor | undefined;
  for (const name of names) {
    const weight = outputWeights?.[name] ?? (names.length === 1 ? 1 : 0);
    if (weight === 0) continue;
    const term = loss.apply(output[name]!, middleOf(target, output[name]!));
    const weighted = weight === 1 ? term : term.mul(weight);
    total = total ? total.add(weighted) : weighted;
  }
  if (!total) throw new Error(`outputWeights gives no weight to any of the network's outputs (${names.join(', ')})`);
  return total;
}

/** In training every named output is there; in evaluation a network may leave some out. */
function checkWeightNames(output: Output, { outputWeights = {} }: Objective): void {
  const names = output instanceof Tensor ? [] : Object.keys(output);
  const unknown = Object.keys(outputWeights).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new Error(
      `outputWeights names "${unknown}"; the network's outputs are ${names.length > 0 ? names.join(', ') : 'one tensor without a name'}`,
    );
}

/** The output that metrics and predictions look at: the only one, or the first by name. */
export const mainOutput = <T>(output: T | Readonly<Record<string, T>>, isOne: (o: unknown) => o is T): T =>
  isOne(output) ? output : Object.values(output as Record<string, T>)[0]!;

function counts(output: Output, target: Tensor, { metrics }: Objective): Record<string, Tensor> {
  const main = mainOutput(output, (o): o is Tensor => o instanceof Tensor);
  const all: Record<string, Tensor> = {};
  for (const metric of metrics)
    for (const [name, value] of Object.entries(metric.counts(main, middleOf(target, main))))
      all[`${COUNTS}${metric.name}/${name}`] = value;
  return all;
}

import type { Loss } from '../losses/loss.js';
import type { Metric } from '../metrics/metric.js';
import type { Module, Output } from '../nn/module.js';
import { trace } from '../nn/trace.js';
import { applyOptimizer, type UpdateGraph } from '../optim/apply.js';
import type { ClipOptions } from '../optim/clip.js';
import type { Optimizer } from '../optim/optimizer.js';
import { gradients } from '../tensor/autodiff.js';
import type { GraphSpec } from '../tensor/graph.js';
import { apply, constant, input, Tensor } from '../tensor/node.js';
import { type HostTensor, hostTensor, type TensorType } from '../tensor/shape.js';
import type { Normalize } from './config.js';
import type { StepTensors } from './diagnose.js';

/** What a network is trained for and how its images are prepared. */
export interface Objective {
  readonly net: Module;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
  readonly normalize: Normalize;
  /** Weight of each named output's loss, for networks whose `forward` gives several. */
  readonly outputWeights?: Readonly<Record<string, number>>;
}

/** Types of a batch: images uint8 [N, C, H, W], targets int32 [N] or, for masks, uint8 [N, H, W]. */
export interface BatchType {
  readonly image: TensorType;
  readonly target: TensorType;
}

/** State that stays true until a step is not finite; from then on no step changes anything. Not saved. */
export const HEALTHY = 'train.healthy';

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
export const programKey = (what: string, { normalize }: Objective, ...types: TensorType[]): string =>
  [what, ...types.map((t) => `${t.dtype}[${t.shape}]`), `mean ${normalize.mean}`, `std ${normalize.std}`].join(' ');

/** A training step as one graph: forward, loss, backward, guard, update, running statistics, metric counts. */
export interface TrainStep {
  readonly spec: GraphSpec;
  readonly update: UpdateGraph;
  /** For finding the first bad tensor. */
  readonly tensors: StepTensors;
}

/**
 * Builds the training step for one batch type. Inputs: `image`, `target`, `rng` (int32 [2]: seed and step) and the
 * optimizer's scalars. Outputs: `loss`, `healthy` (bool: this and all earlier steps were finite), metric counts.
 */
export function buildTrainStep(
  objective: Objective,
  type: BatchType,
  optimizer: Optimizer,
  clip: ClipOptions | undefined,
): TrainStep {
  const { net } = objective;
  const target = input('target', type.target.shape, type.target.dtype);
  const rng = input('rng', [2], 'int32');
  const { result, trace: traced } = inMode(net, true, () =>
    trace(rng, () => net.forward(images(type.image, objective.normalize))),
  );
  checkWeightNames(result, objective);
  const loss = lossOf(result, target, objective);

  const params = new Map<string, Tensor>([...net.parameters()].filter(([, p]) => p.requiresGrad));
  const names = [...params.keys()];
  const grads = gradients(loss, [...params.values()]);
  const byName = new Map(names.map((name, i) => [name, grads[i]!]));

  const before = apply('state', [], { name: HEALTHY, shape: [], dtype: 'bool' });
  const update = applyOptimizer(optimizer, params, byName, { loss, guard: before, clip });
  const and = (a: Tensor, b: Tensor) => apply('and', [a, b], {});
  const finite = (t: Tensor) => apply('isFinite', [t], {});
  let healthy = and(before, update.allFinite!);
  if (update.norm) healthy = and(healthy, finite(update.norm));

  // Running statistics move only with a finite loss, as the parameters do.
  const states = net.states();
  const statisticsMove = and(before, finite(loss));
  const statistics = Object.fromEntries(
    [...traced.updates].map(([name, value]) => {
      const old = states.get(name);
      if (!old) throw new Error(`a layer gives a new value for "${name}", which is no buffer of the network`);
      return [name, apply('where', [statisticsMove, value, old], {})];
    }),
  );
  return {
    spec: {
      outputs: { loss, healthy, ...counts(result, target, objective) },
      updates: { ...update.updates, ...statistics, [HEALTHY]: healthy },
    },
    update,
    tensors: { loss, gradients: byName },
  };
}

/** Evaluation of one batch type: `image`, `target` to `loss` and metric counts. Changes nothing. */
export function buildEvaluation(objective: Objective, type: BatchType): GraphSpec {
  const target = input('target', type.target.shape, type.target.dtype);
  const result = inference(objective, type.image);
  return { outputs: { loss: lossOf(result, target, objective), ...counts(result, target, objective) } };
}

/** Prediction of one batch type: `image` to `output`, or to the named outputs of the network. */
export function buildPrediction(objective: Objective, image: TensorType): GraphSpec {
  const result = inference(objective, image);
  return { outputs: result instanceof Tensor ? { output: result } : result };
}

function inference({ net, normalize }: Objective, image: TensorType): Output {
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

/** Bytes 0..255 to normalised float32: (v / 255 - mean) / std, as one multiplication and one addition. */
function images(type: TensorType, { mean, std }: Normalize): Tensor {
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

function lossOf(output: Output, target: Tensor, { loss, outputWeights }: Objective): Tensor {
  if (output instanceof Tensor) return loss.apply(output, target);
  const names = Object.keys(output);
  if (names.length > 1 && !outputWeights)
    throw new Error(
      `the network gives several outputs (${names.join(', ')}): say with outputWeights how much the loss of each counts`,
    );
  let total: Tensor | undefined;
  for (const name of names) {
    const weight = outputWeights?.[name] ?? (names.length === 1 ? 1 : 0);
    if (weight === 0) continue;
    const term = loss.apply(output[name]!, target);
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
    for (const [name, value] of Object.entries(metric.counts(main, target)))
      all[`${COUNTS}${metric.name}/${name}`] = value;
  return all;
}

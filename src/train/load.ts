import { parseLoss } from '../losses/registry.js';
import { parseMetric } from '../metrics/registry.js';
import { createModel } from '../models/index.js';
import type { Module } from '../nn/module.js';
import { parseOptimizer, parseScheduler } from '../optim/registry.js';
import type { Spec } from '../util/registry.js';
import { decodeCheckpoint, type ResumeState } from './checkpoint.js';
import type { RunConfig } from './config.js';
import type { EpochRecord } from './events.js';
import type { FitOptions, TrainerOptions } from './options.js';
import { BEST_FILE, LAST_FILE, RunDirectory } from './run.js';
import type { Storage } from './storage.js';
import { fillWeights } from './weights.js';
import { namedFor, readWeights } from './weightsFile.js';

/** Gives the network that a configuration describes, without weights. */
export type NetworkMaker = (config: RunConfig) => Module | Promise<Module>;

export interface LoadOptions {
  /** `auto` (default): the best weights, or the last ones if no epoch was finished yet. */
  readonly weights?: 'best' | 'last' | 'auto';
  /** Makes the network of a run whose `model` is a file; networks of the registry need none. */
  readonly make?: NetworkMaker;
}

/** A run as it lies on the disk. */
export interface LoadedRun {
  readonly config: RunConfig;
  /** With the weights on the host, in evaluation mode. */
  readonly net: Module;
  /** Name of the file that the weights are from. */
  readonly file: string;
  readonly history: readonly EpochRecord[];
}

/** Makes a network of the registry from a run's configuration. Throws if it is not from there. */
export function registeredNetwork(config: RunConfig): Module {
  const { model, inputShape, classes } = config;
  if (!model || 'path' in model)
    throw new Error(
      model
        ? `the network of this run is the file ${model.path}: load it with that`
        : 'the run does not say how its network is made: give it',
    );
  return createModel(model.name, { inputShape, classes: classes.length, ...model.options });
}

/**
 * Reads a run for evaluation or prediction.
 *
 * ```ts
 * const { net, config } = await loadRun('runs/lenet');
 * const trainer = new Trainer(net, { ...objectiveOf(config), normalize: config.normalize });
 * ```
 * @throws Error, one sentence naming the file, if there is no run, no weights, a file is damaged, or the weights are
 * those of another network (with the first parameter that does not fit and both shapes)
 */
export async function loadRun(
  at: string | Storage,
  { weights = 'auto', make = registeredNetwork }: LoadOptions = {},
): Promise<LoadedRun> {
  const directory = new RunDirectory(at);
  const config = await directory.readConfig();
  const files = weights === 'auto' ? [BEST_FILE, LAST_FILE] : weights === 'best' ? [BEST_FILE] : [LAST_FILE];
  for (const name of files) {
    const bytes = await directory.storage.read(name);
    if (!bytes) continue;
    const net = await make(config);
    loadWeights(net, bytes, directory.nameOf(name));
    return { config, net: net.eval(), file: name, history: await directory.readMetrics() };
  }
  throw new Error(`${directory.storage.location} has no weights: there is no ${files.join(' or ')}`);
}

/**
 * Puts the weights of a file (a checkpoint, safetensors or PyTorch's `.pth`) into a network, on the host: the moving
 * averages where a checkpoint has them.
 */
export function loadWeights(net: Module, bytes: Uint8Array, file: string): void {
  fillWeights(net, namedFor(net, readWeights(bytes, file).weights), file);
}

/** The saved position of a run; undefined if it has no checkpoint yet. */
export async function readState(at: string | Storage): Promise<ResumeState | undefined> {
  const directory = new RunDirectory(at);
  const bytes = await directory.storage.read(LAST_FILE);
  return bytes && decodeCheckpoint(bytes, directory.nameOf(LAST_FILE)).state;
}

/** What a run's configuration says a trainer was made with. */
export function objectiveOf(config: RunConfig): TrainerOptions {
  const { loss, optimizer, scheduler, metrics, clip, ema, exact, tune, outputWeights } = config.training;
  return {
    loss: parseLoss(loss as unknown as Spec),
    optimizer: parseOptimizer(optimizer as unknown as Spec),
    metrics: metrics.map((m) => parseMetric(m as unknown as Spec)),
    ...(scheduler ? { scheduler: parseScheduler(scheduler as unknown as Spec) } : {}),
    ...(clip ? { clip } : {}),
    ...(ema === undefined ? {} : { ema }),
    ...(exact ? { exact } : {}),
    ...(tune ? { tune } : {}),
    ...(outputWeights ? { outputWeights } : {}),
  };
}

/** What a run's configuration says `fit` was called with; add the data, `out` and `resume: true`. */
export function fitOptionsOf(config: RunConfig): Omit<FitOptions, 'valid' | 'out'> {
  const { epochs, batchSize, seed, dropLast, accumulate = 1, monitor, earlyStopping } = config.training;
  const { model, data, versions, extra } = config;
  return {
    epochs,
    batchSize,
    seed,
    dropLast,
    accumulate,
    monitor,
    ...(earlyStopping ? { earlyStopping } : {}),
    describe: { model, data, versions, extra },
  };
}

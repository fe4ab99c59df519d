import type { Backend } from '../backends/backend.js';
import { hasMasks } from '../data/masks.js';
import type { OpenedData } from '../data/open.js';
import type { Module } from '../nn/module.js';
import { parseScheduler } from '../optim/registry.js';
import type { Scheduler } from '../optim/scheduler.js';
import * as schedulers from '../optim/schedulers.js';
import type { Json, RunConfig } from '../train/config.js';
import { fitOptionsOf, objectiveOf } from '../train/load.js';
import type { MonitorOptions } from '../train/monitor.js';
import type { FitOptions, TrainerOptions } from '../train/options.js';
import { RunDirectory } from '../train/run.js';
import type { Spec } from '../util/registry.js';
import { dataConfig, dataOf, openWith, pathThen } from './data-source.js';
import { CommandError } from './errors.js';
import { networkOf } from './network.js';
import type { Values } from './options.js';
import { prepare, type SetupValues } from './setup.js';
import { fileName, toSpec } from './spec.js';
import type { Terminal } from './terminal.js';
import { version } from './version.js';

/** Everything that `fit` needs. */
export interface Plan {
  /** "lenet on mnist" */
  readonly title: string;
  readonly net: Module;
  readonly data: OpenedData;
  readonly trainer: TrainerOptions;
  readonly fit: FitOptions;
}

/** Values of `fovea train` with their types; `resolveOptions` has checked them. */
interface TrainValues extends SetupValues {
  readonly recipe?: string;
  readonly epochs?: number;
  readonly scheduler?: string | Spec;
  readonly warmup?: number;
  readonly ema?: number;
  readonly monitor?: string;
  readonly earlyStopping?: number;
  readonly saveEvery?: number;
  readonly overwrite?: boolean;
}

/** A new run from the command line. Nothing is written. */
export async function planNew(
  model: string,
  values: Values,
  backend: Backend,
  terminal: Terminal,
  open?: typeof openWith,
): Promise<Plan> {
  const v = values as TrainValues;
  const asked = v.scheduler === undefined ? undefined : parseScheduler(toSpec(v.scheduler));
  const setup = await prepare(model, values, terminal, open);
  const { data, seed, batchSize, trainer } = setup;
  const { accumulate = 1 } = v;
  const monitor = monitorOptions(v.monitor ?? defaultMonitor(data, asked, trainer.metrics), trainer.metrics);
  const steps = v.dropLast ? Math.floor(data.train.length / batchSize) : Math.ceil(data.train.length / batchSize);
  const scheduler = warmedUp(asked, v.warmup, Math.ceil(steps / accumulate));
  return {
    title: setup.title,
    net: setup.net,
    data,
    trainer: {
      ...trainer,
      backend,
      ...(scheduler ? { scheduler } : {}),
      ...(v.ema === undefined ? {} : { ema: v.ema }),
    },
    fit: {
      valid: data.valid,
      epochs: v.epochs ?? 10,
      batchSize,
      accumulate,
      seed,
      dropLast: v.dropLast ?? false,
      workers: v.workers,
      monitor,
      saveEverySteps: v.saveEvery,
      overwrite: v.overwrite,
      ...(v.earlyStopping === undefined ? {} : { earlyStopping: { patience: v.earlyStopping } }),
      describe: {
        model: setup.model,
        data: dataConfig(data) as unknown as Json,
        versions: { fovea: version(), node: process.versions.node },
        extra: { cwd: process.cwd(), command: commandLine(), ...(v.recipe ? { recipe: v.recipe } : {}) },
      },
    },
  };
}

/** A schedule with `epochs` of linear warm-up before it takes its full effect. */
function warmedUp(
  scheduler: Scheduler | undefined,
  epochs: number | undefined,
  stepsPerEpoch: number,
): Scheduler | undefined {
  if (epochs === undefined) return scheduler;
  const warmup = schedulers.linearWarmup({
    totalIters: Math.max(1, Math.round(epochs * stepsPerEpoch)),
    startFactor: 0.01,
  });
  return scheduler ? schedulers.chained(scheduler, warmup) : warmup;
}

/** A run that goes on: everything as its `config.json` says, but for its length. */
export async function planResume(run: string, values: Values, backend: Backend, terminal: Terminal): Promise<Plan> {
  const v = values as TrainValues;
  const config = await new RunDirectory(run).readConfig();
  const from = dataOf(config);
  if (!from) throw new CommandError(`${run} does not say on what data it was trained; go on from your own program`);
  const net = await networkOf(config);
  const { frozen } = config.training;
  if (frozen.length > 0) net.freeze(...frozen);
  const data = await openWith(terminal, pathThen(from.name, config), from.options);
  const fit = fitOptionsOf(config);
  return {
    title: titleOf(config),
    net,
    data,
    trainer: { ...objectiveOf(config), backend },
    fit: {
      ...fit,
      valid: data.valid,
      epochs: v.epochs ?? fit.epochs,
      workers: v.workers,
      saveEverySteps: v.saveEvery,
      resume: true,
      ...(v.earlyStopping === undefined ? {} : { earlyStopping: { patience: v.earlyStopping } }),
    },
  };
}

/** "lenet on mnist", from a run's configuration. */
export function titleOf(config: RunConfig): string {
  const { model } = config;
  const net = !model ? 'network' : 'path' in model ? fileName(model.path) : model.name;
  const data = dataOf(config)?.name;
  return data === undefined ? net : `${net} on ${fileName(data)}`;
}

/**
 * A classifier's best epoch is the one that gets most validation images right: its loss goes on rising with its
 * confidence long after that. Masks, and a schedule that waits for a plateau, go by the loss.
 */
function defaultMonitor(
  data: OpenedData,
  scheduler: Scheduler | undefined,
  metrics: TrainerOptions['metrics'],
): string {
  if (!data.valid) return 'train.loss';
  const classifies = !hasMasks(data.train) && metrics?.some((m) => m.name === 'accuracy');
  return classifies && !scheduler?.needsMetric ? 'valid.accuracy' : 'valid.loss';
}

function monitorOptions(of: string, metrics: TrainerOptions['metrics']): MonitorOptions {
  const name = of.replace(/^(train|valid)\./, '');
  if (name === of) throw new CommandError(`--monitor is "${of}", expected for example valid.loss or valid.accuracy`);
  if (name === 'loss') return { of, direction: 'lower' };
  const metric = metrics!.find((m) => m.name === name.split('.')[0]);
  if (!metric?.direction) {
    const known = ['loss', ...metrics!.filter((m) => m.direction).map((m) => m.name)].map((m) => `valid.${m}`);
    throw new CommandError(`--monitor is "${of}", expected one of ${known.join(', ')}; --metrics adds others`);
  }
  return { of, direction: metric.direction };
}

/** As one would type it again. */
function commandLine(): string {
  const quoted = process.argv.slice(2).map((a) => (/^[\w./:=,+@%-]+$/.test(a) ? a : `'${a.replaceAll("'", `'\\''`)}'`));
  return ['fovea', ...quoted].join(' ');
}

import type { Backend } from '../backends/backend.js';
import type { OpenDataOptions, OpenedData } from '../data/open.js';
import { parseLoss } from '../losses/registry.js';
import { parseMetric } from '../metrics/registry.js';
import { modelEntry } from '../models/index.js';
import type { Module } from '../nn/module.js';
import { parseOptimizer, parseScheduler } from '../optim/registry.js';
import type { Json, ModelSpec, RunConfig } from '../train/config.js';
import { fitOptionsOf, objectiveOf } from '../train/load.js';
import type { MonitorOptions } from '../train/monitor.js';
import type { FitOptions, TrainerOptions } from '../train/options.js';
import { RunDirectory } from '../train/run.js';
import type { Spec } from '../util/registry.js';
import { dataConfig, dataOf, isNamedData, openWith, pathThen } from './data-source.js';
import { CommandError } from './errors.js';
import { isModelPath, makeNetwork, networkOf } from './network.js';
import type { Values } from './options.js';
import { parseSpec, toSpec } from './spec.js';
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
interface TrainValues {
  readonly data?: string;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly lr?: number;
  readonly optimizer?: string | Spec;
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly scheduler?: string | Spec;
  readonly loss?: string | Spec;
  readonly labelSmoothing?: number;
  readonly clipNorm?: number;
  readonly clipValue?: number;
  readonly metrics?: (string | Spec)[];
  readonly monitor?: string;
  readonly seed?: number;
  readonly dropLast?: boolean;
  readonly valid?: number;
  readonly earlyStopping?: number;
  readonly saveEvery?: number;
  readonly workers?: number | 'auto';
  readonly augment?: OpenDataOptions['augment'];
  readonly size?: number | readonly [number, number];
  readonly channels?: 1 | 3;
  readonly classes?: number;
  readonly images?: number;
  readonly limit?: number;
  readonly skipDamaged?: boolean;
  readonly overwrite?: boolean;
}

const SGD: Spec = { name: 'sgd', options: { lr: 0.01, momentum: 0.9 } };

/**
 * A new run from the command line. Everything that can be wrong with names and numbers is found before the data is
 * opened, and nothing is written.
 */
export async function planNew(model: string, values: Values, backend: Backend, terminal: Terminal): Promise<Plan> {
  const v = values as TrainValues;
  const own = isModelPath(model);
  const entry = own ? undefined : modelEntry(model);
  const seed = v.seed ?? 0;
  const loss = parseLoss(lossSpec(v));
  const optimizer = parseOptimizer(optimizerSpec(v, entry?.optimizer ?? SGD));
  const scheduler = v.scheduler === undefined ? undefined : parseScheduler(toSpec(v.scheduler));
  const metrics = (v.metrics ?? ['accuracy']).map((m) => parseMetric(typeof m === 'string' ? parseSpec(m) : m));
  const monitor = v.monitor === undefined ? undefined : monitorOptions(v.monitor, metrics);

  const name = v.data ?? 'mnist';
  // Pictures in folders have all sizes: they get the one that the network is made for.
  const fitted = !isNamedData(name) && entry ? entry.inputShape : undefined;
  const data = await openWith(terminal, name, {
    seed,
    size: v.size ?? (fitted && [fitted[1], fitted[2]]),
    channels: v.channels ?? (fitted?.[0] as 1 | 3 | undefined),
    valid: v.valid,
    strict: v.skipDamaged ? false : undefined,
    augment: v.augment,
    images: v.images,
    limit: v.limit,
  });
  const spec: ModelSpec = {
    ...(own ? { path: model } : { name: entry!.name }),
    ...(v.classes === undefined ? {} : { options: { classes: v.classes } }),
  };
  const net = await makeNetwork(spec, { inputShape: data.inputShape, classes: data.classes.length });
  const clip = {
    ...(v.clipNorm === undefined ? {} : { norm: v.clipNorm }),
    ...(v.clipValue === undefined ? {} : { value: v.clipValue }),
  };
  return {
    title: `${own ? fileName(model) : entry!.name} on ${fileName(name)}`,
    net,
    data,
    trainer: { loss, optimizer, metrics, scheduler, backend, ...(Object.keys(clip).length > 0 ? { clip } : {}) },
    fit: {
      valid: data.valid,
      epochs: v.epochs ?? 10,
      batchSize: v.batchSize ?? 64,
      seed,
      dropLast: v.dropLast ?? false,
      workers: v.workers,
      monitor,
      saveEverySteps: v.saveEvery,
      overwrite: v.overwrite,
      ...(v.earlyStopping === undefined ? {} : { earlyStopping: { patience: v.earlyStopping } }),
      describe: {
        model: spec,
        data: dataConfig(data) as unknown as Json,
        versions: { fovea: version(), node: process.versions.node },
        extra: { cwd: process.cwd(), command: commandLine() },
      },
    },
  };
}

/** A run that goes on: everything as its `config.json` says, but for its length. */
export async function planResume(run: string, values: Values, backend: Backend, terminal: Terminal): Promise<Plan> {
  const v = values as TrainValues;
  const config = await new RunDirectory(run).readConfig();
  const from = dataOf(config);
  if (!from) throw new CommandError(`${run} does not say on what data it was trained; go on from your own program`);
  const net = await networkOf(config);
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

/** `./nets/my-net.js` -> `my-net`, `photos/` -> `photos`. */
export const fileName = (path: string): string =>
  path
    .replace(/[/\\]+$/, '')
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.[cm]?[jt]s$/i, '') || path;

function lossSpec({ loss = 'cross-entropy', labelSmoothing }: TrainValues): string | Spec {
  if (labelSmoothing === undefined) return loss;
  const { name, options } = toSpec(loss);
  return { name, options: { ...options, labelSmoothing } };
}

/** What was typed over the network's own optimizer, whose options hold only for that one. */
function optimizerSpec({ optimizer, lr, momentum, weightDecay }: TrainValues, own: Spec): Spec {
  const asked = optimizer === undefined ? own : toSpec(optimizer);
  const base =
    asked.name.toLowerCase() === own.name ? own.options : asked.name.toLowerCase() === 'sgd' ? SGD.options : {};
  const given = Object.entries({ lr, momentum, weightDecay }).filter(([, value]) => value !== undefined);
  return { name: asked.name, options: { ...base, ...asked.options, ...Object.fromEntries(given) } };
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

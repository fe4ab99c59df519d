import { hasMasks, outputChannels } from '../data/masks.js';
import type { OpenDataOptions, OpenedData } from '../data/open.js';
import type { Loss } from '../losses/loss.js';
import { parseLoss } from '../losses/registry.js';
import type { Metric } from '../metrics/metric.js';
import { parseMetric } from '../metrics/registry.js';
import { type ModelEntry, modelEntry } from '../models/registry.js';
import '../models/index.js';
import type { Module } from '../nn/module.js';
import { formatCount } from '../report/format.js';
import { numel } from '../tensor/shape.js';
import type { ModelSpec } from '../train/config.js';
import type { TrainerOptions } from '../train/options.js';
import { recipe } from '../train/recipes.js';
import type { Json, Spec } from '../util/registry.js';
import { dataOptions } from './data-fields.js';
import { isNamedData, openWith } from './data-source.js';
import { CommandError, ExitCode } from './errors.js';
import { isModelPath, makeNetwork } from './network.js';
import type { Values } from './options.js';
import { fileName, parseSpec, toSpec } from './spec.js';
import { applyStart, checkScales, openStart, scaledOptimizer, startNormalize } from './start.js';
import type { StartValues } from './start-fields.js';
import type { Terminal } from './terminal.js';

/** Values of `setupFields` with their types; `resolveOptions` has checked them. */
export interface SetupValues extends StartValues {
  readonly data?: string;
  readonly batchSize?: number;
  readonly accumulate?: number;
  readonly lr?: number;
  readonly optimizer?: string | Spec;
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly loss?: string | Spec;
  readonly labelSmoothing?: number;
  readonly clipNorm?: number;
  readonly clipValue?: number;
  readonly metrics?: (string | Spec)[];
  readonly seed?: number;
  readonly dropLast?: boolean;
  readonly workers?: number | 'auto';
  readonly augment?: OpenDataOptions['augment'];
  readonly size?: number | readonly [number, number];
  readonly channels?: 1 | 3;
  readonly classes?: number;
  readonly features?: readonly number[];
  readonly freeze?: readonly string[];
  readonly images?: number;
  readonly limit?: number;
  readonly exact?: boolean;
  readonly tune?: boolean;
}

/** A network, its data, and what it is to learn. */
export interface Setup {
  /** "lenet on mnist" */
  readonly title: string;
  readonly model: ModelSpec;
  readonly net: Module;
  readonly data: OpenedData;
  readonly trainer: TrainerOptions & { readonly metrics: readonly Metric[] };
  readonly seed: number;
  readonly batchSize: number;
}

const SGD: Spec = { name: 'sgd', options: { lr: 0.01, momentum: 0.9 } };

/** Settings of `--recipe`, with what was given beside it over them; the network too, unless one was named. */
export function withRecipe(values: Values): Values {
  const name = values.recipe as string | undefined;
  if (name === undefined) return values;
  const { network, options } = recipe(name);
  const given = Object.fromEntries(Object.entries(values).filter(([, v]) => v !== undefined));
  return { model: network, ...options, ...given };
}

/** The network that was named, or wrong usage. */
export function modelOf({ model }: Values, example: string): string {
  if (model === undefined) throw new CommandError(`which network? for example: ${example}`, ExitCode.usage);
  return model as string;
}

/**
 * Network, data and objective from the command line. Everything that can be wrong with names and numbers is found before
 * the data is opened, and nothing is written. `open` is for callers that keep what was opened.
 */
export async function prepare(
  model: string,
  values: Values,
  terminal: Terminal,
  open: typeof openWith = openWith,
): Promise<Setup> {
  const v = values as SetupValues;
  const own = isModelPath(model);
  const named = own ? undefined : parseSpec(model);
  const entry = named && modelEntry(named.name);
  const seed = v.seed ?? 0;
  const optimizer = scaledOptimizer(optimizerSpec(v, entry?.optimizer ?? SGD), v);
  const guess = entry?.task ?? 'classification';
  // Names and numbers only: with the data's own ignored value they are made below.
  objectiveOf(v, guess, 1, undefined);

  const start = await openStart(v);
  const name = v.data ?? (guess === 'segmentation' ? 'cells' : 'mnist');
  // Pictures in folders have all sizes: they get the one that the network is made for.
  const fitted = !isNamedData(name) && entry ? entry.inputShape : undefined;
  const data = await open(terminal, name, {
    seed,
    size: v.size ?? (fitted && [fitted[1], fitted[2]]),
    channels: v.channels ?? (fitted?.[0] as 1 | 3 | undefined),
    ...dataOptions(values),
    augment: v.augment,
    images: v.images,
    limit: v.limit,
    normalize: startNormalize(v, start, terminal),
  });
  const task = hasMasks(data.train) ? 'segmentation' : 'classification';
  const channels = v.classes ?? outputChannels(data.train);
  const spec = modelSpec(own ? { path: model } : { name: entry!.name, options: named?.options }, entry, v, {
    channels,
    classes: data.classes.length,
  });
  const net = await makeNetwork(spec, { inputShape: data.inputShape, classes: channels });
  if (start) applyStart(net, start, terminal);
  if (v.freeze) freeze(net, v.freeze, terminal);
  checkScales(net, optimizer, v, terminal);
  const clip = {
    ...(v.clipNorm === undefined ? {} : { norm: v.clipNorm }),
    ...(v.clipValue === undefined ? {} : { value: v.clipValue }),
  };
  return {
    title: `${own ? fileName(model) : entry!.name} on ${fileName(name)}`,
    model: spec,
    net,
    data,
    trainer: {
      ...objectiveOf(v, task, channels, data.train.ignoreIndex),
      optimizer,
      ...(Object.keys(clip).length > 0 ? { clip } : {}),
      ...(v.exact ? { exact: true } : {}),
      ...(v.tune ? { tune: true } : {}),
    },
    seed,
    batchSize: v.batchSize ?? (task === 'segmentation' ? 16 : 64),
  };
}

/** Holds parts of the network still and says how much that is. */
function freeze(net: Module, parts: readonly string[], terminal: Terminal): void {
  net.freeze(...parts);
  const total = net.parameterCount();
  const still = [...net.parameters().values()].filter((p) => !p.requiresGrad);
  const frozen = still.reduce((sum, p) => sum + numel(p.shape), 0);
  if (frozen === total) throw new CommandError(`--freeze ${parts.join(',')} leaves nothing to train`);
  terminal.note(`frozen: ${formatCount(frozen)} of ${formatCount(total)} parameters (${parts.join(', ')})`);
}

/** How the network is made again: options that were typed, and its outputs where they are not one a class. */
function modelSpec(
  base: { readonly path: string } | { readonly name: string; readonly options?: Spec['options'] },
  entry: ModelEntry | undefined,
  { classes: asked, features }: SetupValues,
  { channels, classes }: { readonly channels: number; readonly classes: number },
): ModelSpec {
  if (features !== undefined && entry && !entry.options.includes('features'))
    throw new CommandError(`${entry.name} has no levels: --features is for U-Nets`);
  const options: Record<string, Json> = {
    ...('options' in base ? (base.options as Record<string, Json>) : {}),
    ...(features === undefined ? {} : { features }),
    ...(asked !== undefined || channels !== classes ? { classes: channels } : {}),
  };
  return { ...base, ...(Object.keys(options).length > 0 ? { options } : {}) } as ModelSpec;
}

/** Loss and metrics: what was typed, or what suits the task. Pixels that the data ignores count for nothing. */
function objectiveOf(
  v: SetupValues,
  task: ModelEntry['task'],
  channels: number,
  ignoreIndex: number | undefined,
): { loss: Loss; metrics: Metric[] } {
  const masks = task === 'segmentation';
  const shared = ignoreIndex === undefined ? {} : { ignoreIndex };
  const usual = masks ? (channels === 1 ? 'bce+dice' : 'ce+dice') : 'cross-entropy';
  return {
    loss: parseLoss(lossSpec(v, usual), shared),
    metrics: (v.metrics ?? (masks ? ['iou', 'dice'] : ['accuracy'])).map((m) => parseMetric(m, shared)),
  };
}

function lossSpec({ loss, labelSmoothing }: SetupValues, usual: string): string | Spec {
  const asked = loss ?? usual;
  if (labelSmoothing === undefined) return asked;
  const { name, options } = toSpec(asked);
  return { name, options: { ...options, labelSmoothing } };
}

/** What was typed over the network's own optimizer, whose options hold only for that one. */
function optimizerSpec({ optimizer, lr, momentum, weightDecay }: SetupValues, own: Spec): Spec {
  const asked = optimizer === undefined ? own : toSpec(optimizer);
  const base =
    asked.name.toLowerCase() === own.name ? own.options : asked.name.toLowerCase() === 'sgd' ? SGD.options : {};
  const given = Object.entries({ lr, momentum, weightDecay }).filter(([, value]) => value !== undefined);
  return { name: asked.name, options: { ...base, ...asked.options, ...Object.fromEntries(given) } };
}

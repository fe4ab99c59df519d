import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { networkFor, type Recognised, type RecogniseOptions, recognise } from '../io/layouts/index.js';
import { WEIGHT_ENDINGS } from '../io/read.js';
import type { Module } from '../nn/module.js';
import { fileError } from '../node/errors.js';
import '../node/storage.js';
import { formatCount } from '../report/format.js';
import type { HostTensor } from '../tensor/shape.js';
import type { Json, ModelSpec, Normalize, RunConfig } from '../train/config.js';
import { type LoadedRun, loadRun } from '../train/load.js';
import { BEST_FILE, LAST_FILE, RunDirectory } from '../train/run.js';
import { fillWeights } from '../train/weights.js';
import { namedFor, readWeights, type WeightsFile } from '../train/weightsFile.js';
import { CommandError } from './errors.js';
import { isCode, isModelPath, networkOf } from './network.js';
import { parseSpec } from './spec.js';
import type { Terminal } from './terminal.js';
import { version } from './version.js';

/** A trained network, wherever it is from. */
export interface Trained extends LoadedRun {
  /** Path of the file that the weights are from. */
  readonly from: string;
}

/** Whether a name is that of a file of weights. */
const isWeightsPath = (path: string): boolean =>
  WEIGHT_ENDINGS.some((ending) => path.toLowerCase().endsWith(ending)) && !isDirectory(path);

const isDirectory = (path: string) => existsSync(path) && statSync(path).isDirectory();

/** Whether what the user named has weights: a run, a file of weights, or what `weights` are given for; else it is a network. */
export const isTrained = (target: string, weights: string | undefined): boolean =>
  weights !== undefined ||
  isWeightsPath(target) ||
  isDirectory(target) ||
  // A run that is not there.
  (/[/\\]/.test(target) && !existsSync(target) && !isCode(target));

/** Reads a file of weights, or the best (or else last) ones of a run directory. */
export async function readWeightsAt(path: string): Promise<WeightsFile> {
  let file = path;
  if (isDirectory(path)) {
    file = [BEST_FILE, LAST_FILE].map((name) => join(path, name)).find((f) => existsSync(f)) ?? path;
    if (file === path) throw new CommandError(`${path} has no weights: there is no ${BEST_FILE} or ${LAST_FILE}`);
  }
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_FS_FILE_TOO_LARGE')
      throw new CommandError(`${file} has more than 2 GB, the most that can be read at once`);
    throw fileError(error, file, 'read');
  }
  const found = readWeights(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), file);
  if (found.config || file === path) return found;
  // A run says of itself what older files of weights do not.
  return { ...found, config: await new RunDirectory(path).readConfig() };
}

/**
 * A trained network from what the user named: a run directory, a file of weights that says what it is, one whose network is
 * known by its names, or a network by name with `weights`.
 *
 * @param weights best, last, or a file or run with other weights for the same network
 */
export async function openTrained(target: string, weights: string | undefined, terminal: Terminal): Promise<Trained> {
  if (isDirectory(target) && !isOther(weights)) return ofRun(target, weights as 'best' | 'last' | undefined);
  if (isDirectory(target)) {
    const config = await new RunDirectory(target).readConfig();
    const net = await networkOf(config);
    const { file, ...other } = await readWeightsAt(weights!);
    return filled(config, net, namedFor(net, other.weights), file);
  }
  if (isWeightsPath(target)) {
    if (weights !== undefined)
      throw new CommandError(`--weights is for run directories and networks by name; ${target} holds its own weights`);
    if (existsSync(target)) return fromFile(await readWeightsAt(target), {}, terminal);
  } else if (isOther(weights) && !isModelPath(target)) {
    return fromFile(await readWeightsAt(weights!), { model: parseSpec(target) }, terminal);
  }
  // Says that there is no such run.
  return ofRun(target);
}

async function ofRun(target: string, weights: 'best' | 'last' | 'auto' = 'auto'): Promise<Trained> {
  const run = await loadRun(target, { make: networkOf, weights });
  return { ...run, from: `${target}/${run.file}` };
}

const isOther = (weights: string | undefined) => weights !== undefined && weights !== 'best' && weights !== 'last';

async function fromFile(found: WeightsFile, options: RecogniseOptions, terminal: Terminal): Promise<Trained> {
  const { file, weights } = found;
  if (found.config && !options.model) return filled(found.config, await networkOf(found.config), weights, file);
  const known = recogniseFile(found, options, terminal);
  return filled(configFor(known, file), networkFor(known), known.weights, file);
}

/** A network with the values of a file, in evaluation mode. */
const filled = (config: RunConfig, net: Module, weights: ReadonlyMap<string, HostTensor>, file: string): Trained => ({
  config,
  net: fillWeights(net, weights, file).eval(),
  file: basename(file),
  from: file,
  history: [],
});

/** Finds out what a file holds and says so. */
export function recogniseFile(found: WeightsFile, options: RecogniseOptions, terminal: Terminal): Recognised {
  const known = recognise(found.weights, found.file, options);
  const { model, layout, classes, weights, head } = known;
  if (!head)
    throw new CommandError(
      `${found.file} holds the convolutions of ${model.name} without a head: train one with fovea train ${model.name} --weights ${found.file}`,
    );
  const within = found.within.length > 0 ? ` (inside of ${found.within.join('.')})` : '';
  const extra = Object.entries(model.options).map(([name, value]) => `, ${name} ${JSON.stringify(value)}`);
  terminal.note(
    `${found.file}${within}: ${model.name}${extra.join('')}, ${formatCount(classes)} output${classes === 1 ? '' : 's'}, ${weights.size} tensors named as in ${layout}`,
  );
  for (const note of known.notes) terminal.note(note);
  return known;
}

/** Values in 0..1 as they are. */
export const asTheyAre = (channels: number): Normalize => ({
  mean: new Array<number>(channels).fill(0),
  std: new Array<number>(channels).fill(1),
});

/** How images are normalised for recognised weights: as torchvision does for its own, else not at all. */
export function normalizeFor({ entry, layout, inputShape }: Recognised): Normalize {
  const { preprocessing } = entry;
  if (layout !== 'torchvision' || !preprocessing || preprocessing.mean.length !== inputShape[0])
    return asTheyAre(inputShape[0]);
  return { mean: preprocessing.mean, std: preprocessing.std };
}

/** What a converted file says of itself. */
export function configFor(
  known: Recognised,
  file: string,
  {
    names,
    normalize = normalizeFor(known),
  }: { readonly names?: readonly string[]; readonly normalize?: Normalize } = {},
): RunConfig {
  const { entry, model, inputShape, classes: outputs, layout } = known;
  const config = configWithoutRun({
    task: entry.task,
    model,
    inputShape,
    outputs,
    normalize,
    parameters: networkFor(known).parameterCount(),
    description: `trained elsewhere (${layout})`,
    optimizer: entry.optimizer as unknown as Json,
  });
  const { classes } = config;
  if (names && names.length !== classes.length)
    throw new CommandError(`${names.length} class names were given; ${file} has ${classes.length} classes`);
  return { ...config, classes: names ?? classes };
}

/** A network without a run of its own. */
export interface WithoutRun {
  readonly task: 'classification' | 'segmentation';
  readonly model: ModelSpec;
  readonly inputShape: RunConfig['inputShape'];
  /** Channels of its output. */
  readonly outputs: number;
  readonly normalize: Normalize;
  readonly parameters: number;
  /** Where its weights are from. */
  readonly description: string;
  readonly optimizer?: Json;
}

/** A network as a run's configuration: how it is made again, and how it is measured, for want of what it was trained for. */
export function configWithoutRun({ task, outputs, optimizer, description, ...network }: WithoutRun): RunConfig {
  const masks = task === 'segmentation';
  const { model } = network;
  return {
    ...network,
    format: 1,
    // Masks of one output have two classes.
    model: masks ? { ...model, options: { ...model.options, classes: outputs } } : model,
    classes: masks && outputs === 1 ? ['background', 'foreground'] : Array.from({ length: outputs }, (_, i) => `${i}`),
    training: {
      epochs: 0,
      batchSize: masks ? 16 : 64,
      seed: 0,
      dropLast: false,
      loss: masks ? (outputs === 1 ? 'bce+dice' : 'ce+dice') : 'cross-entropy',
      optimizer: optimizer ?? { name: 'sgd', options: { lr: 0.01, momentum: 0.9 } },
      metrics: masks ? ['iou', 'dice'] : ['accuracy'],
      frozen: [],
      monitor: { of: 'valid.loss', direction: 'lower' },
    },
    device: { backend: 'reference', description, threads: 1 },
    versions: { fovea: version() },
  };
}

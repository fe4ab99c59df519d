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
import type { Json, Normalize, RunConfig } from '../train/config.js';
import { type LoadedRun, loadRun } from '../train/load.js';
import { BEST_FILE, LAST_FILE, RunDirectory } from '../train/run.js';
import { weightsFor } from '../train/weights.js';
import { namedFor, readWeights, type WeightsFile } from '../train/weightsFile.js';
import { CommandError } from './errors.js';
import { isModelPath, networkOf } from './network.js';
import { parseSpec } from './spec.js';
import type { Terminal } from './terminal.js';
import { version } from './version.js';

/** A trained network, wherever it is from. */
export interface Trained extends LoadedRun {
  /** Path of the file that the weights are from. */
  readonly from: string;
}

/** Whether a name is that of a file of weights. */
export const isWeightsPath = (path: string): boolean =>
  WEIGHT_ENDINGS.some((ending) => path.toLowerCase().endsWith(ending)) && !isDirectory(path);

const isDirectory = (path: string) => existsSync(path) && statSync(path).isDirectory();

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
    return {
      config,
      net: filled(net, namedFor(net, other.weights), file),
      file: basename(file),
      from: file,
      history: [],
    };
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
  if (found.config && !options.model) {
    const net = await networkOf(found.config);
    return { config: found.config, net: filled(net, weights, file), file: basename(file), from: file, history: [] };
  }
  const known = recogniseFile(found, options, terminal);
  const net = networkFor(known);
  return {
    config: configFor(known, file),
    net: filled(net, known.weights, file),
    file: basename(file),
    from: file,
    history: [],
  };
}

/** A network with these values, in evaluation mode. */
export function filled(net: Module, weights: ReadonlyMap<string, HostTensor>, file: string): Module {
  const values = weightsFor(net, weights, file);
  for (const [path, parameter] of net.states()) parameter.value = values.get(path);
  return net.eval();
}

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

/** What a converted file says of itself: as a run's configuration, of a training that happened elsewhere. */
export function configFor(
  known: Recognised,
  file: string,
  {
    names,
    normalize = normalizeFor(known),
  }: { readonly names?: readonly string[]; readonly normalize?: Normalize } = {},
): RunConfig {
  const { entry, model, inputShape, classes, layout } = known;
  const masks = entry.task === 'segmentation';
  const usual =
    masks && classes === 1 ? ['background', 'foreground'] : Array.from({ length: classes }, (_, i) => String(i));
  if (names && names.length !== usual.length)
    throw new CommandError(`${names.length} class names were given; ${file} has ${usual.length} classes`);
  return {
    ...elsewhere(entry.task, classes, `trained elsewhere (${layout})`, entry.optimizer as unknown as Json),
    model: { name: model.name, options: { ...model.options, ...(masks ? { classes } : {}) } },
    inputShape,
    classes: names ?? usual,
    normalize,
    parameters: networkFor(known).parameterCount(),
  };
}

/** A configuration without a run: how its network is measured, for want of what it was trained for. */
export function elsewhere(
  task: 'classification' | 'segmentation',
  outputs: number,
  description: string,
  optimizer: Json = { name: 'sgd', options: { lr: 0.01, momentum: 0.9 } },
): Pick<RunConfig, 'format' | 'training' | 'device' | 'versions'> {
  const masks = task === 'segmentation';
  return {
    format: 1,
    training: {
      epochs: 0,
      batchSize: masks ? 16 : 64,
      seed: 0,
      dropLast: false,
      loss: masks ? (outputs === 1 ? 'bce+dice' : 'ce+dice') : 'cross-entropy',
      optimizer,
      metrics: masks ? ['iou', 'dice'] : ['accuracy'],
      frozen: [],
      monitor: { of: 'valid.loss', direction: 'lower' },
    },
    device: { backend: 'reference', description, threads: 1 },
    versions: { fovea: version() },
  };
}

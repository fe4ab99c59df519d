import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { dataNames, describeSkipped, type Fit, type OpenDataOptions, type OpenedData, openData } from '../data/open.js';
import '../node/index.js';
import type { Dataset } from '../data/dataset.js';
import type { RunConfig } from '../train/config.js';
import type { Json } from '../util/registry.js';
import { CommandError } from './errors.js';
import type { Terminal } from './terminal.js';

/** What `config.json` says of the data: how to open it again, and what identifies it. */
export interface DataConfig {
  readonly name: string;
  readonly options: OpenDataOptions;
  readonly identity: Json;
}

export const isNamedData = (name: string): boolean => dataNames().includes(name);

/** Opens data, telling what takes long and what was left out. */
export async function openWith(terminal: Terminal, name: string, options: OpenDataOptions): Promise<OpenedData> {
  const given = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
  const data = await openData(name, { ...given, onProgress: (message) => terminal.note(message) });
  for (const note of data.notes) terminal.note(note);
  for (const warning of data.warnings) terminal.warn(warning);
  if (data.skipped.length > 0) terminal.warn(`left out of ${name}: ${describeSkipped(data.skipped)}`);
  return data;
}

export const dataConfig = (data: OpenedData): DataConfig => ({
  name: data.spec.name,
  options: data.spec.options as OpenDataOptions,
  identity: data.describe() as Json,
});

/** What the run was trained on, if it says so. */
export function dataOf(config: RunConfig): DataConfig | undefined {
  const data = config.data as Partial<DataConfig> | undefined;
  return typeof data?.name === 'string' ? { name: data.name, options: {}, identity: null, ...data } : undefined;
}

/** How images of files became the size of the training images, if the run says so. */
export const fitOf = (config: RunConfig): Fit | undefined => dataOf(config)?.options.fit;

/** A path as it was typed when the run was started, seen from where we are now. */
export function pathThen(path: string, config: RunConfig): string {
  const cwd = (config.extra as { cwd?: string } | undefined)?.cwd;
  if (isNamedData(path) || isAbsolute(path) || !cwd) return path;
  const then = join(cwd, path);
  return existsSync(then) ? then : path;
}

export interface Split {
  readonly split: 'train' | 'valid' | 'test' | 'all';
  readonly dataset: Dataset;
}

/**
 * The images that `eval` measures: the split asked for; else the test set if there is one; else, on the data the run
 * was trained on, its validation split; else everything.
 */
export function chooseSplit(data: OpenedData, split: string | undefined, isTrainingData: boolean): Split {
  const sets: Record<string, Dataset | undefined> = {
    train: data.train,
    valid: data.valid,
    test: data.test,
    all: data.all,
  };
  if (split !== undefined) {
    const dataset = sets[split];
    const there = Object.keys(sets).filter((name) => sets[name]);
    if (!dataset) throw new CommandError(`${data.name} has no ${split} set; it has ${there.join(', ')}`);
    return { split: split as Split['split'], dataset };
  }
  if (data.test) return { split: 'test', dataset: data.test };
  if (isTrainingData && data.valid) return { split: 'valid', dataset: data.valid };
  return { split: 'all', dataset: data.all };
}

/** What a split is called in words. */
export const splitTitle = (split: string): string =>
  split === 'valid' ? 'validation' : split === 'train' ? 'training' : split;

/** Classes are told apart by number: other names or another order would measure nonsense. */
export function checkClasses(data: OpenedData, config: RunConfig): void {
  const ours = config.classes;
  if (data.classes.length === ours.length && data.classes.every((name, i) => name === ours[i])) return;
  const list = (names: readonly string[]) => (names.length > 12 ? [...names.slice(0, 12), '...'] : names).join(', ');
  throw new CommandError(
    `${data.name} has the classes ${list(data.classes)}; the network was trained on ${list(ours)}`,
  );
}

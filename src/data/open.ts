import type { Json } from '../util/registry.js';
import { unknownName } from '../util/suggest.js';
import { type DataDescription, type Dataset, type ImageShape, type Normalize, pixels } from './dataset.js';
import { materialise } from './memory.js';
import { Purpose, permutation } from './rng.js';
import { ShapesDataset } from './shapes.js';
import { Concat, Subset } from './subset.js';
import { augmentation, type TransformSpec, transformed } from './transforms.js';

/** How the image of a file becomes an image of the wanted size. */
export type Fit =
  /** Scaled until it covers the size, then cut at the centre. */
  | 'cover'
  /** Scaled until it fits inside, then padded with black. */
  | 'contain'
  /** Stretched. */
  | 'fill';

/** Options of {@link openData}; what a data set has no use for is ignored. JSON, but for `onProgress`. */
export interface OpenDataOptions {
  /** Decides which images are for validation, and generated images. Default 0. */
  readonly seed?: number;
  /** Side, or [height, width], in pixels. Default: the data set's own. */
  readonly size?: number | readonly [number, number];
  /** 1 (grey) or 3 (RGB). Default: the data set's own; folders: 3. */
  readonly channels?: 1 | 3;
  readonly fit?: Fit;
  /** Part of the training images for validation where the data has no validation set; 0 for none. Default 0.2 (folders). */
  readonly valid?: number;
  /** Classes and their order, for data that must fit a trained network. Default: sorted names of folders. */
  readonly classes?: readonly string[];
  readonly normalize?: Normalize;
  /** False leaves out images that cannot be read instead of failing. Default true. */
  readonly strict?: boolean;
  /** Number of images of a generated data set. */
  readonly images?: number;
  /** Random changes of training images: `['hflip', 'crop:4']` or full specifications. */
  readonly augment?: readonly (string | TransformSpec)[];
  /** Train on that many images only, chosen by `seed`. */
  readonly limit?: number;
  /** Where fetched data sets are kept. Default: the user's cache. */
  readonly cache?: string;
  /** Called with a short line when something takes long (a download). */
  readonly onProgress?: (message: string) => void;
}

/** A data set in its parts, as {@link openData} gives it. */
export interface OpenedData {
  readonly name: string;
  /** What opens the same data again: `openData(spec.name, spec.options)`. */
  readonly spec: { readonly name: string; readonly options: { readonly [key: string]: Json | undefined } };
  readonly train: Dataset;
  /** Absent if there is none and none was to be split off. */
  readonly valid?: Dataset;
  /** Absent if the data has none. Never selects anything. */
  readonly test?: Dataset;
  /** All images but the test set, without augmentation. */
  readonly all: Dataset;
  readonly inputShape: ImageShape;
  readonly classes: readonly string[];
  readonly normalize: Normalize;
  /** Files that were left out because they cannot be read (`strict: false`), one sentence each. */
  readonly skipped: readonly string[];
  /** What identifies the data. */
  describe(): DataDescription;
}

/** What a source of data gives; {@link openData} adds augmentation, limit and description. */
export interface DataParts {
  readonly train: Dataset;
  readonly valid?: Dataset;
  readonly test?: Dataset;
  readonly all?: Dataset;
  readonly skipped?: readonly string[];
}

type Source = (options: OpenDataOptions) => DataParts | Promise<DataParts>;
type PathSource = (path: string, options: OpenDataOptions) => Promise<DataParts>;

const sources = new Map<string, Source>();
let pathSource: { exists(path: string): boolean; open: PathSource } | undefined;

/** Adds a data set that `openData` finds by name. */
export function registerSource(name: string, open: Source): void {
  sources.set(name, open);
}

/** Node's side says here how paths are opened. */
export function setPathSource(source: { exists(path: string): boolean; open: PathSource }): void {
  pathSource = source;
}

/** Names that `openData` knows. */
export const dataNames = (): string[] => [...sources.keys()].sort();

/**
 * Opens a data set by name (`mnist`, `shapes`) or path (a folder of class folders, or of IDX files), split into parts.
 * Throws one sentence: unknown name (suggests the nearest), missing path, no images, classes that differ.
 *
 *     const { train, valid, test } = await openData('mnist', { seed: 1 });
 */
export async function openData(spec: string, options: OpenDataOptions = {}): Promise<OpenedData> {
  const parts = await openParts(spec, options);
  const { valid, test, skipped = [] } = parts;
  const normalize = options.normalize;
  for (const key of ['mean', 'std'] as const) {
    const channels = parts.train.inputShape[0];
    if (normalize && normalize[key].length !== channels)
      throw new RangeError(`normalize.${key} has ${normalize[key].length} values; ${spec} has ${channels} channels`);
  }
  const normalised = <D extends Dataset | undefined>(dataset: D): D =>
    dataset && normalize ? (withNormalize(dataset, normalize) as D) : dataset;
  let train = parts.train;
  if (options.limit !== undefined) train = limit(train, options.limit, options.seed ?? 0);
  if (options.augment?.length) train = transformed(train, options.augment.map(augmentation));
  const all = parts.all ?? (valid ? new Concat([parts.train, valid]) : parts.train);
  const { onProgress: _, ...json } = options;
  return {
    name: spec,
    spec: { name: spec, options: json as OpenedData['spec']['options'] },
    train: normalised(train),
    valid: normalised(valid),
    test: normalised(test),
    all: normalised(all),
    inputShape: train.inputShape,
    classes: train.classes,
    normalize: normalize ?? train.normalize,
    skipped,
    describe: () => ({
      kind: 'splits',
      name: spec,
      train: train.describe(),
      valid: valid?.describe(),
      test: test?.describe(),
    }),
  };
}

async function openParts(spec: string, options: OpenDataOptions): Promise<DataParts> {
  const source = sources.get(spec);
  if (source) return source(options);
  const looksLikePath = /[/\\]|^\.|^~/.test(spec);
  if (pathSource && (looksLikePath || pathSource.exists(spec))) return pathSource.open(spec, options);
  if (looksLikePath && !pathSource) throw new Error(`cannot open "${spec}": there is no file system here`);
  throw new Error(`${unknownName('data set', spec, dataNames())}${pathSource ? ', or a path to a folder' : ''}`);
}

/** `n` of the samples, chosen by `seed` and kept in order. */
function limit(dataset: Dataset, n: number, seed: number): Dataset {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`the limit is ${n}; expected a number of images from 1`);
  if (n >= dataset.length) return dataset;
  const chosen = permutation(dataset.length, seed, Purpose.split + 1)
    .slice(0, n)
    .sort();
  return new Subset(dataset, chosen, { kind: 'chosen', seed, n });
}

/** The same data set with other normalisation values. */
export function withNormalize(dataset: Dataset, normalize: Normalize): Dataset {
  return Object.create(dataset, { normalize: { value: normalize, enumerable: true } }) as Dataset;
}

/** Above this many bytes a generated set is drawn when it is asked for, not beforehand. */
const MATERIALISE_BELOW = 64 * 2 ** 20;

registerSource('shapes', async ({ images = 6000, size, channels, seed }) => {
  const drawn = new ShapesDataset({ images, size, channels, seed });
  if (images < 50) throw new RangeError(`shapes needs at least 50 images to be split in three, got ${images}`);
  const data = pixels(drawn.inputShape) * images <= MATERIALISE_BELOW ? await materialise(drawn) : drawn;
  const tenth = Math.round(images / 10);
  const part = (from: number, to: number) =>
    new Subset(
      data,
      Int32Array.from({ length: to - from }, (_, i) => from + i),
      { kind: 'range', from, to },
    );
  return {
    train: part(0, images - 2 * tenth),
    valid: part(images - 2 * tenth, images - tenth),
    test: part(images - tenth, images),
  };
});

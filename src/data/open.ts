import type { Json } from '../util/registry.js';
import { unknownName } from '../util/suggest.js';
import { CellsDataset } from './cells.js';
import { type DataDescription, type Dataset, type ImageShape, type Normalize, pixels } from './dataset.js';
import type { GeneratedMasks, GeneratedOptions } from './generated.js';
import { materialise } from './memory.js';
import { Purpose, permutation } from './rng.js';
import { ShapesDataset } from './shapes.js';
import { ShapesSegDataset } from './shapesSeg.js';
import { type Fold, parseFold, splitDataset } from './split.js';
import { Concat, Subset } from './subset.js';
import { augmentations, type TransformSpec, transformed } from './transforms.js';

/** How masks are found and read. All of it has defaults that fit what people have on disk. JSON. */
export interface MaskSource {
  /** Columns of a CSV. Default: recognised by their usual names (`images`, `image`, `photo`; `masks`, `mask`, `label`). */
  readonly columns?: { readonly image?: string; readonly mask?: string };
  /** Folders of photos and masks. Default: recognised by their usual names (`images`, `photos`; `masks`, `labels`). */
  readonly folders?: { readonly images?: string; readonly masks?: string };
  /**
   * `binary`: grey, foreground from `threshold` on. `indexed`: palette indices or grey values are class numbers.
   * `colour`: `colours` says which class a colour is. Default: as the masks look.
   */
  readonly kind?: 'binary' | 'indexed' | 'colour';
  /** Class name of each colour of the masks, in the order of the class numbers: `{ "#000000": "background", "#ff0000": "road" }`. */
  readonly colours?: { readonly [colour: string]: string };
  /** Colours between two classes count as the nearest one. Default: only in JPEG masks, else they are an error. */
  readonly nearest?: boolean;
  /** Grey value (of 255) from which on a pixel of a binary mask is foreground. Default 128. */
  readonly threshold?: number;
  /** Class number of pixels that count for nothing; in `colours` the name `ignore`. Default 255, where masks are not binary. */
  readonly ignore?: number;
}

/** Files of each part: a path to a text file with a name a line, or the names. A name is a path or the stem of one. */
export interface PartLists {
  readonly train?: string | readonly string[];
  readonly valid?: string | readonly string[];
  readonly test?: string | readonly string[];
}

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
  /** Part of all images for the test set, where the data has none. Default 0 (folders), 0.15 (generated masks). */
  readonly test?: number;
  /** Instead of `valid`: a fold of a cross-validation by `seed`, `"2/5"` or `{ index: 2, of: 5 }`. */
  readonly fold?: string | Fold;
  /** Instead of a fraction: which files are in which part (masks). */
  readonly lists?: PartLists;
  /**
   * Classes and their order, for data that must fit a trained network. Default: sorted names of folders; masks: what
   * they hold. A single name for masks is the foreground's.
   */
  readonly classes?: readonly string[];
  readonly masks?: MaskSource;
  readonly normalize?: Normalize;
  /**
   * True: an image that cannot be used ends the run; false: it is left out and told. Default true for class folders, false
   * for photos with masks, which are untidier.
   */
  readonly strict?: boolean;
  /** Number of images of a generated data set. */
  readonly images?: number;
  /** Random changes of training images (and their masks): `['hflip', 'rotate:15']`, `['strong']` or full specifications. */
  readonly augment?: readonly (string | TransformSpec)[];
  /** Train on that many images only, chosen by `seed`. */
  readonly limit?: number;
  /** Bytes that decoded images of files may take; what needs more is read anew in each epoch. Default: 1 GiB, a quarter of the memory at most. */
  readonly memory?: number;
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
  /** What was left out because it cannot be used (`strict: false`), one sentence each. */
  readonly skipped: readonly string[];
  /** What was found and mended, a line each. */
  readonly notes: readonly string[];
  /** What is probably not as the user wants it, a sentence each. */
  readonly warnings: readonly string[];
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
  readonly notes?: readonly string[];
  readonly warnings?: readonly string[];
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
  const { valid, test, skipped = [], notes = [], warnings = [] } = parts;
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
  if (options.augment?.length) train = transformed(train, augmentations(options.augment));
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
    notes,
    warnings,
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

/** What was left out, in one sentence: how much, and the first three. */
export function describeSkipped(skipped: readonly string[]): string {
  const more = skipped.length > 3 ? `; and ${skipped.length - 3} more` : '';
  return `${skipped.length} cannot be used: ${skipped.slice(0, 3).join('; ')}${more}`;
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

/** A generated set in memory, if there is room. */
const inMemory = async (drawn: Dataset): Promise<Dataset> =>
  pixels(drawn.inputShape) * drawn.length <= MATERIALISE_BELOW ? materialise(drawn) : drawn;

/** `splitDataset` as the options of `openData` say. */
export function splitAs(dataset: Dataset, options: OpenDataOptions): ReturnType<typeof splitDataset> {
  const { seed, valid, test, fold } = options;
  return splitDataset(dataset, { seed, valid, test, ...(fold === undefined ? {} : { fold: parseFold(fold) }) });
}

/** A generated set of images with masks: 70 % to train, 15 % each to validate and to test, unless the options say otherwise. */
function registerGenerated(name: string, make: (options: GeneratedOptions) => GeneratedMasks): void {
  registerSource(name, async (options) => {
    const { images, size, channels, seed } = options;
    const all = await inMemory(make({ images, size, channels, seed }));
    // A fold is one of what is not for testing.
    return splitAs(all, { ...options, valid: options.valid ?? 0.15, test: options.test ?? 0.15 });
  });
}

registerGenerated('cells', (options) => new CellsDataset(options));
registerGenerated('shapes-seg', (options) => new ShapesSegDataset(options));

registerSource('shapes', async ({ images = 6000, size, channels, seed }) => {
  const drawn = new ShapesDataset({ images, size, channels, seed });
  if (images < 50) throw new RangeError(`shapes needs at least 50 images to be split in three, got ${images}`);
  const data = await inMemory(drawn);
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

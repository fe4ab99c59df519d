import { basename, join, relative } from 'node:path';
import { type DataParts, type OpenDataOptions, splitAs } from '../data/open.js';
import { splitFraction } from '../data/subset.js';
import { FolderDataset, type FolderOptions, readableImages } from './folderDataset.js';
import { IMAGE_ENDINGS } from './image.js';
import { fingerprint, imagesBelow, isImage, list, PARTS, type Part } from './listing.js';
import { imageMemory } from './memory.js';

interface Scan {
  readonly root: string;
  readonly files: string[];
  readonly labels: number[];
}

/** Images by class folder. `classes` fixes the classes; without it they are the sorted names of the folders. */
async function scan(root: string, classes?: readonly string[]): Promise<Scan & { classes: readonly string[] }> {
  const { folders, files } = await list(root);
  const names = classes ?? folders;
  if (folders.length === 0) {
    throw new Error(
      files.some(isImage)
        ? `${root} holds images but no class folders; expected class/name.jpg`
        : `${root} holds no images; expected class/name.jpg (${IMAGE_ENDINGS.map((e) => e.slice(1)).join(', ')})`,
    );
  }
  const unknown = folders.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`${root} has the class${plural(unknown, 'es')} ${quote(unknown)}; expected only ${quote(names)}`);
  const found: Scan = { root, files: [], labels: [] };
  const empty: string[] = [];
  for (const folder of folders) {
    const images = await imagesBelow(join(root, folder));
    if (images.length === 0) empty.push(folder);
    found.files.push(...images);
    for (let i = 0; i < images.length; i++) found.labels.push(names.indexOf(folder));
  }
  if (found.files.length === 0)
    throw new Error(
      `${root} holds no images; expected class/name.jpg (${IMAGE_ENDINGS.map((e) => e.slice(1)).join(', ')})`,
    );
  if (!classes && empty.length > 0)
    throw new Error(
      `the class folder${plural(empty)} ${quote(empty)} of ${root} hold${empty.length > 1 ? '' : 's'} no images`,
    );
  return { ...found, classes: names };
}

const quote = (names: readonly string[]): string => {
  const shown = names.slice(0, 8).map((name) => `"${name}"`);
  return names.length > 8 ? `${shown.join(', ')} and ${names.length - 8} more` : shown.join(', ');
};
const plural = (names: readonly unknown[], ending = 's'): string => (names.length > 1 ? ending : '');

/** Throws unless both folders have the same classes; names those that differ. */
async function checkSameClasses(train: string, other: string, classes: readonly string[]): Promise<void> {
  const { folders } = await list(other);
  const missing = classes.filter((name) => !folders.includes(name));
  const extra = folders.filter((name) => !classes.includes(name));
  if (missing.length === 0 && extra.length === 0) return;
  const parts = [
    missing.length > 0 && `${quote(missing)} ${missing.length > 1 ? 'are' : 'is'} only in ${train}`,
    extra.length > 0 && `${quote(extra)} ${extra.length > 1 ? 'are' : 'is'} only in ${other}`,
  ].filter(Boolean);
  throw new Error(`the class folders of ${train} and ${other} differ: ${parts.join(', ')}; make them agree`);
}

async function findParts(root: string): Promise<Partial<Record<Part, string>>> {
  const { folders } = await list(root);
  const found: Partial<Record<Part, string>> = {};
  for (const part of Object.keys(PARTS) as Part[]) {
    const name = folders.find((folder) => (PARTS[part] as readonly string[]).includes(folder.toLowerCase()));
    if (name) found[part] = join(root, name);
  }
  return found;
}

/**
 * Opens `class/name.jpg`, or `train/class/name.jpg` with `valid` (or `val`) and `test` beside `train`. Without a
 * validation folder a fifth of each class, chosen by seed, is for validation. With `size` images are scaled; without,
 * all must have one size already.
 *
 * Throws one sentence: no such directory, no images, classes that differ, images that differ in size.
 */
export async function openFolder(root: string, options: OpenDataOptions = {}): Promise<DataParts> {
  const found = await findParts(root);
  const skipped: string[] = [];
  const open = async (directory: string, given: readonly string[] | undefined, like?: FolderDataset) => {
    const { files, labels, classes } = await scan(directory, given);
    const folder: FolderOptions = {
      name: basename(directory) || directory,
      root: directory,
      classes,
      channels: options.channels ?? 3,
      size: options.size ?? (like && [like.inputShape[1], like.inputShape[2]]),
      fit: options.fit ?? 'cover',
      normalize: options.normalize,
      memory: options.memory ?? imageMemory(),
    };
    const usable = await readableImages(folder, files, labels, options.strict ?? true, skipped);
    return FolderDataset.create({ ...folder, ...usable, fingerprint: await fingerprint(directory, usable.files) });
  };
  if (!found.train) {
    const only = found.test ?? found.valid;
    if (only && !(await hasOtherFolders(root, found)))
      throw new Error(`${root} has ${relative(root, only)} but no train folder; give ${only} itself to evaluate on it`);
    const all = await open(root, options.classes);
    if (options.fold !== undefined || options.test) return { ...splitAs(all, options), skipped };
    if (options.valid === 0) return { train: all, all, skipped };
    return { ...splitFraction(all, options.valid ?? 0.2, options.seed ?? 0), all, skipped };
  }
  const train = await open(found.train, options.classes);
  for (const other of [found.valid, found.test])
    if (other && !options.classes) await checkSameClasses(found.train, other, train.classes);
  const test = found.test === undefined ? undefined : await open(found.test, train.classes, train);
  if (found.valid) return { train, valid: await open(found.valid, train.classes, train), test, skipped };
  if (options.fold !== undefined) return { ...splitAs(train, { ...options, test: 0 }), test, all: train, skipped };
  if (options.valid === 0) return { train, test, all: train, skipped };
  return { ...splitFraction(train, options.valid ?? 0.2, options.seed ?? 0), test, all: train, skipped };
}

/** There are folders beside the split folders, so that `test` may well be the name of a class. */
async function hasOtherFolders(root: string, found: Partial<Record<Part, string>>): Promise<boolean> {
  const { folders } = await list(root);
  return folders.length > Object.keys(found).length;
}

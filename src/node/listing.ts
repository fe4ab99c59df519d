import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { fileError } from './errors.js';
import { IMAGE_ENDINGS } from './image.js';

/** Names of sub-folders that make a split. */
export const PARTS = {
  train: ['train', 'training'],
  valid: ['valid', 'val', 'validation'],
  test: ['test', 'testing'],
} as const;
/** Name of a part. */
export type Part = keyof typeof PARTS;

const hidden = (name: string): boolean => name.startsWith('.') || name === '__MACOSX';

/** What lies in a directory. */
export interface Listing {
  readonly folders: string[];
  readonly files: string[];
}

/** Sorted names of what lies in a directory; links are followed. */
export async function list(directory: string): Promise<Listing> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error) => {
    throw fileError(error, directory, 'read');
  });
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    if (hidden(entry.name)) continue;
    const target = entry.isSymbolicLink() ? await stat(join(directory, entry.name)).catch(() => entry) : entry;
    if (target.isDirectory()) folders.push(entry.name);
    else if (target.isFile()) files.push(entry.name);
  }
  // By code unit, not by locale: the same order on every machine.
  return { folders: folders.sort(), files: files.sort() };
}

/** The file has the ending of an image. */
export const isImage = (name: string): boolean => IMAGE_ENDINGS.includes(extname(name).toLowerCase());

/** All images below a directory, in sorted order. `depth` stops links that go round in a circle. */
export async function imagesBelow(directory: string, depth = 8): Promise<string[]> {
  const { folders, files } = await list(directory);
  const images = files.filter(isImage).map((name) => join(directory, name));
  if (depth > 0) for (const folder of folders) images.push(...(await imagesBelow(join(directory, folder), depth - 1)));
  return images;
}

/** A short sum over relative names and sizes: changes when files come, go or grow. */
export async function fingerprint(root: string, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${relative(root, file).replaceAll('\\', '/')}\t${(await stat(file)).size}\n`);
  return hash.digest('hex');
}

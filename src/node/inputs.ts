import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { imagesBelow, isImage, list } from './listing.js';

/**
 * Image files that were named by path, by folder (all images below it) or by pattern (`photos/*.jpg`, `**`, `?`,
 * `{jpg,png}`), in order and without repetition.
 * @throws Error, one sentence, if a path does not exist, or a folder or pattern gives no image
 */
export async function imageFiles(given: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of given) {
    const info = await stat(path).catch(() => undefined);
    if (info?.isDirectory()) {
      const images = await imagesBelow(path);
      if (images.length === 0) throw new Error(`${path} holds no images`);
      found.push(...images);
    } else if (info || !/[*?{]/.test(path)) found.push(path);
    else {
      const matches = await matching(path);
      if (matches.length === 0) throw new Error(`no image matches ${path}`);
      found.push(...matches);
    }
  }
  return [...new Set(found)];
}

/** Images that a pattern matches, sorted. */
async function matching(pattern: string): Promise<string[]> {
  const parts = pattern.replaceAll('\\', '/').split('/');
  const first = parts.findIndex((part) => /[*?{]/.test(part));
  const root = first === 0 ? '.' : parts.slice(0, first).join('/') || '/';
  const rest = parts.slice(first);
  const found: string[] = [];
  const walk = async (directory: string, at: number, depth: number): Promise<void> => {
    const part = rest[at]!;
    const last = at === rest.length - 1;
    const { folders, files } = await list(directory).catch(() => ({ folders: [], files: [] }));
    const here = (name: string) => (directory === '.' ? name : join(directory, name));
    if (part === '**') {
      if (last) found.push(...files.filter(isImage).map(here));
      else await walk(directory, at + 1, depth);
      if (depth > 0) for (const folder of folders) await walk(here(folder), at, depth - 1);
      return;
    }
    const test = asRegExp(part);
    if (last) found.push(...files.filter((name) => test.test(name) && isImage(name)).map(here));
    else for (const folder of folders) if (test.test(folder)) await walk(here(folder), at + 1, depth);
  };
  await walk(root, 0, 16);
  return found.sort();
}

/** One part of a pattern, between slashes. */
function asRegExp(part: string): RegExp {
  let source = '';
  let braces = 0;
  for (const c of part) {
    if (c === '*') source += '.*';
    else if (c === '?') source += '.';
    else if (c === '{') {
      braces++;
      source += '(?:';
    } else if (c === '}' && braces > 0) {
      braces--;
      source += ')';
    } else if (c === ',' && braces > 0) source += '|';
    else source += c.replace(/[.+^$()|\\[\]{}]/g, '\\$&');
  }
  return new RegExp(`^${source}${')'.repeat(braces)}$`);
}

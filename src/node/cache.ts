import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ensureDirectory } from './directory.js';
import { fileError } from './errors.js';
import { syncDirectory } from './storage.js';

/** Where fetched data sets lie: FOVEA_CACHE, else XDG_CACHE_HOME/fovea, else ~/.cache/fovea. */
export function cacheDirectory(): string {
  const { FOVEA_CACHE, XDG_CACHE_HOME } = process.env;
  if (FOVEA_CACHE) return FOVEA_CACHE;
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'fovea');
}

/** A file that a data set needs and what it must contain. */
export interface PinnedFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** SHA-256 of a file in hexadecimal. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** True if all files are there with their right sizes. */
export async function hasFiles(directory: string, files: readonly PinnedFile[]): Promise<boolean> {
  const sizes = await Promise.all(
    files.map((file) =>
      stat(join(directory, file.name)).then(
        (s) => s.size,
        () => -1,
      ),
    ),
  );
  return files.every((file, i) => sizes[i] === file.bytes);
}

/** Throws one sentence that names the first file that is not the published one. */
export async function verifyFiles(directory: string, files: readonly PinnedFile[], remedy: string): Promise<void> {
  for (const file of files) {
    const path = join(directory, file.name);
    const found = await sha256(path).catch((error) => {
      throw fileError(error, path, 'read');
    });
    if (found !== file.sha256)
      throw new Error(`${path} is not the published file: its SHA-256 is ${found}, expected ${file.sha256}; ${remedy}`);
  }
}

/** True if all files are there and are the published ones. */
export async function isIntact(directory: string, files: readonly PinnedFile[]): Promise<boolean> {
  return (
    (await hasFiles(directory, files)) &&
    verifyFiles(directory, files, '').then(
      () => true,
      () => false,
    )
  );
}

/**
 * Fills `directory` once and whole: `fill` writes into a temporary directory beside it, which then takes its name.
 * Processes that do so at the same time do not disturb each other; the first one wins, or the last one replaces what
 * was incomplete.
 */
export async function fillDirectory(
  directory: string,
  files: readonly PinnedFile[],
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(directory);
  let temporary: string;
  try {
    await ensureDirectory(parent);
    await removeStale(directory);
    temporary = await mkdtemp(`${directory}.tmp-`);
  } catch (error) {
    throw fileError(error, directory, 'write');
  }
  try {
    await fill(temporary);
    for (let attempt = 0; ; attempt++) {
      try {
        await rename(temporary, directory);
        break;
      } catch (error) {
        if (await isIntact(directory, files)) break;
        if (attempt === 3) throw fileError(error, directory, 'write');
        // What is there is incomplete or was damaged: out of the way with it, by a rename so that no reader sees half.
        const old = await mkdtemp(`${directory}.tmp-`);
        await rename(directory, join(old, 'old')).catch(() => {});
        await rm(old, { recursive: true, force: true });
      }
    }
    await syncDirectory(parent);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const DAY = 24 * 3600 * 1000;

/** Removes what processes that were killed more than a day ago left of their attempts. */
async function removeStale(directory: string): Promise<void> {
  const parent = dirname(directory);
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (!path.startsWith(`${directory}.tmp-`)) continue;
    const age = await stat(path).then(
      (s) => Date.now() - s.mtimeMs,
      () => 0,
    );
    if (age > DAY) await rm(path, { recursive: true, force: true });
  }
}

import { constants } from 'node:fs';
import { access, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Storage, setStorageOpener, TEMPORARY_SUFFIX } from '../train/storage.js';
import { ensureDirectory } from './directory.js';
import { fileError, isMissing } from './errors.js';

let counter = 0;

/**
 * Replaces the file at `path` so that a reader sees either the old or the new content whole, also after a crash:
 * temporary file beside it, fsync, rename, fsync of the directory. On failure the temporary is removed.
 * Throws one sentence that names the file.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}.${counter++}${TEMPORARY_SUFFIX}`;
  const directory = join(path, '..');
  try {
    await ensureDirectory(directory);
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileError(error, path, 'write');
  }
  await syncDirectory(directory);
}

/**
 * Throws the sentence that `writeFileAtomic` would, as far as that can be known without writing: long work should not
 * end at a file that cannot be written.
 */
export async function checkWritable(path: string): Promise<void> {
  const found = (p: string) => stat(p).catch(() => undefined);
  try {
    if ((await found(path))?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    let above = dirname(resolve(path));
    while (!(await found(above))) above = dirname(above);
    if (!(await found(above))!.isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    await access(above, constants.W_OK);
  } catch (error) {
    throw fileError(error, path, 'write');
  }
}

/** Makes renames in a directory durable, where the system can (Windows cannot, and needs not). */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Some file systems refuse fsync of a directory; the rename itself has succeeded.
  }
}

/** A directory on disk as a {@link Storage}. It is created by the first write. */
export class FileStorage implements Storage {
  constructor(readonly location: string) {}

  private path(name: string): string {
    if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name))
      throw new Error(`"${name}" is not the name of a file in ${this.location}`);
    return join(this.location, name);
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    try {
      const bytes = await readFile(this.path(name));
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw fileError(error, this.path(name), 'read');
    }
  }

  async writeAtomic(name: string, data: Uint8Array | string): Promise<void> {
    await writeFileAtomic(this.path(name), data);
  }

  async append(name: string, data: Uint8Array | string): Promise<void> {
    const path = this.path(name);
    try {
      await ensureDirectory(this.location);
      const handle = await open(path, 'a');
      try {
        await handle.writeFile(data);
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw fileError(error, path, 'write');
    }
    await syncDirectory(this.location);
  }

  async list(): Promise<string[]> {
    try {
      const entries = await readdir(this.location, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name)
        .sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw fileError(error, this.location, 'read');
    }
  }

  async exists(name: string): Promise<boolean> {
    try {
      await access(this.path(name));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw fileError(error, this.path(name), 'read');
    }
  }

  async remove(name: string): Promise<void> {
    try {
      await rm(this.path(name), { force: true });
    } catch (error) {
      throw fileError(error, this.path(name), 'remove');
    }
  }
}

setStorageOpener((path) => new FileStorage(path));

import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and the ones above it. Not `mkdir(..., { recursive: true })`, which never returns where the system
 * answers "no such file" for a directory whose parent is there (as in /proc).
 */
export async function ensureDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isDirectory = (p: string) =>
      stat(p).then(
        (s) => s.isDirectory(),
        () => false,
      );
    if (code === 'EEXIST' && (await isDirectory(path))) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path || (await isDirectory(parent))) throw error;
    await ensureDirectory(parent);
    await mkdir(path).catch((again: NodeJS.ErrnoException) => {
      // Somebody else made it meanwhile.
      if (again.code !== 'EEXIST') throw again;
    });
  }
}

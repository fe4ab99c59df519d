import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { RunDirectory } from '../train/run.js';
import { readPosition } from './position.js';

/** What writes about a run's steps, and can take it back. */
interface Log {
  remove(): Promise<void>;
}

/**
 * Remembers what a new run found, so that a run which fails before its first step (an image that cannot be read) leaves
 * nothing behind: there is nothing in it that could be gone on with.
 */
export class Untouched {
  private readonly missing: string[] = [];

  constructor(private readonly out: string) {
    for (let path = resolve(out); !existsSync(path); path = dirname(path)) this.missing.push(path);
  }

  /**
   * Takes the run away if it has made no step that it could go on from, and the directories that were made for it if they
   * are empty.
   * @param logs what was written of its steps goes too
   */
  async restore(logs: readonly (Log | undefined)[]): Promise<void> {
    const state = await readPosition(this.out).catch(() => undefined);
    if (state && state.position.step > 0) return;
    const directory = new RunDirectory(this.out);
    if ((await directory.readMetrics().catch(() => [])).length > 0) return;
    for (const log of logs) await log?.remove().catch(() => {});
    await directory.clear().catch(() => {});
    for (const path of this.missing) {
      const gone = await rmdir(path).then(
        () => true,
        () => false,
      );
      if (!gone) return;
    }
  }
}

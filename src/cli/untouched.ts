import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { EventLog } from '../train/eventLog.js';
import { RunDirectory } from '../train/run.js';
import { readPosition } from './position.js';

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
   * @param log what was written of its steps goes too
   */
  async restore(log: EventLog | undefined): Promise<void> {
    const state = await readPosition(this.out).catch(() => undefined);
    if (state && state.position.step > 0) return;
    const directory = new RunDirectory(this.out);
    if ((await directory.readMetrics().catch(() => [])).length > 0) return;
    await log?.remove().catch(() => {});
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

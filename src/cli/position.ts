import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResumeState } from '../train/checkpoint.js';
import { LAST_FILE } from '../train/run.js';

/**
 * The saved position of a run from the header alone: the weights behind it may be large.
 * @returns undefined if it has no checkpoint
 * @throws Error, one sentence, if the file is damaged
 */
export async function readPosition(run: string): Promise<ResumeState | undefined> {
  const file = join(run, LAST_FILE);
  const handle = await open(file).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const length = Buffer.alloc(8);
    await handle.read(length, 0, 8, 0);
    const size = Number(length.readBigUInt64LE());
    if (size > (await handle.stat()).size - 8)
      throw new Error(`${file} is damaged: it is shorter than its header says`);
    const header = Buffer.alloc(size);
    await handle.read(header, 0, size, 8);
    const metadata = (JSON.parse(header.toString('utf8')) as { __metadata__?: Record<string, string> }).__metadata__;
    const state = metadata?.['fovea.state'];
    return state === undefined ? undefined : (JSON.parse(state) as ResumeState);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error(`${file} is damaged: its header is not JSON`);
    throw error;
  } finally {
    await handle.close();
  }
}

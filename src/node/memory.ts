import { totalmem } from 'node:os';

/** Bytes that decoded images may take unless the user says otherwise: 1 GiB, but a quarter of what this process may use at most. */
export function imageMemory(): number {
  // What a container allows; an absurdly large number, or 0, where nothing limits it.
  const limit = process.constrainedMemory();
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.min(2 ** 30, Math.floor(total / 4));
}

import { totalmem } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes that decoded images may take unless the user says otherwise: 1 GiB, but a quarter of what this process may use at most. */
export function imageMemory(): number {
  // What a container allows; an absurdly large number, or 0, where nothing limits it.
  const limit = process.constrainedMemory();
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.min(2 ** 30, Math.floor(total / 4));
}

/**
 * Gives back now what nothing refers to any more. The engine's own collection may come long after a large buffer was let
 * go: for moments before much memory is needed.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

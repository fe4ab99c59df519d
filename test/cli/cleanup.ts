import { rmSync } from 'node:fs';

/** Removes what a test wrote. */
export const removeScratch = (path: string): void => rmSync(path, { recursive: true, force: true });

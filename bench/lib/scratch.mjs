// Folders in the temp directory. What is in them may be large, and runs are killed: they go however this process ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = [];

process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(128 + constants.signals[signal]));

/** A new folder, removed when this process ends. */
export function scratch(name) {
  const folder = mkdtempSync(join(tmpdir(), `fovea-${name}-`));
  folders.push(folder);
  return folder;
}

#!/usr/bin/env node
import { createProgram } from './program.js';

// A reader that went away (`fovea runs | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const program = createProgram();
try {
  await program.parseAsync();
} catch (error) {
  // Commander has said what is wrong; its own codes are 0 for help and version and 1 for wrong usage.
  const { exitCode, code } = error as { exitCode?: number; code?: string };
  if (!code?.startsWith('commander.')) throw error;
  process.exitCode = exitCode === 0 ? 0 : 2;
}

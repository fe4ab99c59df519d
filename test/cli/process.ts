import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const main = join(root, 'dist/cli/main.js');

/** Compiles `dist` if a source is newer, one process at a time. */
export function build(): void {
  const lock = join(tmpdir(), `fovea-build-${process.getuid?.() ?? 0}`);
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      // A lock older than a build takes was left by a process that was killed.
      if (existsSync(lock) && Date.now() - statSync(lock).mtimeMs > 120_000) rmSync(lock, { recursive: true });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  try {
    if (isFresh()) return;
    spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
      cwd: root,
    });
    if (!existsSync(main)) throw new Error('dist/cli/main.js was not built: run npm run build');
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function isFresh(): boolean {
  const info = join(root, 'dist/.tsbuildinfo');
  if (!existsSync(main) || !existsSync(info)) return false;
  const built = statSync(info).mtimeMs;
  return readdirSync(join(root, 'src'), { recursive: true }).every(
    (f) => !String(f).endsWith('.ts') || statSync(join(root, 'src', String(f))).mtimeMs <= built,
  );
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  /** Standard output and error so far. */
  output(): string;
}

const env = (extra: Record<string, string> = {}) => {
  const { FOVEA_DEBUG: _, FORCE_COLOR: __, ...rest } = process.env;
  return { ...rest, NO_COLOR: '1', ...extra };
};

/** Starts the command as a process of its own. */
export function start(args: readonly string[], cwd: string, extra?: Record<string, string>): Started {
  const child = spawn(process.execPath, [main, ...args], { cwd, env: env(extra), stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk) => (stdout += chunk));
  child.stderr!.on('data', (chunk) => (stderr += chunk));
  const ended = new Promise<Outcome>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return { child, ended, output: () => stdout + stderr };
}

/** Runs the command to its end. */
export const fovea = (args: readonly string[], cwd: string, extra?: Record<string, string>): Promise<Outcome> =>
  start(args, cwd, extra).ended;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new folder, removed when all tests of the file are done. */
export function scratch(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `fovea-${name}-`));
  folders.push(folder);
  return folder;
}

/** Resolves when `test` holds; fails after `seconds`. */
export async function until(test: () => boolean, seconds = 60): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !test(); ) {
    if (Date.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A small run on generated images that any machine does in seconds. */
export const SMALL = '--data shapes --images 200 --size 16 --device reference --batch-size 32 --lr 0.05 --seed 3'.split(
  ' ',
);

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** What a process of ours is doing, by its command line. */
export type Trains = 'train' | 'race';

/** Whether a process of that number lives on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether the process that wrote the start of a run still lives: numbers of processes are used again. Where the system
 * tells (Linux), it must be a training and have begun before it wrote that.
 */
export async function trainingAt({
  pid,
  host,
  time,
}: {
  pid: number;
  host: string;
  time: number;
}): Promise<Trains | undefined> {
  if (host !== hostname() || !Number.isSafeInteger(pid) || pid <= 1 || !isAlive(pid)) return undefined;
  if (process.platform !== 'linux') return 'train';
  try {
    const [line, status] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    return startedAt(status) > time + 2000 ? undefined : commandOf(line.split('\0'));
  } catch {
    return undefined;
  }
}

/** `node dist/cli/main.js train ...` or `node .bin/fovea train ...` */
function commandOf(args: readonly string[]): Trains | undefined {
  const script = args.findIndex((arg) => /(?:^|[/\\])(?:fovea|main\.js)$/.test(arg));
  const command = script < 0 ? undefined : args[script + 1];
  return command === 'train' || command === 'race' ? command : undefined;
}

/** Ticks of a second in `/proc/PID/stat`, the same on all Linux machines that Node runs on. */
const TICKS = 100;
let boot: number | undefined;

/** Milliseconds since 1970 at which a process began, from its `/proc/PID/stat`. */
function startedAt(status: string): number {
  boot ??= 1000 * Number(/^btime (\d+)/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? 0);
  // The name of the program, in brackets, may hold anything; the 22nd field is the 20th behind it.
  const ticks = Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[19]);
  return boot + (1000 * ticks) / TICKS;
}

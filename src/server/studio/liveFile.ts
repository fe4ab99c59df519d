import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LIVE_FILE, type LiveLine } from '../../train/liveLog.js';

type Kind = LiveLine['type'];
type Line<K extends Kind> = Extract<LiveLine, { type: K }>;

/** A line as it was written, or undefined if it is none: cut short by a crash, or of another version. */
function parse(text: string): LiveLine | undefined {
  try {
    const line = JSON.parse(text) as LiveLine;
    return typeof line?.type === 'string' && typeof line.time === 'number' ? line : undefined;
  } catch {
    return undefined;
  }
}

/** The kind of a line without reading all of it: `{"time":1,"type":"steps",...`. */
const kindOf = (text: string): string | undefined => /^\{"time":[\d.]+,"type":"(\w+)"/.exec(text)?.[1];

/** Goes over the whole file and gives the lines of some kinds in order. */
export async function readLive<K extends Kind>(
  run: string,
  kinds: readonly K[],
  take: (line: Line<K>) => void,
): Promise<void> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(join(run, LIVE_FILE), { encoding: 'utf8', highWaterMark: 2 ** 16 })) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop()!;
      for (const text of lines) {
        if (!kinds.includes(kindOf(text) as K)) continue;
        const line = parse(text);
        if (line) take(line as Line<K>);
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** What was written since one looked last: whole lines only. */
export class LiveTail {
  private constructor(
    private readonly run: string,
    private offset: number,
  ) {}

  /** Begins with the first line. */
  static whole = (run: string): LiveTail => new LiveTail(run, 0);

  /** Begins behind what is there: of a run that nobody writes. */
  static async end(run: string): Promise<LiveTail> {
    const found = await stat(join(run, LIVE_FILE)).catch(() => undefined);
    return new LiveTail(run, found?.size ?? 0);
  }

  /** Begins with what was written in the last seconds: who has just read the file may have missed that. */
  static async recent(run: string): Promise<LiveTail> {
    const handle = await open(join(run, LIVE_FILE)).catch(() => undefined);
    if (!handle) return new LiveTail(run, 0);
    try {
      const { size } = await handle.stat();
      let from = Math.max(0, size - TAIL);
      const bytes = await readAt(handle, from, size - from);
      let begin = from > 0 ? bytes.indexOf(10) + 1 : 0;
      const since = Date.now() - RECENT;
      for (let end = bytes.indexOf(10, begin); end >= 0; end = bytes.indexOf(10, begin)) {
        if ((parse(bytes.toString('utf8', begin, end))?.time ?? 0) >= since) break;
        begin = end + 1;
      }
      from += begin;
      return new LiveTail(run, from);
    } finally {
      await handle.close();
    }
  }

  async read(): Promise<LiveLine[]> {
    const handle = await open(join(this.run, LIVE_FILE)).catch(() => undefined);
    if (!handle) {
      this.offset = 0;
      return [];
    }
    try {
      const { size } = await handle.stat();
      // Another run has begun in this place.
      if (size < this.offset) this.offset = 0;
      if (size === this.offset) return [];
      const bytes = await readAt(handle, this.offset, Math.min(size - this.offset, MOST));
      const newline = bytes.lastIndexOf(10);
      this.offset += newline + 1;
      const lines = bytes.toString('utf8', 0, Math.max(0, newline)).split('\n').map(parse);
      return lines.filter((line) => line !== undefined);
    } finally {
      await handle.close();
    }
  }
}

/** Bytes that are read at once, from the end and going on. */
const TAIL = 2 ** 16;
const MOST = 2 ** 22;
/** Milliseconds that a page may take from reading the file to listening. */
export const RECENT = 3000;

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** How a run's process stands, as far as it wrote it down. */
export interface LiveEnd {
  readonly start: Line<'start'> | undefined;
  readonly end: Line<'end'> | undefined;
  readonly steps: Line<'steps'> | undefined;
  readonly evaluate: Line<'evaluate'> | undefined;
  /** The last finished epoch. */
  readonly epoch: Line<'epoch'> | undefined;
  /** Seconds from the last step of an epoch to its line: its validation. */
  readonly validSeconds: number | undefined;
}

/** What the last lines say. The start, where it is far up, is looked for backwards. */
export async function readLiveEnd(run: string): Promise<LiveEnd | undefined> {
  const handle = await open(join(run, LIVE_FILE)).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - TAIL);
    const text = (await readAt(handle, from, size - from)).toString('utf8');
    const state: { -readonly [K in keyof LiveEnd]: LiveEnd[K] } = {
      start: undefined,
      end: undefined,
      steps: undefined,
      evaluate: undefined,
      epoch: undefined,
      validSeconds: undefined,
    };
    // The first is cut off, or empty; the last is being written, or empty.
    const lines = text.split('\n').slice(from > 0 ? 1 : 0, -1);
    for (const line of lines.map(parse)) {
      if (line?.type === 'start') Object.assign(state, nothing, { start: line });
      else if (line?.type === 'end') state.end = line;
      else if (line?.type === 'steps') Object.assign(state, { steps: line, evaluate: undefined });
      else if (line?.type === 'evaluate') state.evaluate = line;
      else if (line?.type === 'epoch') {
        if (state.steps) state.validSeconds = (line.time - state.steps.time) / 1000;
        Object.assign(state, { epoch: line, evaluate: undefined });
      }
    }
    if (!state.start && !state.end) state.start = await startBefore(handle, from);
    return state;
  } finally {
    await handle.close();
  }
}

const nothing = { end: undefined, steps: undefined, evaluate: undefined };

async function startBefore(handle: FileHandle, to: number): Promise<Line<'start'> | undefined> {
  const needle = '"type":"start"';
  // Neighbouring parts overlap by more than a line of this kind has.
  const overlap = 2048;
  for (let end = to + overlap; end > overlap; end -= 2 ** 20) {
    const begin = Math.max(0, end - 2 ** 20 - overlap);
    const bytes = await readAt(handle, begin, end - begin);
    const at = bytes.lastIndexOf(needle);
    if (at < 0) continue;
    const line = parse(bytes.toString('utf8', bytes.lastIndexOf(10, at) + 1, bytes.indexOf(10, at)));
    if (line?.type === 'start') return line;
  }
  return undefined;
}

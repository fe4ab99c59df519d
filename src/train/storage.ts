/**
 * A run directory as the Trainer sees it: a flat set of named files. Node's side lies in `src/node/storage.ts`; a
 * browser may put IndexedDB or OPFS behind it. All names are relative to the directory (`last.safetensors`).
 */
export interface Storage {
  /** Where it is, for messages: a path or a URL. */
  readonly location: string;
  /** The whole file, or undefined if there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /**
   * Replaces a file so that a reader, also after a crash at any moment, sees either the old or the new content whole:
   * temporary file (its name ends in `.tmp`), fsync, rename, fsync of the directory. Creates the directory if needed.
   * On failure the temporary is removed and the error is one sentence that names the file (disk full, not writable).
   */
  writeAtomic(name: string, data: Uint8Array | string): Promise<void>;
  /** Adds text or bytes at the end and returns when they are on the disk (fsync). Creates the file if needed. */
  append(name: string, data: Uint8Array | string): Promise<void>;
  /** Names of the files in it, sorted; empty if the directory does not exist. Leftover `.tmp` files are among them. */
  list(): Promise<string[]>;
  exists(name: string): Promise<boolean>;
  /** Removes a file; harmless if there is none. */
  remove(name: string): Promise<void>;
}

/** How leftovers of interrupted atomic writes are recognised. */
export const TEMPORARY_SUFFIX = '.tmp';

type Opener = (path: string) => Storage;
let opener: Opener | undefined;

/** The Node entry says here how a path becomes a `Storage`, so that `out: 'runs/a'` works there. */
export function setStorageOpener(open: Opener): void {
  opener = open;
}

/** A `Storage` for a path. Throws where paths mean nothing (a browser without an opener). */
export function openStorage(path: string | Storage): Storage {
  if (typeof path !== 'string') return path;
  if (!opener) throw new Error(`cannot open "${path}": there is no file system here; give a Storage instead of a path`);
  return opener(path);
}

/** Files in memory: for tests and for pages that keep nothing. */
export class MemoryStorage implements Storage {
  private readonly files = new Map<string, Uint8Array>();
  constructor(readonly location = 'memory') {}

  async read(name: string): Promise<Uint8Array | undefined> {
    return this.files.get(name)?.slice();
  }
  async writeAtomic(name: string, data: Uint8Array | string): Promise<void> {
    this.files.set(name, typeof data === 'string' ? new TextEncoder().encode(data) : data.slice());
  }
  async append(name: string, data: Uint8Array | string): Promise<void> {
    const before = this.files.get(name) ?? new Uint8Array();
    const more = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    const joined = new Uint8Array(before.length + more.length);
    joined.set(before);
    joined.set(more, before.length);
    this.files.set(name, joined);
  }
  async list(): Promise<string[]> {
    return [...this.files.keys()].sort();
  }
  async exists(name: string): Promise<boolean> {
    return this.files.has(name);
  }
  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }
}

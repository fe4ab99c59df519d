interface Kept<T> {
  readonly stamp: string;
  readonly value: Promise<T>;
  users: number;
  /** It is closed as soon as nobody uses it. */
  retired: boolean;
  timer: NodeJS.Timeout | undefined;
}

export interface ShelfOptions<T> {
  /** Things kept at most, beside those in use. */
  readonly most: number;
  /** Milliseconds after which something that nobody used goes. */
  readonly idle: number;
  readonly close?: (value: T) => void | Promise<void>;
}

/**
 * Keeps what takes long to open for those who ask next: a few things, for a while, and only as long as their stamp (what
 * they were made from) is the same. Nothing is closed while somebody uses it.
 */
export class Shelf<T> {
  /** In the order of use. */
  private readonly kept = new Map<string, Kept<T>>();
  private readonly closing = new Set<Promise<void>>();

  constructor(private readonly options: ShelfOptions<T>) {}

  /** Does `work` with the thing of a key, opened now if it is not there or out of date. */
  async use<R>(key: string, stamp: string, open: () => Promise<T>, work: (value: T) => R | Promise<R>): Promise<R> {
    let entry = this.kept.get(key);
    if (entry && entry.stamp !== stamp) {
      this.retire(key, entry);
      entry = undefined;
    }
    if (!entry) {
      entry = { stamp, value: open(), users: 0, retired: false, timer: undefined };
      const made = entry;
      // Who comes after a failure tries anew.
      entry.value.catch(() => {
        if (this.kept.get(key) === made) this.kept.delete(key);
      });
    }
    this.kept.delete(key);
    this.kept.set(key, entry);
    entry.users++;
    clearTimeout(entry.timer);
    this.makeRoom();
    try {
      return await work(await entry.value);
    } finally {
      entry.users--;
      this.rest(key, entry);
    }
  }

  /** Closes everything; what is in use when its users are done. */
  async clear(): Promise<void> {
    for (const [key, entry] of [...this.kept]) this.retire(key, entry);
    await Promise.all(this.closing);
  }

  private makeRoom(): void {
    for (const [key, entry] of [...this.kept])
      if (this.kept.size > this.options.most && entry.users === 0) this.retire(key, entry);
  }

  private rest(key: string, entry: Kept<T>): void {
    if (entry.users > 0) return;
    if (entry.retired) {
      this.end(entry);
      return;
    }
    this.makeRoom();
    entry.timer = setTimeout(() => this.retire(key, entry), this.options.idle);
    entry.timer.unref();
  }

  private retire(key: string, entry: Kept<T>): void {
    if (this.kept.get(key) === entry) this.kept.delete(key);
    if (entry.retired) return;
    entry.retired = true;
    clearTimeout(entry.timer);
    if (entry.users === 0) this.end(entry);
  }

  private end(entry: Kept<T>): void {
    const closed = (async () => {
      try {
        await this.options.close?.(await entry.value);
      } catch {
        // What could not be opened need not be closed.
      }
    })();
    this.closing.add(closed);
    void closed.then(() => this.closing.delete(closed));
  }
}

import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LiveLine } from '../../train/liveLog.js';
import type { LiveEvent, RunSummary } from './api.js';
import { picturesStamp } from './detail.js';
import { LiveTail, RECENT } from './liveFile.js';

/** What is watched. */
export interface Watched {
  /** The runs folder. */
  readonly root: string;
  list(): Promise<readonly RunSummary[]>;
  /** One run anew; undefined if it is gone. */
  look(id: string): Promise<RunSummary | undefined>;
  /** Where a run lies. */
  place(id: string): string;
  onError(error: unknown): void;
}

interface Known {
  summary: RunSummary;
  said: string;
  readonly tail: LiveTail;
  /** It runs, or did when it was looked at last. */
  running: boolean;
  /** Lines of the last seconds, for who begins to listen: it may have read the file just before them. */
  recent: readonly LiveLine[];
  watcher?: FSWatcher | undefined;
  directories: string;
  pictures: string;
}

/** Milliseconds between two looks at runs that are going on, and at all others. */
const QUICK = 1000;
const SLOW = 2500;
/** A look at all runs takes at most one part in that many of the time. */
const SHARE = 50;
/** After the system has said that something changed. */
const SOON = 60;

/**
 * Watches the runs folder while anybody listens, and says what happens there. The system's word that a file has changed
 * makes it quick; looking again from time to time makes it sure (folders of other machines, systems that say nothing).
 */
export class Hub {
  private readonly known = new Map<string, Known>();
  private readonly listeners = new Set<(event: LiveEvent) => void>();
  private timer: NodeJS.Timeout | undefined;
  private rootWatcher: FSWatcher | undefined;
  private working: Promise<void> | undefined;
  private due = { all: 0, quick: 0 };
  private again = false;
  /** Nothing has been looked at since the first began to listen. */
  private first = true;

  constructor(private readonly watched: Watched) {}

  /** Calls `listener` for what happens from now on; gives how to stop it. Resolves when it is watching. */
  async listen(listener: (event: LiveEvent) => void): Promise<() => void> {
    this.listeners.add(listener);
    if (this.listeners.size === 1) {
      this.rootWatcher = this.watchFolder(this.watched.root, () => this.poke());
      this.due = { all: 0, quick: 0 };
      this.first = true;
      await this.work();
    } else {
      await this.working;
      for (const [id, { recent }] of this.known) if (recent.length > 0) listener({ type: 'lines', id, lines: recent });
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.rest();
    };
  }

  /** Something has changed: looks at all runs soon. */
  poke(): void {
    if (this.listeners.size === 0) return;
    this.due.all = 0;
    this.schedule(SOON);
  }

  private rest(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.rootWatcher?.close();
    for (const { watcher } of this.known.values()) watcher?.close();
    this.known.clear();
  }

  private schedule(delay: number): void {
    if (this.listeners.size === 0) return;
    // Work that is under way sets the next time itself.
    if (this.working) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.work(), delay);
  }

  private work(): Promise<void> {
    this.working ??= this.turn()
      .catch((error) => this.watched.onError(error))
      .finally(() => {
        this.working = undefined;
        const soon = this.again;
        this.again = false;
        const next = Math.min(this.due.all, this.due.quick) - Date.now();
        this.schedule(soon ? SOON : Math.max(SOON, next));
      });
    return this.working;
  }

  private async turn(): Promise<void> {
    const begin = Date.now();
    if (begin >= this.due.all) {
      const runs = await this.watched.list();
      const ids = new Set(runs.map((r) => r.id));
      for (const id of this.known.keys()) if (!ids.has(id)) this.forget(id);
      for (const run of runs) await this.follow(run, this.first);
      this.first = false;
      this.due.all = Date.now() + Math.max(SLOW, SHARE * (Date.now() - begin));
    } else {
      for (const [id, { running }] of this.known) {
        if (!running) continue;
        const run = await this.watched.look(id);
        if (run) await this.follow(run, false);
        else this.forget(id);
      }
    }
    const running = [...this.known.values()].some((known) => known.running);
    this.due.quick = Date.now() + (running ? QUICK : SLOW);
    if (this.listeners.size === 0) this.rest();
  }

  private forget(id: string): void {
    this.known.get(id)?.watcher?.close();
    this.known.delete(id);
    this.tell({ type: 'gone', id });
  }

  /** Tells what is new about a run; of those that were there when one began to listen, what comes after that. */
  private async follow(summary: RunSummary, first: boolean): Promise<void> {
    const { id } = summary;
    const path = this.watched.place(id);
    const running = summary.state === 'running';
    let known = this.known.get(id);
    const fresh = known === undefined;
    if (!known) {
      const tail = !first ? LiveTail.whole(path) : running ? await LiveTail.recent(path) : await LiveTail.end(path);
      known = { summary, tail, running: false, said: '', recent: [], directories: '', pictures: '' };
      this.known.set(id, known);
    }
    if (running)
      known.watcher ??= this.watchFolder(path, () => {
        this.due.quick = 0;
        this.schedule(SOON);
      });
    // Read after the summary: what that says is never ahead of the lines; and once more when it has ended.
    if (running || known.running) {
      const lines = await known.tail.read();
      if (lines.length > 0) this.tell({ type: 'lines', id, lines });
      const since = Date.now() - RECENT;
      known.recent = [...known.recent, ...lines].filter(({ time }) => time >= since);
    }
    if (!running) {
      known.watcher?.close();
      known.watcher = undefined;
    }
    known.running = running;
    const said = JSON.stringify(summary);
    known.summary = summary;
    if (said !== known.said && !(fresh && first)) this.tell({ type: 'run', run: summary });
    known.said = said;
    await this.followFiles(known, path, fresh);
  }

  private async followFiles(known: Known, path: string, fresh: boolean): Promise<void> {
    const stamps = await Promise.all([path, join(path, 'samples')].map((p) => stat(p).catch(() => undefined)));
    const directories = stamps.map((s) => s?.mtimeMs).join();
    if (directories === known.directories) return;
    const pictures = await picturesStamp(path);
    if (pictures !== known.pictures && !fresh) this.tell({ type: 'files', id: known.summary.id });
    known.directories = directories;
    known.pictures = pictures;
  }

  private watchFolder(path: string, changed: () => void): FSWatcher | undefined {
    try {
      const watcher = watch(path, { persistent: false }, changed);
      // It is gone, or the system watches no more: the next look tells.
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch {
      return undefined;
    }
  }

  private tell(event: LiveEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

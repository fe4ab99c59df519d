import { useEffect, useState, useSyncExternalStore } from 'react';
import type { LiveEvent, RunSummary } from '../../../src/server/studio/api.js';
import { get } from './api.js';

/** How long a page may be out of sight before it stops listening. */
const HIDDEN_MS = 20_000;

type Listener = (event: LiveEvent) => void;

/**
 * What the server tells while the page is open: one stream for all components. Runs are kept here, so that every page has
 * the list at once. After a lost connection everything is asked for anew.
 */
class Live {
  private runs: readonly RunSummary[] | undefined;
  private failure: string | undefined;
  private online = true;
  private readonly listeners = new Set<Listener>();
  private readonly changed = new Set<() => void>();
  private readonly again = new Set<() => void>();
  private source: EventSource | undefined;
  /** Somebody has asked for events; the stream may be closed for a while. */
  private wanted = false;
  private hiding: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    // A browser keeps six connections to a server: tabs that nobody looks at give theirs back.
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.hiding);
      if (document.hidden) this.hiding = setTimeout(() => this.rest(), HIDDEN_MS);
      else if (this.wanted && !this.source) this.open(true);
    });
  }

  snapshot = (): readonly RunSummary[] | undefined => this.runs;
  error = (): string | undefined => this.failure;
  connected = (): boolean => this.online;

  subscribe = (changed: () => void): (() => void) => {
    this.changed.add(changed);
    this.open();
    return () => this.changed.delete(changed);
  };

  /** Events as they come; `again` is called after a lost connection, when what was read before may be old. */
  listen(listener: Listener, again?: () => void): () => void {
    this.listeners.add(listener);
    if (again) this.again.add(again);
    this.open();
    return () => {
      this.listeners.delete(listener);
      if (again) this.again.delete(again);
    };
  }

  private rest(): void {
    this.source?.close();
    this.source = undefined;
  }

  /** @param again events may have been missed */
  private open(again = false): void {
    this.wanted = true;
    if (this.source) return;
    this.source = new EventSource('/api/live');
    let lost = again;
    this.source.onopen = () => {
      this.online = true;
      void this.refresh();
      if (lost) for (const f of this.again) f();
      lost = false;
    };
    this.source.onerror = () => {
      lost = true;
      if (!this.online) return;
      this.online = false;
      this.tell();
    };
    this.source.onmessage = ({ data }: MessageEvent<string>) => this.take(JSON.parse(data) as LiveEvent);
  }

  private async refresh(): Promise<void> {
    try {
      this.runs = await get<RunSummary[]>('/api/runs');
      this.failure = undefined;
    } catch (error) {
      this.failure = (error as Error).message;
    }
    this.tell();
  }

  private take(event: LiveEvent): void {
    if (event.type === 'run') {
      const others = (this.runs ?? []).filter((r) => r.id !== event.run.id);
      this.runs = [...others, event.run].sort(
        (a, b) => (b.changed ?? 0) - (a.changed ?? 0) || a.id.localeCompare(b.id),
      );
    } else if (event.type === 'gone') this.runs = (this.runs ?? []).filter((r) => r.id !== event.id);
    for (const listener of this.listeners) listener(event);
    if (event.type === 'run' || event.type === 'gone') this.tell();
  }

  private tell(): void {
    for (const f of this.changed) f();
  }
}

export const live = new Live();

/** All runs, the last changed first; undefined until they are known. */
export const useRuns = (): readonly RunSummary[] | undefined => useSyncExternalStore(live.subscribe, live.snapshot);

/** One run's line in the list. */
export const useRun = (id: string): RunSummary | undefined => useRuns()?.find((r) => r.id === id);

/** Whether the server is heard. */
export const useConnected = (): boolean => useSyncExternalStore(live.subscribe, live.connected);
export const useLiveError = (): string | undefined => useSyncExternalStore(live.subscribe, live.error);

/** The present time, anew each second while `active`: for "12 s ago" and the time left. */
export function useNow(active: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [active]);
  return now;
}

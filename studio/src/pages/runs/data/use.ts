import { useCallback, useMemo, useRef, useSyncExternalStore } from 'react';
import { useRun } from '../../../lib/live.js';
import { type RunData, runStore } from './store.js';

/** Everything about a run, its line in the list included, which is told more often. */
export function useRunData(id: string): RunData {
  const store = runStore(id);
  const data = useSyncExternalStore(store.subscribe, store.snapshot);
  const summary = useRun(id);
  return useMemo(() => {
    if (!data.detail || !summary) return data;
    const { live: _, reason: __, ...detail } = data.detail;
    return { ...data, detail: { ...detail, ...summary } };
  }, [data, summary]);
}

/** Of several runs, in the order of `ids`. */
export function useRunsData(ids: readonly string[]): readonly RunData[] {
  const key = JSON.stringify(ids);
  const stores = useMemo(() => (JSON.parse(key) as string[]).map(runStore), [key]);
  const last = useRef<readonly RunData[]>([]);
  const subscribe = useCallback(
    (changed: () => void) => {
      const stops = stores.map((store) => store.subscribe(changed));
      return () => {
        for (const stop of stops) stop();
      };
    },
    [stores],
  );
  const snapshot = useCallback(() => {
    const next = stores.map((store) => store.snapshot());
    if (next.length !== last.current.length || next.some((d, i) => d !== last.current[i])) last.current = next;
    return last.current;
  }, [stores]);
  return useSyncExternalStore(subscribe, snapshot);
}

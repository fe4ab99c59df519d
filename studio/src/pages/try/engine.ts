import { useEffect, useRef, useState } from 'react';
import { openRunEngine, type RunEngine } from '../../lib/predict/index.js';

export interface PageEngine {
  readonly engine?: RunEngine;
  /** What is being done until it is there. */
  readonly progress?: string;
  /** Why it will not be there, in a sentence. */
  readonly problem?: string;
}

/**
 * A run's network in this page, fetched when the component appears and again when `version` (of its weights) changes; until
 * then the older one answers.
 */
export function useEngine(run: string, version: unknown): PageEngine {
  const [state, setState] = useState<PageEngine>({ progress: 'Fetching the network' });
  const open = useRef<RunEngine>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new weights are fetched again
  useEffect(() => {
    let here = true;
    const say = (progress: string) => here && setState((s) => (s.engine ? s : { progress }));
    const start = async () => {
      const engine = await openRunEngine(run, say);
      if (!here) return engine.close();
      open.current?.close();
      open.current = engine;
      setState({ engine });
    };
    start().catch((error: Error) => {
      if (here) setState((s) => (s.engine ? s : { problem: error.message }));
    });
    return () => {
      here = false;
    };
  }, [run, version]);
  useEffect(
    () => () => {
      open.current?.close();
      open.current = undefined;
    },
    [],
  );
  return state;
}

/** Does one thing after the other; of what is asked for meanwhile only the last. */
export function useNewest<T>(work: (given: T) => Promise<void>): (given: T) => void {
  const state = useRef<{ work: typeof work; busy: boolean; next?: { given: T } | undefined }>({ work, busy: false });
  state.current.work = work;
  const run = useRef((given: T): void => {
    const s = state.current;
    s.next = { given };
    if (s.busy) return;
    s.busy = true;
    void (async () => {
      while (s.next) {
        const { given } = s.next;
        s.next = undefined;
        await s.work(given);
      }
      s.busy = false;
    })();
  });
  return run.current;
}

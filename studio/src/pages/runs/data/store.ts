import type { LiveEvent, RunDetail, StepSeries } from '../../../../../src/server/studio/api.js';
import type { LiveLine } from '../../../../../src/train/liveLog.js';
import { get, runPath } from '../../../lib/api.js';
import { live } from '../../../lib/live.js';
import { upTo, withSteps } from './steps.js';

/** All that is known of a run, as far as it has come. */
export interface RunData {
  readonly detail?: RunDetail;
  readonly steps?: StepSeries;
  readonly error?: string;
  /** The run's folder is gone. */
  readonly gone?: boolean;
}

/** One run as the server tells it, kept up to date while somebody looks. */
class RunStore {
  private data: RunData = {};
  private readonly listeners = new Set<() => void>();
  private stop: (() => void) | undefined;
  /** Lines that came while the steps were being asked for. */
  private pending: LiveLine[] | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly id: string) {}

  snapshot = (): RunData => this.data;

  subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed);
    if (!this.stop) {
      this.stop = live.listen(this.hear, this.reload);
      this.reload();
    }
    return () => {
      this.listeners.delete(changed);
      if (this.listeners.size > 0) return;
      this.stop?.();
      this.stop = undefined;
      clearTimeout(this.timer);
    };
  };

  /** Asks for everything anew; what is shown stays until the answers are there. */
  private readonly reload = (): void => {
    this.pending = [];
    void this.askDetail();
    get<StepSeries>(runPath(this.id, '/steps'))
      .then(
        (steps) => this.set({ steps }),
        // A run without single steps still has epochs.
        () => this.set({ steps: this.data.steps ?? { step: [], loss: [], lr: [], batches: 1 } }),
      )
      .finally(() => {
        const lines = this.pending ?? [];
        this.pending = undefined;
        this.take(lines);
      });
  };

  private async askDetail(): Promise<void> {
    try {
      const detail = await get<RunDetail>(runPath(this.id));
      const { error: _, gone: __, ...rest } = this.data;
      this.data = rest;
      this.set({ detail });
    } catch (error) {
      this.set({ error: (error as Error).message });
    }
  }

  /** Files come several at once: asks when they are there. */
  private soon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.askDetail(), 250);
  }

  private readonly hear = (event: LiveEvent): void => {
    if (event.type === 'gone') {
      if (event.id === this.id) this.set({ gone: true });
    } else if (event.type === 'run') {
      if (event.run.id === this.id && event.run.state !== this.data.detail?.state) this.soon();
    } else if (event.id === this.id) {
      if (event.type === 'files') this.soon();
      else if (this.pending) this.pending.push(...event.lines);
      else this.take(event.lines);
    }
  };

  private take(lines: readonly LiveLine[]): void {
    let { detail, steps } = this.data;
    for (const line of lines) {
      if (line.type === 'start') {
        if (steps) steps = upTo(steps, line.step, line.batches);
        const done = Math.floor(line.step / line.batches);
        if (detail) detail = { ...detail, history: detail.history.filter(({ epoch }) => epoch <= done) };
      } else if (line.type === 'steps') {
        if (steps) steps = withSteps(steps, line);
      } else if (line.type === 'epoch') {
        const { record } = line;
        if (detail) detail = { ...detail, history: [...detail.history.filter((r) => r.epoch < record.epoch), record] };
      } else if (line.type !== 'evaluate') this.soon();
    }
    if (detail !== this.data.detail || steps !== this.data.steps)
      this.set({ ...(detail && { detail }), ...(steps && { steps }) });
  }

  private set(part: RunData): void {
    this.data = { ...this.data, ...part };
    for (const changed of this.listeners) changed();
  }
}

const stores = new Map<string, RunStore>();

/** The store of a run; what was read stays for when it is looked at again. */
export function runStore(id: string): RunStore {
  let store = stores.get(id);
  if (!store) stores.set(id, (store = new RunStore(id)));
  return store;
}

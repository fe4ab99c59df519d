import type { EpochRecord, MetricValue } from './events.js';

/** Which number says what the best epoch is. */
export interface MonitorOptions {
  /** `valid.loss`, `train.loss` or a metric such as `valid.accuracy` or `valid.f1.macro`. */
  readonly of: string;
  readonly direction: 'lower' | 'higher';
}

export interface EarlyStoppingOptions {
  /** Ends training after this many epochs without improvement. */
  readonly patience: number;
  /** An improvement is more than this. Default 0. */
  readonly minDelta?: number;
}

/** What a checkpoint keeps of it. */
export interface MonitorState {
  readonly best: { readonly epoch: number; readonly value: number } | null;
  /** The value that early stopping last counted as an improvement, and epochs since. */
  readonly reference: number | null;
  readonly waited: number;
}

/** Scores on the training and the validation set. */
type Measured = Pick<EpochRecord, 'train' | 'valid'>;

/** Follows one number of the epoch records: remembers the best epoch and says when it is time to give up. */
export class Monitor {
  private state: MonitorState = { best: null, reference: null, waited: 0 };

  constructor(
    readonly options: MonitorOptions,
    readonly stopping?: EarlyStoppingOptions,
  ) {
    if (stopping && !(Number.isInteger(stopping.patience) && stopping.patience > 0))
      throw new Error(
        `early stopping: patience is ${stopping.patience}, it must be a whole number of epochs, at least 1`,
      );
    if (stopping?.minDelta !== undefined && !(stopping.minDelta >= 0))
      throw new Error(`early stopping: minDelta is ${stopping.minDelta}, it must not be negative`);
  }

  /** Takes an epoch's record. NaN is never an improvement. Throws if the record has no such number. */
  update(record: EpochRecord): { best: boolean; stop: boolean } {
    const value = this.valueOf(record);
    const { best, reference, waited } = this.state;
    const isBest = this.isBest(record);
    const moved = this.improves(value, reference, this.stopping?.minDelta ?? 0);
    this.state = {
      best: isBest ? { epoch: record.epoch, value } : best,
      reference: moved ? value : reference,
      waited: moved ? 0 : waited + 1,
    };
    return { best: isBest, stop: this.exhausted };
  }

  /** Whether scores are better than those of all epochs so far. */
  isBest(record: Measured): boolean {
    return this.improves(this.valueOf(record), this.state.best?.value ?? null, 0);
  }

  private improves(value: number, than: number | null, by: number): boolean {
    if (Number.isNaN(value)) return false;
    return than === null || (this.options.direction === 'lower' ? value < than - by : value > than + by);
  }

  /** Whether early stopping says that it is time to give up. */
  get exhausted(): boolean {
    return this.stopping !== undefined && this.state.waited >= this.stopping.patience;
  }
  /** The number that is followed. */
  valueOf(record: Measured): number {
    return numberAt(record, this.options.of);
  }
  get best(): MonitorState['best'] {
    return this.state.best;
  }
  snapshot(): MonitorState {
    return this.state;
  }
  restore(state: MonitorState): void {
    this.state = state;
  }
}

/** The number at a dotted path of a record (`valid.loss`). */
function numberAt(record: Measured, path: string): number {
  let at: unknown = record;
  for (const key of path.split('.')) at = (at as Record<string, MetricValue> | undefined)?.[key];
  if (typeof at !== 'number') {
    const has = [...numbersIn(record.train, 'train'), ...numbersIn(record.valid, 'valid')];
    throw new Error(`there is no number "${path}" to choose the best epoch by; there are ${has.join(', ')}`);
  }
  return at;
}

function* numbersIn(value: MetricValue | undefined, path: string): Generator<string> {
  if (typeof value === 'number') yield path;
  else if (typeof value === 'object' && !Array.isArray(value))
    for (const [key, inner] of Object.entries(value)) yield* numbersIn(inner, `${path}.${key}`);
}

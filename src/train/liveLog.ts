import type { DeviceInfo } from '../backends/backend.js';
import type { Finding } from './doctor/finding.js';
import type { EpochRecord, EvaluateEvent, StartEvent, StepEvent, StopReason, TrainEvent } from './events.js';
import type { Storage } from './storage.js';

/** The file of a run directory that a {@link LiveLine} is a line of. */
export const LIVE_FILE = 'live.jsonl';

/**
 * A line of `live.jsonl`: the trainer's events as a page follows them, each with the time it was written at. Steps come
 * together, a line every half a second; where more than 20 a second are done, neighbours are averaged. A resumed run goes on
 * in the same file: what stands there for later steps than its `start` says is void.
 */
export type LiveLine = { readonly time: number } & (
  | {
      readonly type: 'start';
      /** Process that trains, and its machine. */
      readonly pid: number;
      readonly host: string;
      readonly device: DeviceInfo;
      readonly epochs: number;
      readonly batches: number;
      /** Steps that were done before. */
      readonly step: number;
      readonly predictedImagesPerSecond?: number;
    }
  | {
      readonly type: 'steps';
      readonly epoch: number;
      readonly batch: number;
      readonly step: readonly number[];
      readonly loss: readonly number[];
      readonly lr: readonly number[];
      readonly imagesPerSecond: number;
    }
  | { readonly type: 'evaluate'; readonly batch: number; readonly batches: number }
  | { readonly type: 'epoch'; readonly record: EpochRecord; readonly best: boolean }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'finding'; readonly finding: Finding }
  | { readonly type: 'end'; readonly reason: StopReason | 'failed'; readonly message?: string }
);

/** A line without its time. */
type Content<L = LiveLine> = L extends unknown ? Omit<L, 'time'> : never;

export interface LiveLogOptions {
  /** Of the process that trains; what runs in a browser has none. */
  readonly pid?: number;
  readonly host?: string;
  readonly predictedImagesPerSecond?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Milliseconds between two writes, and points that one of them holds at the most. */
const EVERY = 500;
const POINTS = 10;

/**
 * Renders the events of a run as `live.jsonl`, for those who watch it from another process.
 *
 * ```ts
 * const live = new LiveLog(openStorage('runs/lenet'), { pid: process.pid, host: hostname() });
 * trainer.on(live.listen);
 * await trainer.fit(train, { epochs: 10, out: 'runs/lenet' });
 * await live.close();
 * ```
 */
export class LiveLog {
  private readonly now: () => number;
  /** Lines that wait to be written. */
  private waiting = '';
  private steps: { step: number[]; loss: number[]; lr: number[] } = { step: [], loss: [], lr: [] };
  private last: StepEvent | undefined;
  private evaluating: EvaluateEvent | undefined;
  private message: string | undefined;
  private written = 0;
  private writes: Promise<void> = Promise.resolve();
  private writing = false;
  private failure: Error | undefined;
  private began = false;
  private ended = false;

  constructor(
    private readonly storage: Storage,
    private readonly options: LiveLogOptions = {},
  ) {
    this.now = options.now ?? Date.now;
  }

  readonly listen = (event: TrainEvent): void => {
    if (event.type === 'step') {
      this.steps.step.push(event.step);
      this.steps.loss.push(event.loss);
      this.steps.lr.push(event.lr);
      this.last = event;
      this.flushInTime();
    } else if (event.type === 'evaluate') {
      this.evaluating = event;
      this.flushInTime();
    } else if (event.type === 'start') this.start(event);
    else if (event.type === 'warning') this.add({ type: 'warning', message: event.message });
    else if (event.type === 'stopped') this.message = event.message;
    else if (event.type === 'end') this.end(event.result.reason, this.message);
    else if (event.type === 'epoch') {
      this.add({ type: 'epoch', record: event.record, best: event.best });
      this.flush();
    } else if (event.type === 'finding') {
      this.add({ type: 'finding', finding: event.finding });
      this.flush();
    }
  };

  /** The run came to an end that the trainer had no event for. */
  fail(message: string): void {
    if (this.began) this.end('failed', message);
  }

  /** Waits until everything is on the disk. @throws Error naming the file that could not be written */
  async close(): Promise<void> {
    this.flush();
    await this.writes;
    // What came while the last write was under way.
    this.flush();
    await this.writes;
    if (this.failure) throw this.failure;
  }

  /** Takes back what it wrote, for a run that leaves nothing. */
  async remove(): Promise<void> {
    this.ended = true;
    this.waiting = '';
    await this.writes;
    if (this.began) await this.storage.remove(LIVE_FILE);
  }

  private start({ device, epochs, batchesPerEpoch, resumed }: StartEvent): void {
    const { pid = 0, host = '', predictedImagesPerSecond } = this.options;
    const fresh = resumed === undefined;
    this.began = true;
    if (fresh) this.queue(() => this.storage.remove(LIVE_FILE));
    // A line that a crash cut short must not swallow the next one.
    else this.waiting = `\n${this.waiting}`;
    this.add({
      type: 'start',
      pid,
      host,
      device,
      epochs,
      batches: batchesPerEpoch,
      step: resumed ? (resumed.epoch - 1) * batchesPerEpoch + resumed.batch : 0,
      ...(predictedImagesPerSecond === undefined ? {} : { predictedImagesPerSecond }),
    });
    this.flush();
  }

  private end(reason: StopReason | 'failed', message: string | undefined): void {
    if (this.ended) return;
    this.add({ type: 'end', reason, ...(message === undefined ? {} : { message }) });
    this.ended = true;
    this.flush();
  }

  private add(content: Content): void {
    if (this.ended) return;
    this.take();
    this.line(content);
  }

  private line(content: Content): void {
    this.waiting += `${JSON.stringify({ time: this.now(), ...content })}\n`;
  }

  /** Turns what has gathered into lines: steps first, then how far an evaluation is. */
  private take(): void {
    const { steps, last, evaluating } = this;
    if (last) {
      this.last = undefined;
      this.steps = { step: [], loss: [], lr: [] };
      const { epoch, batch, imagesPerSecond } = last;
      this.line({ type: 'steps', epoch, batch, ...thinned(steps), imagesPerSecond });
    }
    if (evaluating) {
      this.evaluating = undefined;
      this.line({ type: 'evaluate', batch: evaluating.batch, batches: evaluating.batches });
    }
  }

  private flushInTime(): void {
    // A slow disk gets fewer and larger writes.
    if (!this.writing && this.now() - this.written >= EVERY) this.flush();
  }

  private flush(): void {
    this.take();
    this.written = this.now();
    const text = this.waiting;
    this.waiting = '';
    if (text !== '') this.queue(() => this.storage.append(LIVE_FILE, text));
  }

  private queue(write: () => Promise<void>): void {
    this.writing = true;
    const mine = this.writes
      .then(() => (this.failure ? undefined : write()))
      .catch((error) => {
        this.failure = error as Error;
      })
      .then(() => {
        if (this.writes === mine) this.writing = false;
      });
    this.writes = mine;
  }
}

/** Ten points a write at the most: neighbours become their mean, at the last one's step and rate. */
function thinned({ step, loss, lr }: { step: number[]; loss: number[]; lr: number[] }) {
  const size = Math.ceil(step.length / POINTS);
  if (size === 1) return { step, loss, lr };
  const out: { step: number[]; loss: number[]; lr: number[] } = { step: [], loss: [], lr: [] };
  for (let from = 0; from < step.length; from += size) {
    const to = Math.min(from + size, step.length);
    let sum = 0;
    for (let i = from; i < to; i++) sum += loss[i]!;
    out.step.push(step[to - 1]!);
    out.loss.push(Number((sum / (to - from)).toPrecision(6)));
    out.lr.push(lr[to - 1]!);
  }
  return out;
}

import { fileHeader, scalarRecord, sessionStart } from '../io/tensorboard.js';
import type { EpochRecord, Scores, TrainEvent } from './events.js';
import type { Storage } from './storage.js';

/** How event files are called; TensorBoard looks for `tfevents`. */
const PREFIX = 'events.out.tfevents.';

/** Whether a run directory holds event files: a run that goes on then goes on writing them. */
export const hasEventFiles = async (storage: Storage): Promise<boolean> =>
  (await storage.list()).some((name) => name.startsWith(PREFIX));

export interface EventLogOptions {
  /** Steps between two values of the loss of single steps. Default 10. */
  readonly every?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * Renders the events of a run as TensorBoard event files beside `metrics.jsonl`: `loss/train`, `loss/valid` and each
 * metric once an epoch, `step/loss` and `step/learning rate` every few steps, all by the number of steps since the start.
 * A run that goes on gets a new file, which takes the place of what the old one holds from there on.
 *
 * ```ts
 * const log = new EventLog(openStorage('runs/lenet'));
 * trainer.on(log.listen);
 * await trainer.fit(train, { epochs: 10, out: 'runs/lenet' });
 * await log.close();
 * ```
 */
export class EventLog {
  private readonly every: number;
  private readonly now: () => number;
  private waiting: Uint8Array[] = [];
  /** Writes, one after the other; the first to create the file gives its name. */
  private writes: Promise<void> = Promise.resolve();
  private file: string | undefined;
  private failure: Error | undefined;
  private resumed = false;
  private began = false;
  private batches = 0;
  private step = 0;
  private written = 0;

  constructor(
    private readonly storage: Storage,
    { every = 10, now = Date.now }: EventLogOptions = {},
  ) {
    this.every = every;
    this.now = now;
  }

  readonly listen = (event: TrainEvent): void => {
    if (event.type === 'start') {
      this.resumed = event.resumed !== undefined;
      this.batches = event.batchesPerEpoch;
      this.written = this.now();
    } else if (event.type === 'step') {
      this.begin(event.step);
      this.step = event.step;
      if (event.step === 1 || event.step % this.every === 0)
        this.add({ 'step/loss': event.loss, 'step/learning rate': event.lr });
      if (this.now() - this.written > 2000) this.flush();
    } else if (event.type === 'epoch') {
      // A run may go on with the validation of an epoch whose steps are all done.
      if (this.step === 0) this.step = event.record.epoch * this.batches;
      this.begin(this.step);
      this.add(epochScalars(event.record));
      this.flush();
    } else if (event.type === 'end' || event.type === 'stopped') this.flush();
  };

  /** Waits until everything is on the disk. @throws Error naming the file that could not be written */
  async close(): Promise<void> {
    this.flush();
    await this.writes;
    if (this.failure) throw this.failure;
  }

  /** Takes back what it wrote, for a run that leaves nothing. */
  async remove(): Promise<void> {
    this.waiting = [];
    await this.writes;
    if (this.file !== undefined) await this.storage.remove(this.file);
  }

  private begin(step: number): void {
    if (this.began) return;
    this.began = true;
    this.waiting.push(fileHeader(this.seconds));
    if (this.resumed) this.waiting.push(sessionStart(this.seconds, step));
  }

  private get seconds(): number {
    return this.now() / 1000;
  }

  private add(scalars: Readonly<Record<string, number>>): void {
    this.waiting.push(scalarRecord({ wallTime: this.seconds, step: this.step, scalars }));
  }

  private flush(): void {
    const records = this.waiting;
    this.waiting = [];
    this.written = this.now();
    if (records.length === 0) return;
    const bytes = new Uint8Array(records.reduce((sum, r) => sum + r.length, 0));
    let at = 0;
    for (const r of records) {
      bytes.set(r, at);
      at += r.length;
    }
    this.writes = this.writes
      .then(async () => {
        if (this.failure) return;
        this.file ??= await this.newFile();
        await this.storage.append(this.file, bytes);
      })
      .catch((error) => {
        this.failure = error as Error;
      });
  }

  /** TensorBoard reads the files of a directory in the order of their names. */
  private async newFile(): Promise<string> {
    const old = (await this.storage.list()).filter((name) => name.startsWith(PREFIX));
    if (!this.resumed) for (const name of old) await this.storage.remove(name);
    const seconds = String(Math.floor(this.seconds)).padStart(10, '0');
    const last = this.resumed ? old.at(-1) : undefined;
    const name = `${PREFIX}${seconds}.fovea`;
    // Two files of one second, or a clock that was set back.
    return last === undefined || last < name ? name : `${last}.1`;
  }
}

function epochScalars(record: EpochRecord): Record<string, number> {
  const scalars: Record<string, number> = {};
  const add = (set: string, scores: Scores | undefined) => {
    for (const [name, value] of Object.entries(scores ?? {}))
      if (typeof value === 'number') scalars[`${name}/${set}`] = value;
  };
  add('train', record.train);
  add('valid', record.valid);
  return { ...scalars, 'run/epoch': record.epoch, 'run/images per second': record.imagesPerSecond };
}

import type { TrainEvent } from '../train/events.js';
import { LAST_FILE } from '../train/run.js';
import type { Storage } from '../train/storage.js';

/** Training time of a run, a line each time a checkpoint is written. */
const CLOCK_FILE = 'clock.jsonl';

/** Training time when so many steps were done. */
export interface Mark {
  readonly step: number;
  readonly seconds: number;
}

/**
 * Counts the time that a run spends in training steps, over stops, resumes and crashes. What lies between the steps of an
 * epoch and the next (validation, checkpoints), compiling and loading do not count, for anybody.
 */
export class Clock {
  private readonly marks: Mark[] = [];
  private mark = 0;
  private step = 0;
  private total = 0;
  private writes: Promise<void> = Promise.resolve();

  private constructor(
    private readonly storage: Storage,
    private readonly now: () => number,
  ) {}

  /**
   * The clock of a run whose last checkpoint was written after `step` steps; 0 for a new one. Steps that were done after
   * that are done again, and their time does not count.
   */
  static async open(storage: Storage, step: number, now: () => number = () => performance.now()): Promise<Clock> {
    const clock = new Clock(storage, now);
    const found = step > 0 ? await readMarks(storage) : [];
    clock.marks.push(...found.filter((m) => m.step <= step));
    const last = clock.marks.at(-1);
    // A crash between a checkpoint and its line: the steps in between took as long as the others.
    if (step > (last?.step ?? 0)) clock.marks.push({ step, seconds: secondsAt(found, step) });
    clock.total = clock.marks.at(-1)?.seconds ?? 0;
    clock.step = step;
    await storage.writeAtomic(CLOCK_FILE, clock.marks.map(line).join(''));
    return clock;
  }

  /** Training seconds so far. */
  get seconds(): number {
    return this.total;
  }

  readonly listen = (event: TrainEvent): void => {
    if (event.type === 'step') {
      const now = this.now();
      this.total += (now - this.mark) / 1000;
      this.mark = now;
      this.step = event.step;
      return;
    }
    // The next step is measured from here on.
    this.mark = this.now();
    if (event.type !== 'checkpoint' || event.file !== LAST_FILE || this.step <= (this.marks.at(-1)?.step ?? 0)) return;
    const mark = { step: this.step, seconds: this.total };
    this.marks.push(mark);
    this.writes = this.writes.then(() => this.storage.append(CLOCK_FILE, line(mark)));
    this.writes.catch(() => {});
  };

  /** Waits until all lines are written. */
  async close(): Promise<void> {
    await this.writes;
  }
}

const line = (mark: Mark) => `${JSON.stringify(mark)}\n`;

/** The marks of a run, in order; a last line that a crash cut short is left out. */
export async function readMarks(storage: Storage): Promise<Mark[]> {
  const bytes = await storage.read(CLOCK_FILE);
  const lines = new TextDecoder().decode(bytes ?? new Uint8Array()).split('\n');
  lines.pop();
  return lines.map((l) => JSON.parse(l) as Mark);
}

/** Training seconds when `step` steps were done: between marks in proportion, beyond them at the mean pace. */
export function secondsAt(marks: readonly Mark[], step: number): number {
  let before: Mark = { step: 0, seconds: 0 };
  for (const mark of marks) {
    if (mark.step >= step) {
      const share = mark.step === before.step ? 1 : (step - before.step) / (mark.step - before.step);
      return before.seconds + share * (mark.seconds - before.seconds);
    }
    before = mark;
  }
  return before.step === 0 ? 0 : (before.seconds * step) / before.step;
}

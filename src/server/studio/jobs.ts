import { dirname, join } from 'node:path';
import { RACE_FILE } from '../../cli/race-file.js';
import { LIVE_FILE } from '../../train/liveLog.js';
import { HttpProblem } from '../problem.js';
import type { RunSummary, Started } from './api.js';
import { type Ended, FoveaChild } from './child.js';
import { FieldProblem, fieldOf, readResume, readStart } from './request.js';
import { exists, type RunsRoot } from './root.js';
import type { Runs } from './runs.js';

/** A training that this studio has started. */
interface Job {
  readonly id: string;
  readonly child: FoveaChild;
  readonly began: number;
  /** "lenet" */
  readonly model: string;
  /** When it was told to stop. */
  stopped?: number;
  /** It is over. */
  outcome?: Ended;
}

export interface JobsOptions {
  readonly root: RunsRoot;
  readonly runs: Runs;
  /** The program that `fovea` is. */
  readonly program: string;
  /** Told when a training begins or ends. */
  changed(): void;
}

/** Trainings of this studio at once. */
const MOST = 4;
/** Milliseconds that one who starts is kept waiting for a mistake to show. */
const WAIT = 3000;
/** A second SIGINT ends a training at once: that long it has for saving. */
const SAVING = 30_000;

/** Starts, stops and resumes trainings: processes of `fovea train`, whose files say the rest. */
export class Jobs {
  private readonly jobs = new Map<string, Job>();
  /** Processes of others that were told to stop, and when. */
  private readonly told = new Map<number, number>();
  private closing = false;

  constructor(private readonly options: JobsOptions) {}

  /** Trainings that go on. */
  get active(): number {
    return [...this.jobs.values()].filter(({ outcome }) => !outcome).length;
  }

  /** @throws FieldProblem, or HttpProblem 429 */
  async start(request: unknown): Promise<Started> {
    const asked = await readStart(request);
    const { root } = this.options;
    const id = await this.freeName(asked.title);
    const args = [...asked.args, '--out', join(root.shown, id)];
    return this.launch(id, asked.model ?? asked.title, args);
  }

  /** @throws HttpProblem 404, 409, 429; FieldProblem */
  async resume(id: string, request: unknown): Promise<Started> {
    const { root, runs } = this.options;
    const run = await root.resolve(id);
    const options = await readResume(request);
    const summary = (await runs.view(id))?.summary;
    const job = this.jobs.get(id);
    if (summary?.state === 'running' || (job && !job.outcome)) throw new HttpProblem(409, `${id} is running`);
    if (summary?.state === 'damaged') throw new HttpProblem(409, `${id} cannot go on: ${summary.reason}`);
    const longer = options.some((o) => o.startsWith('--epochs=') && Number(o.slice(9)) > (summary?.planned ?? 0));
    if (summary?.state === 'done' && !longer)
      throw new HttpProblem(409, `${id} has done all its epochs: ask for more of them to go on`);
    if (await exists(join(dirname(run), RACE_FILE)))
      throw new HttpProblem(409, `${id} belongs to a race: go on with fovea race in the terminal`);
    return this.launch(id, summary?.model ?? '', ['--resume', join(root.shown, id), ...options]);
  }

  /** Asks a training to save and end; does not wait for it. @throws HttpProblem 404, 409 */
  async stop(id: string): Promise<Started> {
    const { root, runs } = this.options;
    const job = this.jobs.get(id);
    if (job && !job.outcome) {
      this.tell(job);
      this.options.changed();
      return { id };
    }
    await root.resolve(id);
    const trainer = (await runs.view(id))?.trainer;
    if (!trainer) throw new HttpProblem(409, `${id} is not running`);
    if (trainer.command === 'race')
      throw new HttpProblem(409, `${id} belongs to a race: end it with Ctrl-C in its terminal`);
    if (process.platform === 'win32')
      throw new HttpProblem(409, `${id} was started elsewhere: end it with Ctrl-C in its terminal`);
    const { pid } = trainer;
    if (Date.now() - (this.told.get(pid) ?? 0) > SAVING) {
      this.told.set(pid, Date.now());
      try {
        process.kill(pid, 'SIGINT');
      } catch {
        throw new HttpProblem(409, `${id} is trained by a process of another user: end it there`);
      }
    }
    return { id };
  }

  /** The list with what only this studio knows: trainings that have written nothing yet, and why some did not begin. */
  async with(runs: readonly RunSummary[]): Promise<RunSummary[]> {
    const known = new Map(runs.map((r) => [r.id, r]));
    for (const job of this.jobs.values()) {
      const summary = known.get(job.id);
      const add = await this.seen(job, summary);
      if (add) known.set(job.id, add);
    }
    return [...known.values()];
  }

  /** Ends all trainings that it started, and waits until they are saved. */
  async close(): Promise<void> {
    this.closing = true;
    const going = [...this.jobs.values()].filter(({ outcome }) => !outcome);
    for (const job of going) this.tell(job);
    await Promise.all(going.map(({ child }) => child.ended));
  }

  private tell(job: Job): void {
    if (Date.now() - (job.stopped ?? 0) < SAVING) return;
    job.stopped = Date.now();
    job.child.process.kill('SIGINT');
  }

  private async launch(id: string, model: string, args: readonly string[]): Promise<Started> {
    if (this.closing) throw new HttpProblem(503, 'the studio is ending');
    if (this.active >= MOST)
      throw new HttpProblem(429, `${MOST} trainings are running already: stop one, or wait for its end`);
    const child = new FoveaChild(this.options.program, ['train', ...args, '--json']);
    const job: Job = { id, child, began: Date.now(), model };
    this.jobs.set(id, job);
    void child.ended.then((outcome) => {
      job.outcome = outcome;
      // What went well or was stopped is told by its files.
      if (outcome.code === 0 || job.stopped) this.jobs.delete(id);
      this.options.changed();
    });
    this.options.changed();
    const until = Date.now() + WAIT;
    while (!job.outcome && Date.now() < until && !(await this.hasBegun(job)))
      await Promise.race([child.ended, new Promise((resolve) => setTimeout(resolve, 100))]);
    if (job.outcome && job.outcome.code !== 0 && !job.stopped) {
      this.jobs.delete(id);
      throw new FieldProblem(job.outcome.sentence, fieldOf(job.outcome.sentence));
    }
    return { id };
  }

  /** Whether its files are those of this training. */
  private async hasBegun({ id, began }: Job): Promise<boolean> {
    const { root, runs } = this.options;
    if (!(await exists(join(root.place(id), LIVE_FILE)))) return false;
    const start = (await runs.view(id))?.live?.start;
    return start !== undefined && start.time >= began;
  }

  private async seen(job: Job, summary: RunSummary | undefined): Promise<RunSummary | undefined> {
    const { outcome, child, id, model, began } = job;
    if (outcome) {
      const reason = outcome.sentence;
      return summary
        ? { ...summary, reason: summary.reason ?? reason }
        : { ...nothing(id, model, began), state: 'damaged', reason };
    }
    if (summary && (await this.hasBegun(job))) {
      const { live } = summary;
      return job.stopped && live ? { ...summary, live: { ...live, phase: 'saving' } } : summary;
    }
    const phase = job.stopped ? 'ending' : phaseOf(child.lastLine());
    const { planned = 0, epochs = 0 } = summary ?? {};
    const live = {
      epoch: Math.min(epochs + 1, planned),
      batch: 0,
      batches: 0,
      imagesPerSecond: 0,
      secondsLeft: null,
      phase,
    };
    return { ...(summary ?? nothing(id, model, began)), state: 'running', live };
  }

  /** `lenet-mnist`, or with a number if that is taken. */
  private async freeName(title: string): Promise<string> {
    const { root } = this.options;
    for (let n = 1; ; n++) {
      const id = n === 1 ? title : `${title}-${n}`;
      if (!this.jobs.has(id) && !(await exists(root.place(id)))) return id;
    }
  }
}

/** What a training says before its first step, in a word where there is one; else as it says it: what it fetches. */
function phaseOf(line: string | undefined): string {
  if (line === undefined) return 'starting';
  return /^(device|predicted): |, into /.test(line) ? 'preparing' : line.slice(0, 120);
}

/** A run that has written nothing yet. */
const nothing = (id: string, model: string, began: number) =>
  ({
    id,
    model,
    data: null,
    task: null,
    epochs: 0,
    planned: 0,
    best: null,
    score: null,
    spark: [],
    parameters: 0,
    changed: began,
  }) as const;

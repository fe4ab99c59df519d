import { HttpProblem } from '../problem.js';
import type { Planned } from './api.js';
import { FoveaChild } from './child.js';
import { FieldProblem, fieldOf, readStart } from './request.js';

/** Seconds that the measuring of a plan may take. */
const LIMIT = 60;

/** Finds out what a run would take, with `fovea train --dry-run`. One at a time: who asks anew has changed the form. */
export class Planner {
  private current: { stop(why: HttpProblem): void } | undefined;

  constructor(private readonly program: string) {}

  /** @throws HttpProblem 409 if another is asked for, 504 if it takes too long */
  async plan(request: unknown, client: AbortSignal): Promise<Planned> {
    let args: readonly string[];
    try {
      ({ args } = await readStart(request));
    } catch (error) {
      if (!(error instanceof FieldProblem)) throw error;
      return { ok: false, error: error.message, ...(error.field ? { field: error.field } : {}) };
    }
    this.current?.stop(new HttpProblem(409, 'another plan was asked for'));
    const child = new FoveaChild(this.program, ['train', '--dry-run', '--json', ...args]);
    const stopped = new Promise<never>((_, reject) => {
      this.current = {
        stop: (why) => {
          child.process.kill('SIGKILL');
          reject(why);
        },
      };
    });
    stopped.catch(() => {});
    const mine = this.current!;
    const timer = setTimeout(
      () => mine.stop(new HttpProblem(504, `this could not be measured within ${LIMIT} s; a start may still work`)),
      1000 * LIMIT,
    );
    const left = () => mine.stop(new HttpProblem(409, 'the page went away'));
    client.addEventListener('abort', left, { once: true });
    try {
      const { code, answer, sentence } = await Promise.race([child.ended, stopped]);
      if (code !== 0 || !answer) {
        const field = fieldOf(sentence);
        return { ok: false, error: sentence, ...(field ? { field } : {}) };
      }
      const { imagesPerSecond, trainSeconds, validSeconds, totalSeconds, peakBytes, parameters } = answer as Record<
        string,
        number
      >;
      const epochSeconds = trainSeconds! + validSeconds!;
      return {
        ok: true,
        imagesPerSecond: imagesPerSecond!,
        epochSeconds,
        totalSeconds: totalSeconds!,
        peakBytes: peakBytes!,
        ...(parameters === undefined ? {} : { parameters }),
      };
    } finally {
      clearTimeout(timer);
      client.removeEventListener('abort', left);
      if (this.current === mine) this.current = undefined;
    }
  }

  close(): void {
    this.current?.stop(new HttpProblem(503, 'the studio is ending'));
  }
}

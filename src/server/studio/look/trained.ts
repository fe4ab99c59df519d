import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { networkOf } from '../../../cli/network.js';
import type { Module } from '../../../nn/module.js';
import type { RunConfig } from '../../../train/config.js';
import { type LoadedRun, loadRun } from '../../../train/load.js';
import { BEST_FILE, CONFIG_FILE, LAST_FILE, RunDirectory } from '../../../train/run.js';
import { Gate, Quota } from '../../budget.js';
import { comeBackLater, HttpProblem } from '../../problem.js';
import type { StudioContext } from '../context.js';
import { Shelf } from './shelf.js';

/** Requests that compute or wait for that. */
const PLACES = 24;
/** Milliseconds that a network stays in memory unused. */
export const IDLE = 5 * 60_000;

/** A run's directory, and what says whether its files are still those that were read. */
export interface Found {
  readonly id: string;
  readonly path: string;
  readonly stamp: string;
}

/** Runs as the looking parts of the studio open them: networks with their weights, one piece of heavy work at a time. */
export class TrainedRuns {
  private readonly engine = new Gate(1);
  private readonly places = new Quota(PLACES, () => comeBackLater(`${PLACES} requests are waiting already`, 2));
  private readonly networks = new Shelf<LoadedRun>({ most: 1, idle: IDLE });

  constructor(private readonly context: StudioContext) {
    context.onClose(() => this.networks.clear());
  }

  /**
   * Does work that takes the processor for a while when no other is being done.
   * @param signal of the client that it is for; without one it is for whoever asks
   * @throws HttpProblem 503 if too much waits already, 499 if the client goes before its turn
   */
  async alone<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.places.take();
    try {
      return await this.engine.hold(1, work, signal);
    } catch (error) {
      if (signal?.aborted) throw new HttpProblem(499 as never, 'the client went away');
      throw error;
    } finally {
      this.places.give();
    }
  }

  /** @throws HttpProblem 404 */
  async find(id: string): Promise<Found> {
    const path = await this.context.resolveRun(id);
    return { id, path, stamp: (await stampOf(join(path, CONFIG_FILE))) ?? '' };
  }

  /** @throws HttpProblem 404, 409 if it has no weights yet */
  async findTrained(id: string): Promise<Found> {
    const found = await this.find(id);
    for (const file of [BEST_FILE, LAST_FILE]) {
      const stamp = await stampOf(join(found.path, file));
      if (stamp) return { ...found, stamp: `${found.stamp}-${stamp}` };
    }
    throw new HttpProblem(409, `${id} has no weights yet: they are there when its first epoch is done`);
  }

  /** What the run says of itself. @throws HttpProblem 422 if that is damaged */
  config({ path }: Found): Promise<RunConfig> {
    return this.refusing(422, () => new RunDirectory(path).readConfig());
  }

  /** Its network without weights. @throws HttpProblem 422 */
  network(config: RunConfig): Promise<Module> {
    return this.refusing(422, () => networkOf(config));
  }

  /** Its network with weights, for the caller alone. @throws HttpProblem 422 if a file is damaged */
  load({ path }: Found): Promise<LoadedRun> {
    return this.refusing(422, () => loadRun(path, { make: networkOf }));
  }

  /** Does work with a network whose weights are on the host; it may not change them. */
  use<T>(found: Found, work: (run: LoadedRun) => Promise<T>): Promise<T> {
    return this.networks.use(found.path, found.stamp, () => this.load(found), work);
  }

  /** Turns failures that are about what was asked, or about the run's files, into a sentence for the client. */
  async refusing<T>(status: 400 | 409 | 422, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof HttpProblem || !(error instanceof Error) || error instanceof TypeError) throw error;
      throw new HttpProblem(status, this.sentence(error.message));
    }
  }

  /** Paths as the person gave them, on one line. */
  private sentence(message: string): string {
    const { root, shownRoot } = this.context;
    return message.replaceAll(root, shownRoot).replace(/\s*\n\s*/g, ' ');
  }
}

/** Changes whenever a file is written; undefined if it is not there. */
async function stampOf(file: string): Promise<string | undefined> {
  try {
    const { mtimeMs, size } = await stat(file);
    return `${Math.round(mtimeMs * 1000).toString(36)}-${size.toString(36)}`;
  } catch {
    return undefined;
  }
}

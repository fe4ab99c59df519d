import { hostname } from 'node:os';
import type { Backend } from '../backends/backend.js';
import type { OpenedData } from '../data/open.js';
import { analyse } from '../inspect/analyse.js';
import { Clock, readMarks, secondsAt } from '../race/clock.js';
import type { Contestant } from '../race/contestants.js';
import { NonFiniteError } from '../train/diagnose.js';
import type { EpochRecord, TrainEvent } from '../train/events.js';
import { forecast } from '../train/forecast.js';
import { LiveLog } from '../train/liveLog.js';
import { loadRun, objectiveOf } from '../train/load.js';
import { Monitor } from '../train/monitor.js';
import { BEST_FILE, RunDirectory } from '../train/run.js';
import { openStorage } from '../train/storage.js';
import { Trainer } from '../train/trainer.js';
import { chooseSplit, openWith } from './data-source.js';
import { measuringBatch } from './measure.js';
import { networkOf } from './network.js';
import type { Values } from './options.js';
import { type Plan, planNew } from './plan.js';
import { readPosition } from './position.js';
import type { Cost, RaceFile } from './race-file.js';
import { type ImageScores, scoreImages } from './race-score.js';
import type { Terminal } from './terminal.js';

const RESULT_FILE = 'result.json';

/** What a run of a race came to. */
export interface RunResult extends ImageScores {
  /** Steps of the run when it was measured. */
  readonly step: number;
  /** Training seconds. */
  readonly seconds: number;
  /** Finished epochs. */
  readonly epochs: number;
  readonly weights: 'best' | 'last';
  readonly split: string;
  /** Why it ended before its time, if it did. */
  readonly failed?: string;
}

/** A contestant with a seed. */
export interface RaceRun {
  readonly contestant: Contestant;
  readonly seed: number;
  readonly directory: string;
  /** Part of its budget or epochs that is done; 1 when it is measured too. */
  share: number;
  /** Its training is done. */
  ended: boolean;
  seconds: number;
  /** Images a second, lately. */
  speed: number;
  history: readonly EpochRecord[];
  result: RunResult | undefined;
}

/** Opens each data set once: contestants with one seed and equal options for the data share it. */
function sharedData(): typeof openWith {
  const opened = new Map<string, Promise<OpenedData>>();
  return (terminal, name, options) => {
    const key = JSON.stringify([name, options]);
    let data = opened.get(key);
    if (!data) opened.set(key, (data = openWith(terminal, name, options)));
    return data;
  };
}

/** Does the training and the measuring of a race. */
export class RaceRunner {
  private readonly open = sharedData();

  constructor(
    private readonly out: string,
    private readonly backend: Backend,
    private readonly terminal: Terminal,
    private readonly signal: AbortSignal,
  ) {}

  private plan(
    { options }: Pick<RaceFile, 'options'>,
    contestant: Contestant,
    more: Values,
    terminal = this.terminal.withoutNotes(),
  ): Promise<Plan> {
    const values = { ...options, ...contestant.options, ...more };
    return planNew(contestant.model, values, this.backend, terminal, this.open);
  }

  /** Finds what is wrong with the options of any contestant, and says what there is to say about them. */
  async check(race: Pick<RaceFile, 'options' | 'seeds' | 'contestants'>): Promise<void> {
    for (const contestant of race.contestants)
      await this.plan(race, contestant, { seed: race.seeds[0]!, epochs: 1 }, this.terminal);
  }

  /** The plan of a run for its next turn. */
  private async planTurn(race: RaceFile, { contestant, seed, directory }: RaceRun): Promise<Plan> {
    const { epochs } = race.costs[contestant.directory]!;
    const weights = contestant.options.weights ?? race.options.weights;
    if (weights === undefined || !(await readPosition(directory))) return this.plan(race, contestant, { seed, epochs });
    // Its checkpoint holds what the weights it began with have become.
    const { normalize } = await new RunDirectory(directory).readConfig();
    return this.plan(race, contestant, { seed, epochs, weights: undefined, normalize });
  }

  /** Counts and measures a contestant, before anything is written. */
  async cost(race: Omit<RaceFile, 'costs' | 'device'>, contestant: Contestant): Promise<Cost> {
    const { budget, epochs } = race;
    const plan = await this.plan(race, contestant, { seed: race.seeds[0]!, epochs: epochs ?? 1 });
    const { net, data, trainer, fit } = plan;
    const { parameters, multiplyAdds } = analyse(net, { inputShape: data.inputShape });
    const measured = await forecast(net, trainer, data.train, fit, {
      seconds: budget === undefined ? 0.1 : 0.5,
      signal: this.signal,
    });
    // A schedule ends with the budget; without one the clock alone ends a run.
    const fitting = Math.max(1, Math.ceil((budget ?? 0) / measured.trainSeconds));
    const planned = epochs ?? (trainer.scheduler ? fitting : 100 * fitting);
    return { parameters, multiplyAdds, memoryBytes: measured.deviceBytes, epochs: planned };
  }

  /** All runs as they lie on the disk. */
  async runs(race: RaceFile): Promise<RaceRun[]> {
    const runs: RaceRun[] = [];
    for (const seed of race.seeds)
      for (const contestant of race.contestants) {
        const directory = `${this.out}/${contestant.directory}-seed${seed}`;
        const run = {
          contestant,
          seed,
          directory,
          share: 0,
          ended: false,
          seconds: 0,
          speed: 0,
          history: [],
          result: undefined,
        };
        await this.refresh(race, run);
        runs.push(run);
      }
    return runs;
  }

  /** Trains a run for a slice of time, or to its end. Everything is saved when it returns. */
  async train(race: RaceFile, run: RaceRun, slice: number, onEvent: (event: TrainEvent) => void): Promise<void> {
    const plan = await this.planTurn(race, run);
    const failed = run.ended ? undefined : await this.slice(race, run, plan, slice, onEvent);
    await this.refresh(race, run);
    if (failed !== undefined) run.ended = true;
    if (run.ended && !this.signal.aborted) {
      run.result = await this.measure(plan.data, run, failed);
      run.share = 1;
    }
  }

  /** Gives why the run cannot go on, if it cannot. */
  private async slice(
    { budget }: RaceFile,
    run: RaceRun,
    plan: Plan,
    seconds: number,
    onEvent: (event: TrainEvent) => void,
  ): Promise<string | undefined> {
    const directory = new RunDirectory(run.directory);
    const resume = await directory.holdsRun();
    const clock = await Clock.open(directory.storage, (await readPosition(run.directory))?.position.step ?? 0);
    const until = Math.min(clock.seconds + seconds, budget ?? Number.POSITIVE_INFINITY);
    const stop = new AbortController();
    let paused: TrainEvent | undefined;
    const live = new LiveLog(directory.storage, { pid: process.pid, host: hostname() });
    const trainer = new Trainer(plan.net, plan.trainer);
    trainer.on(clock.listen);
    trainer.on((event) => {
      // Between its turns the race goes on with it.
      if (event.type === 'end' && event.result.reason === 'interrupted') paused = event;
      else live.listen(event);
    });
    trainer.on((event) => {
      if (event.type === 'step') {
        run.seconds = clock.seconds;
        run.speed = event.imagesPerSecond;
        const byEpochs = (event.epoch - 1 + event.batch / event.batches) / plan.fit.epochs;
        run.share = Math.min(0.999, budget === undefined ? byEpochs : clock.seconds / budget);
        if (clock.seconds >= until) stop.abort();
      }
      if (event.type === 'epoch') run.history = [...run.history, event.record];
      onEvent(event);
    });
    try {
      const signal = AbortSignal.any([stop.signal, this.signal]);
      const result = await trainer.fit(plan.data.train, { ...plan.fit, out: run.directory, resume, signal });
      if (result.reason !== 'interrupted') run.ended = true;
      // Its time is used up, or the race is over for now.
      if (paused && (this.signal.aborted || clock.seconds >= (budget ?? Number.POSITIVE_INFINITY))) live.listen(paused);
      return undefined;
    } catch (error) {
      live.fail((error as Error).message);
      if (error instanceof NonFiniteError) return error.message;
      throw error;
    } finally {
      await trainer.dispose();
      await clock.close();
      await live.close().catch((error: Error) => this.terminal.warn(error.message));
    }
  }

  /** Measures a run that has ended, with its best weights by the validation set, and keeps what it found. */
  private async measure(data: OpenedData, run: RaceRun, failed: string | undefined): Promise<RunResult> {
    const state = await readPosition(run.directory);
    const weights = await this.chooseWeights(data, run);
    const { config, net } = await loadRun(run.directory, { make: networkOf, weights });
    const { split, dataset } = chooseSplit(data, undefined, true);
    const batchSize = measuringBatch(dataset, config);
    const trainer = new Trainer(net, { ...objectiveOf(config), backend: this.backend, normalize: config.normalize });
    try {
      const scores = await scoreImages(trainer, dataset, batchSize, this.signal);
      const result: RunResult = {
        ...scores,
        step: state?.position.step ?? 0,
        seconds: run.seconds,
        epochs: run.history.length,
        weights,
        split,
        ...(failed === undefined ? {} : { failed }),
      };
      await openStorage(run.directory).writeAtomic(RESULT_FILE, JSON.stringify(result));
      return result;
    } finally {
      await trainer.dispose();
    }
  }

  /** The best epoch, or what the budget's end left in the middle of one if that is better on the validation set. */
  private async chooseWeights(data: OpenedData, run: RaceRun): Promise<'best' | 'last'> {
    const state = await readPosition(run.directory);
    if (!state?.monitor.best || !(await openStorage(run.directory).exists(BEST_FILE))) return 'last';
    if (!data.valid || state.position.batch === 0) return 'best';
    const { config, net } = await loadRun(run.directory, { make: networkOf, weights: 'last' });
    const monitor = new Monitor(config.training.monitor);
    if (!monitor.options.of.startsWith('valid.')) return 'best';
    monitor.restore(state.monitor);
    const trainer = new Trainer(net, { ...objectiveOf(config), backend: this.backend });
    try {
      const scores = await trainer.evaluate(data.valid, { batchSize: config.training.batchSize, signal: this.signal });
      return monitor.isBest({ train: scores, valid: scores }) ? 'last' : 'best';
    } finally {
      await trainer.dispose();
    }
  }

  /** What the files of a run say. */
  private async refresh(race: RaceFile, run: RaceRun): Promise<void> {
    const state = await readPosition(run.directory);
    if (!state) return;
    const storage = openStorage(run.directory);
    const { position } = state;
    run.history = (await new RunDirectory(storage).readMetrics()).slice(0, position.epoch - 1);
    run.seconds = secondsAt(await readMarks(storage), position.step);
    const planned = race.costs[run.contestant.directory]!.epochs;
    const byEpochs = Math.min(1, (position.epoch - 1) / planned);
    const done = race.budget === undefined ? byEpochs : Math.max(run.seconds / race.budget, byEpochs >= 1 ? 1 : 0);
    run.ended ||= done >= 1;
    const bytes = await storage.read(RESULT_FILE);
    const result = bytes && (JSON.parse(new TextDecoder().decode(bytes)) as RunResult);
    // A result of another step is from before the run went on.
    run.result = result && result.step === position.step ? result : undefined;
    run.share = run.result ? 1 : Math.min(done, 0.999);
  }
}

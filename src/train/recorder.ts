import type { Dataset } from '../data/dataset.js';
import type { Module } from '../nn/module.js';
import type { HostTensor } from '../tensor/shape.js';
import { decodeCheckpoint, encodeCheckpoint, isSlot, type ResumeState } from './checkpoint.js';
import { followRun } from './choices.js';
import type { Json, RunConfig, TrainingConfig } from './config.js';
import type { EpochRecord } from './events.js';
import { canonicalJson, firstDifference } from './json.js';
import type { Monitor } from './monitor.js';
import type { FitOptions, TrainerOptions } from './options.js';
import { BEST_FILE, LAST_FILE, RunDirectory } from './run.js';
import type { Session } from './session.js';
import type { Objective } from './step.js';
import { weightsFor } from './weights.js';

/** What an earlier run left to go on from. */
export interface Resumable {
  readonly state: ResumeState;
  /** Weights, buffers and optimizer slots. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly history: EpochRecord[];
}

/** What one `fit` is about. */
export interface RecorderContext {
  readonly session: Session;
  readonly objective: Objective;
  readonly trainer: TrainerOptions;
  readonly train: Dataset;
  readonly options: FitOptions;
  readonly batchSize: number;
  readonly monitor: Monitor;
}

/** Keeps the run directory of one `fit`; does nothing if there is none. */
export class Recorder {
  readonly config: RunConfig;
  private readonly directory: RunDirectory | undefined;

  constructor(private readonly context: RecorderContext) {
    const { out } = context.options;
    this.directory = out === undefined ? undefined : new RunDirectory(out);
    this.config = runConfig(context);
  }

  /** Where the run directory is. */
  get location(): string | undefined {
    return this.directory?.storage.location;
  }

  /** What must be the same when a run goes on: all that its numbers depend on. Its length may grow without a schedule. */
  get trajectory(): Json {
    const { training, inputShape, classes, normalize, parameters } = this.config;
    const { train, options } = this.context;
    const { epochs, earlyStopping, ...fixed } = training;
    return JSON.parse(
      canonicalJson({
        training: { ...fixed, ...(training.scheduler ? { epochs } : {}) } as unknown as Json,
        inputShape,
        classes,
        normalize: { mean: normalize.mean, std: normalize.std },
        parameters,
        trainImages: train.length,
        validImages: options.valid?.length ?? 0,
      }),
    ) as Json;
  }

  /**
   * Prepares the directory: refuses one that is in use, reads what a resumed run goes on from, or begins a new run.
   * @throws Error, one sentence, if the directory holds a run and neither `resume` nor `overwrite` is given, holds none
   * to resume, or was started with other options
   */
  async open(): Promise<Resumable | undefined> {
    const { directory } = this;
    const { resume, overwrite } = this.context.options;
    if (!directory) {
      if (resume) throw new Error('resume needs the run directory: give it as out');
      return undefined;
    }
    const { location } = directory.storage;
    const holdsRun = await directory.holdsRun();
    if (resume && !holdsRun) throw new Error(`${location} holds no run to resume: it has no config.json`);
    if (holdsRun && !resume && !overwrite)
      throw new Error(`${location} already holds a run: resume it, overwrite it, or choose another directory`);
    await directory.removeTemporaries();
    const found = resume ? await this.read(directory) : undefined;
    // Without a checkpoint the run ended before its first step: it begins again.
    if (!found) await directory.clear();
    await directory.writeConfig(this.config);
    return found;
  }

  /** Keeps the measured choices of the session with the run. `warn` is told if those of a resumed one are gone. */
  async followChoices(resumed: boolean, warn: (message: string) => void): Promise<void> {
    const { directory } = this;
    const { session } = this.context;
    if (!directory || !session.tuning) return;
    if (!(await followRun(session.tuning, directory, resumed, warn))) session.forget();
  }

  async line(record: EpochRecord): Promise<void> {
    await this.directory?.appendMetrics(record);
  }

  /** Writes the best weights; gives the file's name. */
  async best(bytes: Uint8Array): Promise<string> {
    await this.directory?.storage.writeAtomic(BEST_FILE, bytes);
    return BEST_FILE;
  }

  /** Writes the checkpoint that a resume goes on from; gives the file's name. */
  async last(tensors: ReadonlyMap<string, HostTensor>, state: Omit<ResumeState, 'trajectory'>): Promise<string> {
    await this.directory?.storage.writeAtomic(
      LAST_FILE,
      encodeCheckpoint(tensors, { ...state, trajectory: this.trajectory }),
    );
    return LAST_FILE;
  }

  private async read(directory: RunDirectory): Promise<Resumable | undefined> {
    const bytes = await directory.storage.read(LAST_FILE);
    if (!bytes) return undefined;
    const file = directory.nameOf(LAST_FILE);
    const { tensors, state } = await decodeOrExplain(bytes, file, directory);
    if (!state) throw new Error(`${file} holds weights only: a run cannot go on from it`);
    const slots = [...tensors].filter(([name]) => isSlot(name));
    const weights = weightsFor(this.context.objective.net, new Map([...tensors].filter(([n]) => !isSlot(n))), file);
    const different = firstDifference(state.trajectory, this.trajectory);
    if (different !== undefined)
      throw new Error(
        `${directory.storage.location} cannot go on with other options: ${different} was ` +
          `${JSON.stringify(at(state.trajectory, different))}, now it is ${JSON.stringify(at(this.trajectory, different))}`,
      );
    const history = await directory.truncateMetrics(state.position.epoch - 1);
    return { state, tensors: new Map([...weights, ...slots]), history };
  }
}

/** A checkpoint cannot be torn by a crash; what is damaged was damaged otherwise, and the best weights may be whole. */
async function decodeOrExplain(bytes: Uint8Array, file: string, directory: RunDirectory) {
  try {
    return decodeCheckpoint(bytes, file);
  } catch (error) {
    const best = (await directory.storage.exists(BEST_FILE))
      ? `; the best weights are in ${directory.nameOf(BEST_FILE)}`
      : '';
    throw new Error(`${(error as Error).message}; the run cannot go on from it${best}`, { cause: error });
  }
}

function at(value: Json, path: string): Json | undefined {
  let found: unknown = value;
  for (const key of path.split('.')) found = (found as Record<string, unknown> | undefined)?.[key];
  return found as Json | undefined;
}

function runConfig({ session, objective, trainer, train, options, batchSize, monitor }: RecorderContext): RunConfig {
  const { epochs, seed = 0, dropLast = false, accumulate = 1, earlyStopping, valid, describe = {} } = options;
  const { optimizer, scheduler, clip, ema, exact, tune, loss, metrics = [], outputWeights } = trainer;
  const training: TrainingConfig = {
    epochs,
    batchSize,
    seed,
    dropLast,
    ...(accumulate > 1 ? { accumulate } : {}),
    loss: loss.spec as unknown as Json,
    // An optimizer whose groups choose by a function has no specification: its name stands for it.
    optimizer: (optimizer!.spec ?? { name: optimizer!.name }) as unknown as Json,
    ...(scheduler ? { scheduler: scheduler.spec as unknown as Json } : {}),
    ...(clip ? { clip: { ...clip } } : {}),
    ...(ema === undefined ? {} : { ema }),
    ...(exact ? { exact } : {}),
    ...(tune ? { tune } : {}),
    metrics: metrics.map((m) => m.spec as unknown as Json),
    ...(outputWeights ? { outputWeights: { ...outputWeights } } : {}),
    frozen: frozenPaths(objective.net),
    monitor: { ...monitor.options },
    ...(earlyStopping ? { earlyStopping: { ...earlyStopping } } : {}),
  };
  return {
    format: 1,
    ...(describe.model ? { model: describe.model } : {}),
    data: describe.data ?? { train: train.describe(), ...(valid ? { valid: valid.describe() } : {}) },
    inputShape: [...train.inputShape],
    classes: [...train.classes],
    normalize: { mean: [...objective.normalize.mean], std: [...objective.normalize.std] },
    parameters: objective.net.parameterCount(),
    training,
    device: session.backend.device,
    versions: describe.versions ?? {},
    ...(describe.extra === undefined ? {} : { extra: describe.extra }),
  };
}

/** What `net.freeze(...)` takes to freeze the same again: parameters, and layers that have only running statistics. */
function frozenPaths(net: Module): string[] {
  const parameters = [...net.parameters()].filter(([, p]) => !p.requiresGrad).map(([path]) => path);
  const statistics = [...net.modules()].filter(
    ([, m]) => m.frozen && [...m.children()].length === 0 && m.states().size > 0 && m.parameters().size === 0,
  );
  return [...parameters, ...statistics.map(([path]) => path)];
}

import type { DeviceInfo } from '../backends/backend.js';
import { defaultBackend } from '../backends/eager.js';
import type { Dataset } from '../data/dataset.js';
import { DataLoader } from '../data/loader.js';
import type { Module } from '../nn/module.js';
import type { HostTensor } from '../tensor/shape.js';
import { checkFits } from './checks.js';
import { compileOptions } from './choices.js';
import type { Normalize } from './config.js';
import { evaluate } from './evaluate.js';
import type { FitResult, Scores, TrainEvent, TrainListener } from './events.js';
import { Fit } from './fit.js';
import { type ImageShape, type Images, toBatch } from './images.js';
import type { EvaluateOptions, FitOptions, TrainerOptions } from './options.js';
import { Session } from './session.js';
import { type Objective, objectiveFor } from './step.js';

/**
 * Trains, evaluates and uses a network.
 *
 * ```ts
 * const trainer = new Trainer(models.lenet(), {
 *   loss: losses.crossEntropy(), optimizer: optim.sgd({ lr: 0.01, momentum: 0.9 }), metrics: [metrics.accuracy()],
 * });
 * trainer.on((event) => event.type === 'epoch' && console.log(event.record));
 * await trainer.fit(train, { valid, epochs: 10, batchSize: 64, out: 'runs/lenet', seed: 1 });
 * console.log(await trainer.evaluate(test));
 * ```
 *
 * The network's values live on the device from the first call on; `fit` brings them back to `net` when it ends.
 */
export class Trainer {
  private readonly listeners = new Set<TrainListener>();
  private session: Promise<Session> | undefined;
  private normalize: Normalize | undefined;
  private inputShape: ImageShape | undefined;
  private busy = false;
  /** The host gave its values up. */
  private moved = false;

  constructor(
    readonly net: Module,
    readonly options: TrainerOptions,
  ) {
    this.normalize = options.normalize;
    this.inputShape = options.inputShape;
  }

  /** Calls `listener` for everything that happens. Returns how to stop it. */
  on(listener: TrainListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The device that runs it. */
  async device(): Promise<DeviceInfo> {
    return (await this.open()).backend.device;
  }

  /**
   * Trains for `epochs` epochs, or until early stopping or `signal` ends it.
   *
   * @throws NonFiniteError if a step gives infinite numbers or NaN: nothing was updated from it
   * @throws Error, one sentence, for data that does not fit the network, a run directory that cannot be used or
   * written, or a run that cannot be resumed with these options
   */
  async fit(train: Dataset, options: FitOptions): Promise<FitResult> {
    return this.alone(async (session) => {
      const fit = new Fit(session, this.objective(train.normalize), this.options, train, options, this.emit);
      this.remember(train);
      try {
        return await fit.run();
      } catch (error) {
        // What went wrong is told, not what that makes of reading the values.
        await session.readBack().catch(() => {});
        throw error;
      }
    });
  }

  /** Loss and metrics on a data set, in evaluation mode. */
  async evaluate(dataset: Dataset, options: EvaluateOptions = {}): Promise<Scores> {
    return this.alone(async (session) => {
      this.remember(dataset);
      await session.materialise(0);
      const objective = this.objective(dataset.normalize);
      checkFits(objective, dataset);
      const { batchSize = 64, workers, signal } = options;
      const loader = new DataLoader(dataset, { batchSize, workers });
      try {
        return await evaluate(session, objective, loader, this.emit, signal);
      } finally {
        await loader.close();
      }
    });
  }

  /**
   * What the network gives for images in evaluation mode: its (main) output, for a classifier the scores before softmax,
   * [N, classes]. Images are uint8 [N, C, H, W] or one [C, H, W], or files: paths or their bytes.
   */
  async predict(images: Images): Promise<HostTensor> {
    const normalize = this.normalize;
    if (!normalize) throw new Error('predict needs to know how images are normalised: give the Trainer "normalize"');
    const image = await toBatch(images, this.inputShape);
    return (await this.open()).predict(image, normalize);
  }

  /**
   * Puts the network's values on the device now, and gives up those on the host: for a large network in little memory.
   * Afterwards `net` has no values of its own, and there is nothing left to go on with once the Trainer is disposed of.
   */
  async moveToDevice(): Promise<void> {
    await (await this.open()).moveToDevice();
    this.moved = true;
  }

  /** Frees what it holds on the device. Brings no values back. */
  async dispose(): Promise<void> {
    const session = await this.session;
    this.session = undefined;
    session?.dispose();
  }

  private readonly emit = (event: TrainEvent): void => {
    for (const listener of this.listeners) listener(event);
  };

  private remember({ normalize, inputShape }: Dataset): void {
    this.normalize = this.options.normalize ?? normalize;
    this.inputShape = this.options.inputShape ?? inputShape;
  }

  private async open(): Promise<Session> {
    // Where nobody listens, warnings go where the program sends them.
    const warn = this.listeners.size > 0 ? (message: string) => this.emit({ type: 'warning', message }) : undefined;
    if (this.moved && !this.session && [...this.net.states().values()].some((p) => !p.value))
      throw new Error('the values of this network were on the device only and are freed: load them again');
    this.session ??= (async () => {
      const how = compileOptions(this.options, warn);
      return new Session(this.net, this.options.backend ?? (await defaultBackend()), how);
    })();
    return this.session;
  }

  private objective(normalize: Normalize): Objective {
    return objectiveFor(this.net, this.options, normalize);
  }

  /** One long job at a time: two would train the same weights. */
  private async alone<T>(job: (session: Session) => Promise<T>): Promise<T> {
    if (this.busy) throw new Error('this Trainer is already training or evaluating: wait for it or make another');
    this.busy = true;
    try {
      return await job(await this.open());
    } finally {
      this.busy = false;
    }
  }
}

import type { Backend } from '../backends/backend.js';
import type { Dataset } from '../data/dataset.js';
import type { Loss } from '../losses/loss.js';
import type { Metric } from '../metrics/metric.js';
import type { ClipOptions } from '../optim/clip.js';
import type { Optimizer } from '../optim/optimizer.js';
import type { Scheduler } from '../optim/scheduler.js';
import type { Json, ModelSpec, Normalize } from './config.js';
import type { EpochRecord } from './events.js';
import type { ImageShape } from './images.js';
import type { EarlyStoppingOptions, MonitorOptions } from './monitor.js';
import type { Storage } from './storage.js';

/** What a network is trained for, and with what. */
export interface TrainerOptions {
  readonly loss: Loss;
  /** Needed for `fit` only. */
  readonly optimizer?: Optimizer;
  /** Computed on the device with every step, also in training. */
  readonly metrics?: readonly Metric[];
  readonly scheduler?: Scheduler;
  /** Limits on the gradients: global norm, value, or both. */
  readonly clip?: ClipOptions;
  /**
   * Decay of an exponential moving average of all trained values, for example 0.999. With it the averaged weights are
   * validated, kept as the best and are the network's own when `fit` ends. Default: none.
   */
  readonly ema?: number;
  /**
   * Direct convolution only: no Winograd, which is several times faster but rounds differently (relative difference about
   * 1e-6). Kept with the run. Default false.
   */
  readonly exact?: boolean;
  /**
   * Algorithms of convolutions by measurement instead of by table: compiling a program takes the time of up to three steps
   * longer, once for each shape on a machine. The choices are kept with the run, so that it computes the same bits when
   * it goes on; another run may choose otherwise. Default false.
   */
  readonly tune?: boolean;
  /** The device; left out: the default one. */
  readonly backend?: Backend;
  /** For networks whose `forward` gives several named outputs: how much the loss of each counts. Default: what the network says. */
  readonly outputWeights?: Readonly<Record<string, number>>;
  /** How `predict` prepares images; left out: as the data set of the last `fit` or `evaluate` says. */
  readonly normalize?: Normalize;
  /** The shape that `predict` brings image files to, [C, H, W]; left out: that of the last data set. */
  readonly inputShape?: ImageShape;
}

export interface FitOptions {
  /** Evaluated after each epoch. */
  readonly valid?: Dataset;
  readonly epochs: number;
  /** Images in a step. Default 32. */
  readonly batchSize?: number;
  /**
   * Batches whose gradients make one update, weighted by their images: for a loss that is a mean over images the same as
   * batches that many times as large (batch normalisation still sees the small ones). Default 1.
   */
  readonly accumulate?: number;
  /** The run directory: a path (in Node) or a `Storage`. Without one nothing is written. */
  readonly out?: string | Storage;
  /** Seeds initial values, shuffling, augmentation and dropout. Default 0. */
  readonly seed?: number;
  /** Leave out a last batch that is smaller than the others. Default false. */
  readonly dropLast?: boolean;
  /** Go on where `out` stopped, at that very batch. */
  readonly resume?: boolean;
  /** Replace a run that `out` holds. Without it and `resume`, that is an error. */
  readonly overwrite?: boolean;
  readonly earlyStopping?: EarlyStoppingOptions;
  /** What the best epoch is chosen by. Default: lowest `valid.loss`, or `train.loss` without validation data. */
  readonly monitor?: MonitorOptions;
  /** Aborting it ends training after the step that runs; the position is saved. */
  readonly signal?: AbortSignal;
  /** Worker threads that prepare batches. Default 'auto'. */
  readonly workers?: number | 'auto';
  /** Also save `last.safetensors` each time this many steps are done. */
  readonly saveEverySteps?: number;
  /**
   * Look for what goes wrong (dead ReLUs, gradients that explode or vanish, a learning rate too high or low, empty masks,
   * shifted labels, leakage, imbalance) and say it as `finding` events. Costs a few extra steps; the run has the same bits.
   * Default false.
   */
  readonly doctor?: boolean;
  /**
   * Called after each epoch, when its line and checkpoints are written; the next epoch waits for it. `predict` of the
   * trainer then answers with this epoch's (averaged) weights. What it throws becomes a warning.
   */
  readonly afterEpoch?: (record: EpochRecord) => void | Promise<void>;
  /** What `config.json` says beyond what the trainer knows. */
  readonly describe?: RunDescription;
}

/** For `config.json`: how the network and the data are made again. */
export interface RunDescription {
  readonly model?: ModelSpec;
  /** Left out: what the data sets say of themselves. */
  readonly data?: Json;
  readonly versions?: Readonly<Record<string, string>>;
  readonly extra?: Json;
}

export interface EvaluateOptions {
  /** Default 64. */
  readonly batchSize?: number;
  readonly workers?: number | 'auto';
  readonly signal?: AbortSignal;
}

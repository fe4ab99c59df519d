import type { DeviceInfo } from '../backends/backend.js';
import type { Json, Spec } from '../util/registry.js';
import type { EarlyStoppingOptions, MonitorOptions } from './monitor.js';

export type { Json, Spec };

/** How the network of a run is made again. */
export type ModelSpec =
  /** From the registry of models. */
  | Spec
  /** The default export of a module: a path relative to the working directory or absolute. */
  | {
      readonly path: string;
      readonly name?: string;
      readonly options?: { readonly [key: string]: Json | undefined };
    };

/** Per-channel mean and standard deviation of values in 0..1. */
export interface Normalize {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** What determines the trajectory of a run: the same values, data and machine give the same bits. */
export interface TrainingConfig {
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly dropLast: boolean;
  /** Batches of an update; absent: 1. */
  readonly accumulate?: number;
  readonly loss: Json;
  readonly optimizer: Json;
  readonly scheduler?: Json;
  readonly clip?: { readonly norm?: number; readonly value?: number };
  /** Decay of the moving average of the weights, if one was kept. */
  readonly ema?: number;
  /** Direct convolution only; absent: false. */
  readonly exact?: boolean;
  /** Algorithms by measurement, kept in `tuning.json`; absent: false. */
  readonly tune?: boolean;
  /** Specifications, as those of the loss and the optimizer. */
  readonly metrics: readonly Json[];
  readonly outputWeights?: Readonly<Record<string, number>>;
  /** Paths of parameters (and of layers that hold only running statistics) that were not trained. */
  readonly frozen: readonly string[];
  /** What the best epoch is chosen by. */
  readonly monitor: MonitorOptions;
  readonly earlyStopping?: EarlyStoppingOptions;
}

/** `config.json` of a run directory. */
export interface RunConfig {
  /** Version of this format. */
  readonly format: 1;
  /** Absent when a program trained a network that cannot be made again from a name or a file. */
  readonly model?: ModelSpec;
  /** What the caller wrote of the data: a specification that can open it again, and what identifies it. */
  readonly data?: Json;
  /** [C, H, W] */
  readonly inputShape: readonly [number, number, number];
  readonly classes: readonly string[];
  readonly normalize: Normalize;
  /** Trainable numbers. */
  readonly parameters: number;
  readonly training: TrainingConfig;
  readonly device: DeviceInfo;
  readonly versions: { readonly [name: string]: string };
  /** Whatever else the caller wants to keep (the command line). */
  readonly extra?: Json;
}

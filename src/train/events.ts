import type { DeviceInfo } from '../backends/backend.js';
import type { MetricValue } from '../metrics/metric.js';
import type { RunConfig } from './config.js';
import type { Finding } from './doctor/finding.js';

export type { MetricValue };

/** What one pass over a data set measured: `loss` (mean over images) and each metric by name, e.g. `accuracy`. */
export interface Scores {
  readonly loss: number;
  readonly [metric: string]: MetricValue;
}

/** A line of `metrics.jsonl`. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Running scores of the training steps of this epoch (weights change while they are taken). */
  readonly train: Scores;
  /** Scores on the validation set after the epoch, in evaluation mode; absent without a validation set. */
  readonly valid?: Scores;
  /** Learning rate of the epoch's last step (first parameter group). */
  readonly lr: number;
  /** Wall-clock seconds of the training part of the epoch (validation and checkpoints not counted). */
  readonly seconds: number;
  /** Training throughput. After a resume it counts what this process did. */
  readonly imagesPerSecond: number;
}

/** First event of `fit`, after everything has been checked and compiled. */
export interface StartEvent {
  readonly type: 'start';
  readonly device: DeviceInfo;
  readonly config: RunConfig;
  /** Trainable numbers. */
  readonly parameters: number;
  /** Images. */
  readonly trainImages: number;
  readonly validImages: number;
  readonly batchesPerEpoch: number;
  readonly epochs: number;
  /** Where the run directory is, if there is one. */
  readonly location?: string;
  /** Set when an earlier run goes on: the epoch (from 1) and the batch (from 0) that come next. */
  readonly resumed?: { readonly epoch: number; readonly batch: number };
  /** Epochs that were done before, when a run goes on. */
  readonly history: readonly EpochRecord[];
}

/** After each training step (one batch). */
export interface StepEvent {
  readonly type: 'step';
  /** From 1. */
  readonly epoch: number;
  /** Steps since the start of the run, from 1. */
  readonly step: number;
  /** Batches of this epoch that are done, from 1, of `batches`. */
  readonly batch: number;
  readonly batches: number;
  /** Loss of this batch. */
  readonly loss: number;
  readonly lr: number;
  /** Over about the last second. */
  readonly imagesPerSecond: number;
  /** Running scores of the epoch so far, computed when asked for. */
  readonly scores: Scores;
}

/** While a data set is evaluated (also the validation at the end of an epoch). */
export interface EvaluateEvent {
  readonly type: 'evaluate';
  readonly batch: number;
  readonly batches: number;
}

/** An epoch is done and its line is written. */
export interface EpochEvent {
  readonly type: 'epoch';
  readonly record: EpochRecord;
  readonly epochs: number;
  /** This epoch is the best so far. */
  readonly best: boolean;
}

export interface CheckpointEvent {
  readonly type: 'checkpoint';
  /** `best.safetensors` or `last.safetensors`. */
  readonly file: string;
}

/** Something a person should know; training goes on. One sentence. */
export interface WarningEvent {
  readonly type: 'warning';
  readonly message: string;
}

/** The doctor sees something; training goes on. */
export interface FindingEvent {
  readonly type: 'finding';
  readonly finding: Finding;
}

/** Why training ended. */
export type StopReason = 'done' | 'early-stopping' | 'interrupted';

/** Training ended before its last epoch. */
export interface StoppedEvent {
  readonly type: 'stopped';
  readonly reason: Exclude<StopReason, 'done'>;
  /** One sentence: why, and how to go on. */
  readonly message: string;
  /** Where a resume goes on: epoch from 1, batch from 0. */
  readonly next: { readonly epoch: number; readonly batch: number };
}

/** Last event of `fit`, also after `stopped`. */
export interface EndEvent {
  readonly type: 'end';
  readonly result: FitResult;
}

/** What `fit` resolves to. */
export interface FitResult {
  readonly reason: StopReason;
  /** All epochs, earlier ones of a resumed run included. */
  readonly history: readonly EpochRecord[];
  /** The best epoch: by validation loss, or by what `monitor` says. Absent if none was finished. */
  readonly best?: { readonly epoch: number; readonly value: number; readonly monitor: string };
  /** Images that could not be read while training and were left out, a sentence each (data sets with `skipUnreadable`). */
  readonly skipped: readonly string[];
  /** Wall-clock seconds of this call. */
  readonly seconds: number;
}

/** Everything that happens in `fit` and `evaluate`. The terminal, files and pages are renderers of this stream. */
export type TrainEvent =
  | StartEvent
  | StepEvent
  | EvaluateEvent
  | EpochEvent
  | CheckpointEvent
  | WarningEvent
  | FindingEvent
  | StoppedEvent
  | EndEvent;

/** Called synchronously; keep it short. */
export type TrainListener = (event: TrainEvent) => void;

export { type Checkpoint, decodeCheckpoint, encodeWeights, type Position, type ResumeState } from './checkpoint.js';
export type { Json, ModelSpec, Normalize, RunConfig, Spec, TrainingConfig } from './config.js';
export { NonFiniteError } from './diagnose.js';
export { type Ailment, describeFinding, type Finding } from './doctor/finding.js';
export { EventLog, type EventLogOptions, hasEventFiles } from './eventLog.js';
export type {
  CheckpointEvent,
  EndEvent,
  EpochEvent,
  EpochRecord,
  EvaluateEvent,
  FindingEvent,
  FitResult,
  MetricValue,
  Scores,
  StartEvent,
  StepEvent,
  StoppedEvent,
  StopReason,
  TrainEvent,
  TrainListener,
  WarningEvent,
} from './events.js';
export { type FindLrOptions, type FoundLr, findLr, type LrPoint } from './findLr.js';
export { type ImageSource, type Images, setImageLoader } from './images.js';
export {
  fitOptionsOf,
  type LoadedRun,
  type LoadOptions,
  loadRun,
  loadWeights,
  objectiveOf,
  readState,
  registeredNetwork,
} from './load.js';
export type { EarlyStoppingOptions, MonitorOptions } from './monitor.js';
export type { EvaluateOptions, FitOptions, RunDescription, TrainerOptions } from './options.js';
export { RECIPES, type Recipe, recipe } from './recipes.js';
export { BEST_FILE, CONFIG_FILE, LAST_FILE, METRICS_FILE, RunDirectory } from './run.js';
export { type SegmentationScore, segmentationScore } from './score.js';
export { MemoryStorage, openStorage, type Storage, setStorageOpener } from './storage.js';
export { predictTiled, type TileGeometry, tileGeometry } from './tiles.js';
export { Trainer } from './trainer.js';
export { openWorkload, type Workload, type WorkloadOptions } from './workload.js';

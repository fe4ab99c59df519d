import type { DeviceInfo } from '../backends/backend.js';
import type { Finding } from './doctor/finding.js';
import type { EpochRecord, StopReason } from './events.js';

/** The file of a run directory that a {@link LiveLine} is a line of. */
export const LIVE_FILE = 'live.jsonl';

/**
 * A line of `live.jsonl`: the trainer's events as a page follows them, each with the time it was written at. Steps come
 * together, a line every half a second; where more than 20 a second are done, neighbours are averaged. A resumed run goes on
 * in the same file: what stands there for later steps than its `start` says is void.
 */
export type LiveLine = { readonly time: number } & (
  | {
      readonly type: 'start';
      /** Process that trains, and its machine. */
      readonly pid: number;
      readonly host: string;
      readonly device: DeviceInfo;
      readonly epochs: number;
      readonly batches: number;
      /** Steps that were done before. */
      readonly step: number;
      readonly predictedImagesPerSecond?: number;
    }
  | {
      readonly type: 'steps';
      readonly epoch: number;
      readonly batch: number;
      readonly step: readonly number[];
      readonly loss: readonly number[];
      readonly lr: readonly number[];
      readonly imagesPerSecond: number;
    }
  | { readonly type: 'evaluate'; readonly batch: number; readonly batches: number }
  | { readonly type: 'epoch'; readonly record: EpochRecord; readonly best: boolean }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'finding'; readonly finding: Finding }
  | { readonly type: 'end'; readonly reason: StopReason | 'failed'; readonly message?: string }
);

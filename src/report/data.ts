import type { DeviceInfo } from '../backends/backend.js';
import type { EpochRecord } from '../train/events.js';
import type { ConfusionCounts } from './confusion.js';
import type { MaskSample } from './maskSamples.js';
import type { Sample } from './samples.js';

/** What one set of images said about the network. */
export interface Evaluation {
  /** Which images: "test", "validation", ... */
  readonly split: string;
  readonly images: number;
  /** Which weights: "best" or "last". */
  readonly weights: string;
  readonly loss: number;
  /** Single numbers by metric name, `accuracy` among them. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly confusion?: ConfusionCounts;
  readonly samples: readonly Sample[];
}

/** What a network that makes masks did with single images. */
export interface MaskReport {
  /** Which images: "validation". */
  readonly split: string;
  /** Images of it that were looked at. */
  readonly images: number;
  /** Images without foreground for which none was predicted. */
  readonly undefinedIou: number;
  readonly classes: readonly string[];
  readonly ignoreIndex?: number;
  /** Always the same images. */
  readonly shown: readonly MaskSample[];
  /** Lowest IoU first. */
  readonly worst: readonly MaskSample[];
  /** Highest IoU first. */
  readonly best: readonly MaskSample[];
  /** Overlays of some of the shown images over the epochs: a picture for each photo and epoch. */
  readonly progress?: { readonly epochs: readonly number[]; readonly photos: readonly (readonly Uint8Array[])[] };
}

/** Everything a report shows. All of it was measured or configured; nothing is derived from a name. */
export interface ReportData {
  /** "lenet on mnist". */
  readonly title: string;
  /** Where the run lies. */
  readonly location: string;
  readonly history: readonly EpochRecord[];
  readonly best?: { readonly epoch: number; readonly value: number; readonly monitor: string };
  /** How it ended, if not by its last epoch. */
  readonly state?: string;
  readonly evaluation?: Evaluation;
  readonly masks?: MaskReport;
  readonly classes: readonly string[];
  readonly parameters: number;
  readonly device: DeviceInfo;
  /** Settings in the order they are to be shown. */
  readonly configuration: readonly (readonly [name: string, value: string])[];
  /** The command that makes the run again, as typed. */
  readonly command?: string;
  /** ISO date and time of the report. */
  readonly written: string;
  /** Versions of Fovea and Node. */
  readonly versions: Readonly<Record<string, string>>;
}

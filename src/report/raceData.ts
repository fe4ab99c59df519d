import type { DeviceInfo } from '../backends/backend.js';

/** One contestant with one seed. */
export interface RaceEntry {
  readonly seed: number;
  /** Mean score over the images it was measured on. */
  readonly score: number;
  /** Training seconds until the weights that were measured. */
  readonly seconds: number;
  readonly epochs: number;
  readonly weights: string;
  /** After each epoch: training seconds and the score on the validation set. */
  readonly curve: readonly { readonly epoch: number; readonly seconds: number; readonly value: number }[];
  /** By class; null where there are no images of it. */
  readonly classes: readonly (number | null)[];
  readonly failed?: string;
}

export interface RaceContestant {
  readonly name: string;
  readonly parameters: number;
  /** Of a prediction for one image. */
  readonly multiplyAdds: number;
  /** Of training, on the device. */
  readonly memoryBytes: number;
  readonly entries: readonly RaceEntry[];
}

/** Everything that the report of a race shows. */
export interface RaceReportData {
  readonly title: string;
  readonly location: string;
  /** "accuracy" or "IoU". */
  readonly measure: string;
  /** What the curves show: "valid accuracy". */
  readonly curve: string;
  readonly split: string;
  readonly images: number;
  /** Each seed was measured on other images (a split by the seed). */
  readonly otherImages: boolean;
  readonly classes: readonly string[];
  /** The best first. */
  readonly contestants: readonly RaceContestant[];
  /** Plain sentences. */
  readonly conclusions: readonly string[];
  readonly configuration: readonly (readonly [name: string, value: string])[];
  readonly device: DeviceInfo;
  readonly written: string;
  readonly version: string;
}

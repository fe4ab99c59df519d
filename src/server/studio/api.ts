/**
 * What the studio's page and its server say to each other. All addresses begin with `/api/`; bodies are JSON unless said
 * otherwise; failures are `{ error: string }` (one sentence) with a 4xx or 5xx status. `:run` is a run's identifier, its path
 * below the runs folder, as `encodeURIComponent` writes it. Ratios are fractions from 0 to 1, times milliseconds since 1970
 * unless their names say seconds.
 *
 * Reading (GET):
 * - `/api/about`                         -> {@link About}
 * - `/api/runs`                          -> {@link RunSummary}[]
 * - `/api/runs/:run`                     -> {@link RunDetail}
 * - `/api/runs/:run/steps`               -> {@link StepSeries}
 * - `/api/runs/:run/files/NAME`          -> one of the run's pictures or its report (names as in `RunDetail`)
 * - `/api/live`                          -> server-sent events, each a {@link LiveEvent}
 * - `/api/form`                          -> {@link StartForm}
 * - `/api/networks`                      -> {@link NetworkListing}[]
 * - `/api/networks/NAME?input=&classes=` -> {@link NetworkGraph}; `/api/runs/:run/network` the same of a run
 * - `/api/runs/:run/samples`             -> {@link SampleListing}; `/api/runs/:run/samples/N` -> PNG
 * - `/api/runs/:run/filters?layer=PATH`  -> PNG (the layer must be a convolution; default the first); the header `X-Shown`
 *   says how many filters and inputs of each are shown: `16x16 of 64x32`
 * - `/api/runs/:run/page`                -> `PageConfig` of the page in `export/page`; `/api/runs/:run/model.onnx` its network
 * - `/ort/ort.mjs`, `/ort/ort.wasm`      -> onnxruntime for the page, 404 where it is not installed
 *
 * Computing with an image (POST; the body is the image file):
 * - `/api/runs/:run/features?layer=PATH` -> {@link Features}; `?step=N` the step of that `id` in the run's graph, with the
 *   normalisation and activation that follow it (a layer's path alone gives what it says before those)
 * - `/api/runs/:run/grad-cam?class=N`    -> PNG, the image as the network sees it beside the same under the evidence; the
 *   header `X-Class` names the class that was explained, `X-Layer` the layer (`?layer=PATH` chooses it), `X-Probability` how
 *   sure the network is (of masks: the share of the pixels). Both take `invert=true`, as `predict` does
 * - `/api/runs/:run/predict?...`         -> what `fovea serve` answers (`top`, `as`, `threshold`, ...)
 *
 * Changing something (POST; needs the token where the server is bound beyond this machine):
 * - `/api/plan`   {@link StartRequest}   -> {@link Planned}
 * - `/api/runs`   {@link StartRequest}   -> {@link Started}, 201
 * - `/api/runs/:run/stop`                -> {@link Started}; `/api/runs/:run/resume` the same
 */
import type { DeviceInfo } from '../../backends/backend.js';
import type { Series as Structure } from '../../inspect/structure.js';
import type { RunConfig } from '../../train/config.js';
import type { EpochRecord } from '../../train/events.js';
import type { LiveLine } from '../../train/liveLog.js';

export type { Structure };

export interface About {
  readonly version: string;
  readonly device: DeviceInfo;
  /** Where the runs lie, as the person gave it. */
  readonly root: string;
  /** Runs may be started, stopped and resumed by this page (a token may be needed). */
  readonly token: 'not needed' | 'needed' | 'given';
}

/** `running`: a process writes it now; `interrupted`: it can go on; `damaged` has a reason. */
export type RunState = 'running' | 'done' | 'stopped early' | 'interrupted' | 'damaged';

export interface RunSummary {
  /** Its path below the runs folder. */
  readonly id: string;
  readonly model: string;
  readonly data: string | null;
  readonly task: 'classification' | 'segmentation' | null;
  readonly state: RunState;
  readonly reason?: string;
  /** Finished, of planned. */
  readonly epochs: number;
  readonly planned: number;
  /** Of the best epoch: what it is chosen by. */
  readonly best: { readonly epoch: number; readonly value: number; readonly monitor: string } | null;
  /** Main measure of the best epoch, for lists: accuracy, or IoU of masks. */
  readonly score: { readonly name: string; readonly value: number } | null;
  /** Validation loss by epoch (training loss where there is none), thinned to at most 60, for a sparkline. */
  readonly spark: readonly number[];
  readonly parameters: number;
  /** Last change on the disk. */
  readonly changed: number | null;
  /** While it runs. */
  readonly live?: LiveState;
}

export interface LiveState {
  readonly epoch: number;
  /** Batches of this epoch that are done. */
  readonly batch: number;
  readonly batches: number;
  readonly imagesPerSecond: number;
  /** As predicted before the start. */
  readonly predictedImagesPerSecond?: number;
  readonly secondsLeft: number | null;
  /** `training` or `validating`, or what the process is doing before and after. */
  readonly phase: string;
}

export interface RunDetail extends RunSummary {
  readonly config: RunConfig;
  readonly history: readonly EpochRecord[];
  /** Settings in words, in the order a person asks for them. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Epochs that have a sheet of sample masks (`samples/epoch-010.png` is asked for as `epoch-010.png`). */
  readonly sheets: readonly { readonly epoch: number; readonly file: string }[];
  /** Other pictures by what they show, and the report: `confusion`, `samples`, `worst`, `best`, `report`. */
  readonly pictures: Readonly<Record<string, string>>;
  /** Warnings and findings of the doctor, oldest first. */
  readonly notes: readonly { readonly time: number; readonly text: string; readonly kind: 'warning' | 'finding' }[];
  /** Confusion counts [true class][predicted class] of the evaluation at the end, where it was made. */
  readonly confusion?: readonly (readonly number[])[];
}

/** Losses of single steps, thinned evenly where there are more than 20,000. Columns of one table. */
export interface StepSeries {
  readonly step: readonly number[];
  readonly loss: readonly number[];
  readonly lr: readonly number[];
  /** Steps of an epoch: step / batches is the time in epochs. */
  readonly batches: number;
}

/** Told to every page; after a reconnect a page asks for everything anew. */
export type LiveEvent =
  /** A run is new or its line in the list changed. */
  | { readonly type: 'run'; readonly run: RunSummary }
  /** A run's folder is gone. */
  | { readonly type: 'gone'; readonly id: string }
  /** What a running process has just written. */
  | { readonly type: 'lines'; readonly id: string; readonly lines: readonly LiveLine[] }
  /** Files of a run changed (a new sheet, the report): ask for its detail anew. */
  | { readonly type: 'files'; readonly id: string };

/** One setting that can be made before a start: an option of `fovea train`. */
export interface FormField {
  /** As in a configuration file: `batchSize`. */
  readonly name: string;
  /** As on the command line: `--batch-size`. */
  readonly flag: string;
  readonly help: string;
  readonly kind: 'text' | 'number' | 'flag' | 'choice';
  readonly choices?: readonly string[];
  /** The important ones come first; the others are shown on request. */
  readonly main: boolean;
}

export interface StartForm {
  readonly networks: readonly { readonly name: string; readonly summary: string; readonly task: string }[];
  readonly recipes: readonly { readonly name: string; readonly summary: string; readonly network: string }[];
  /** Data sets by name; folders may be given as paths too. */
  readonly data: readonly { readonly name: string; readonly summary: string; readonly task: string }[];
  readonly fields: readonly FormField[];
}

export interface StartRequest {
  readonly model?: string;
  /** Values by the names of {@link FormField}, as typed or as JSON. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

/** What a run would take, or what is wrong with it and at which field. */
export type Planned =
  | {
      readonly ok: true;
      readonly imagesPerSecond: number;
      readonly epochSeconds: number;
      readonly totalSeconds: number;
      readonly peakBytes: number;
      readonly parameters?: number;
    }
  | { readonly ok: false; readonly error: string; readonly field?: string };

export interface Started {
  readonly id: string;
}

export interface NetworkListing {
  readonly name: string;
  readonly summary: string;
  readonly family: 'lenet' | 'vgg' | 'googlenet' | 'unet';
  readonly task: 'classification' | 'segmentation';
  readonly parameters: number;
  /** [C, H, W] it is made for. */
  readonly inputShape: readonly [number, number, number];
}

/** One box of a figure: a principal operation with what follows it. */
export interface GraphStep {
  readonly id: number;
  /** `conv`, `maxpool`, `linear`, `concat`, ... as in `inspect/steps.ts`. */
  readonly kind: string;
  /** Path of the layer, as in the names of its parameters. */
  readonly path: string;
  readonly kernel?: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly followedBy: readonly string[];
  /** Without the batch: [C, H, W] or [features]. */
  readonly shape: readonly number[];
  readonly inputs: readonly number[];
  /** Of this step and what follows it, for one image. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly activationBytes: number;
  /** Pixels of the image that one value sees, and between neighbouring values. */
  readonly receptiveField: readonly [number, number];
  readonly jump: readonly [number, number];
  readonly wholeImage: boolean;
  /** Belongs to a head that runs in training only. */
  readonly trainingOnly: boolean;
}

/** A network as boxes and wires. */
export interface NetworkGraph {
  readonly name: string;
  readonly inputShape: readonly [number, number, number];
  readonly classes: number;
  readonly task: 'classification' | 'segmentation';
  /** In order of computation; `inputs` refer to `id`s. */
  readonly steps: readonly GraphStep[];
  /** Names of outputs and the steps that give them. */
  readonly outputs: readonly { readonly name: string; readonly step: number }[];
  /** Modules that hold several steps, for folding: `inception3a` an `Inception`, outermost first. */
  readonly blocks: readonly { readonly path: string; readonly kind: string; readonly steps: readonly number[] }[];
  readonly totals: { readonly parameters: number; readonly multiplyAdds: number; readonly activationBytes: number };
  /** The figure as people know it, an SVG. */
  readonly figure: string;
}

/** Images of a run's validation data to look at. */
export interface SampleListing {
  readonly samples: readonly { readonly index: number; readonly label: string | null }[];
}

/** Maps of a layer for one image, as one picture of tiles. */
export interface Features {
  readonly layer: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** PNG as a data URL: a grid of the first maps, `columns` wide, with a gap of 1 pixel between tiles and around them. */
  readonly picture: string;
  readonly columns: number;
  readonly shown: number;
  /** Height and width of a tile in the picture. */
  readonly tile: readonly [number, number];
}

import type { Json } from '../util/registry.js';

/** Channels, height, width. */
export type ImageShape = readonly [channels: number, height: number, width: number];

/** Pixels in CHW order, one byte each. */
export interface Image {
  readonly data: Uint8Array;
  readonly shape: ImageShape;
}

/** Per-channel mean and standard deviation of pixel values scaled to 0..1. */
export interface Normalize {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** An image (CHW) and what is to be predicted: a class index, or an array of `targetShape` (a mask of class numbers). */
export interface Sample {
  readonly image: Uint8Array;
  readonly target: number | Uint8Array | Int32Array;
}

/** Class indices, or the class numbers of masks. */
export type Targets = Uint8Array | Int32Array;

/** The file of a sample cannot be read. Where a data set says `skipUnreadable`, its loader goes on without the sample. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

/** A sample that was left out of a batch, and why, in a sentence that names the file. */
export interface Unreadable {
  readonly index: number;
  readonly reason: string;
}

/** Where random augmentation takes its numbers from: the same key gives the same image. */
export interface SampleKey {
  readonly seed: number;
  readonly epoch: number;
}

/** What identifies a data set, for run directories: `kind`, where it is, sizes, checksums. */
export type DataDescription = { readonly kind: string; readonly [key: string]: Json | undefined };

/**
 * What another thread needs to open the same data set: `kind` names a registered opener, the rest is whatever
 * `structuredClone` can carry, shared memory included. Data sets that it wraps go under `of` or `parts`.
 */
export type PortableDataset = { readonly kind: string; readonly [key: string]: unknown };

/** Images with targets, in a fixed order. All images have one shape and stay bytes until they reach the device. */
export interface Dataset {
  readonly name: string;
  readonly length: number;
  readonly inputShape: ImageShape;
  readonly classes: readonly string[];
  readonly normalize: Normalize;
  /** Shape of one target: `[]` (the default) for a class index, `[H, W]` for a mask. */
  readonly targetShape?: readonly number[] | undefined;
  /** How targets are stored in a batch. Default int32; masks: uint8. */
  readonly targetDtype?: 'uint8' | 'int32' | undefined;
  /** The class number of mask pixels that count for nothing (PyTorch's `ignore_index`). Default: there are none. */
  readonly ignoreIndex?: number | undefined;
  /** A sample whose file cannot be read is left out of its batch instead of ending the run. Default false. */
  readonly skipUnreadable?: boolean | undefined;
  /** Everything lies in memory and `get` is a cheap copy: no worker is worth its while. */
  readonly resident: boolean;
  /**
   * The sample at `index` (0..length-1). `key` seeds random augmentation; without it there is none. Throws a RangeError
   * for an index outside, an Error naming the file if one cannot be read.
   */
  get(index: number, key?: SampleKey): Sample | Promise<Sample>;
  /** Class indices of all samples, where they are known without decoding images; undefined where not. */
  labels?(): Int32Array | undefined;
  /** Copies samples side by side: only where `resident`. `targets` has the data set's `targetDtype`. */
  gather?(indices: Int32Array, images: Uint8Array, targets: Targets): void;
  /** What identifies the data. */
  describe(): DataDescription;
  /** What a worker needs to open it; without it `describe()` serves. */
  portable?(): PortableDataset;
}

/** Samples side by side, ready for the device. */
export interface Batch {
  readonly image: {
    readonly data: Uint8Array;
    readonly shape: [number, number, number, number];
    readonly dtype: 'uint8';
  };
  /** `[N]` class indices, or `[N, ...targetShape]`: masks [N, H, W]. */
  readonly target: { readonly data: Targets; readonly shape: number[]; readonly dtype: 'uint8' | 'int32' };
  /** Which samples of the data set these are. */
  readonly indices: Int32Array;
  /** Samples that should be here and cannot be read; absent if there are none. */
  readonly skipped?: readonly Unreadable[];
}

/** Number of bytes of an image of this shape. */
export const pixels = (shape: ImageShape): number => shape[0] * shape[1] * shape[2];

/** Number of values of a target. */
export const targetSize = ({ targetShape = [] }: Pick<Dataset, 'targetShape'>): number =>
  targetShape.reduce((a, b) => a * b, 1);

/** Zeroed room for `n` targets of a data set. */
export const newTargets = (dataset: Pick<Dataset, 'targetShape' | 'targetDtype'>, n: number): Targets =>
  dataset.targetDtype === 'uint8' ? new Uint8Array(n * targetSize(dataset)) : new Int32Array(n * targetSize(dataset));

/** Throws a RangeError that names the data set unless `index` is one of its samples. */
export function checkIndex(dataset: Pick<Dataset, 'name' | 'length'>, index: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= dataset.length)
    throw new RangeError(`${dataset.name} has no sample ${index}; it has ${dataset.length}, counted from 0`);
}

/** Zeroed bytes that other threads can see without a copy, where the platform has shared memory. */
export function sharedBytes(length: number): Uint8Array {
  return typeof SharedArrayBuffer === 'undefined'
    ? new Uint8Array(length)
    : new Uint8Array(new SharedArrayBuffer(length));
}

/** As {@link sharedBytes}, for class indices. */
export function sharedInts(length: number): Int32Array {
  return typeof SharedArrayBuffer === 'undefined'
    ? new Int32Array(length)
    : new Int32Array(new SharedArrayBuffer(4 * length));
}

type Opener = (portable: PortableDataset) => Dataset | Promise<Dataset>;
const kinds = new Map<string, { readonly open: Opener; readonly module: string }>();

/**
 * Says how data sets of a kind are opened again in another thread from what their `portable()` gave.
 *
 * @param module URL of the module that registers the kind (`import.meta.url`): workers import it
 */
export function registerKind(kind: string, open: Opener, module: string): void {
  kinds.set(kind, { open, module });
}

/** Opens a data set from what `portable()` gave. Throws if its kind is unknown in this thread. */
export async function openPortable(portable: PortableDataset): Promise<Dataset> {
  const kind = kinds.get(portable.kind);
  if (!kind) throw new Error(`cannot open a data set of kind "${portable.kind}"; register its kind with registerKind`);
  return kind.open(portable);
}

/** `dataset.portable()`, or its description where it has no such method. */
export const portableForm = (dataset: Dataset): PortableDataset => dataset.portable?.() ?? dataset.describe();

/** The modules that a thread must import to open this data set and those that it wraps (`of`, `parts`). */
export function modulesOf(portable: PortableDataset): string[] | { readonly unknownKind: string } {
  const kind = kinds.get(portable.kind);
  if (!kind) return { unknownKind: portable.kind };
  const modules = new Set([kind.module]);
  const inner = [portable.of, ...(Array.isArray(portable.parts) ? portable.parts : [])].filter(isPortable);
  for (const wrapped of inner) {
    const more = modulesOf(wrapped);
    if (!Array.isArray(more)) return more;
    for (const module of more) modules.add(module);
  }
  return [...modules];
}

const isPortable = (value: unknown): value is PortableDataset =>
  typeof value === 'object' && value !== null && typeof (value as PortableDataset).kind === 'string';

import type { Module } from '../nn/module.js';
import { formatShape } from '../tensor/shape.js';
import { checkOptions, type Spec } from '../util/registry.js';
import { normaliseName, unknownName } from '../util/suggest.js';

/** [channels, height, width] */
export type ImageShape = readonly [number, number, number];

/** What a network is built for; everything has a default. */
export interface NetworkOptions {
  /** [C, H, W] of the images. */
  readonly inputShape?: ImageShape;
  /** Number of classes. */
  readonly classes?: number;
}

/** How the images were prepared that published weights were trained with. */
export interface Preprocessing {
  /** The shorter side is resized to this many pixels, then the middle `crop` x `crop` is taken. */
  readonly resize: number;
  readonly crop: number;
  /** Per channel, of values from 0 to 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** What torchvision's ImageNet weights expect. */
export const IMAGENET: Preprocessing = {
  resize: 256,
  crop: 224,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** A network that can be made by name: the command line, run directories and the tests go over these entries. */
export interface ModelEntry {
  readonly name: string;
  /** Networks of one family are variants of one architecture and share a figure and a page. */
  readonly family: 'lenet' | 'vgg' | 'googlenet' | 'unet';
  /** One line for lists. */
  readonly summary: string;
  readonly paper: string;
  readonly task: 'classification' | 'segmentation';
  readonly inputShape: ImageShape;
  readonly classes: number;
  /** Optimizer (with its learning rate) that trains it sensibly when nobody says otherwise. */
  readonly optimizer: Spec;
  /** Names of options beside `inputShape` and `classes`. */
  readonly options: readonly string[];
  /** For networks whose weights are published. */
  readonly preprocessing?: Preprocessing;
  create(options: Required<NetworkOptions> & Readonly<Record<string, unknown>>): Module;
}

const entries = new Map<string, ModelEntry>();

/** Adds a network. A name that is taken is refused. */
export function registerModel(entry: ModelEntry): void {
  const key = normaliseName(entry.name);
  if (entries.has(key)) throw new Error(`the network "${entry.name}" is already registered`);
  entries.set(key, entry);
}

export const modelNames = (): string[] => [...entries.values()].map((e) => e.name);

/** @throws Error suggesting the nearest name if there is no such network */
export function modelEntry(name: string): ModelEntry {
  const entry = entries.get(normaliseName(name));
  if (!entry) throw new Error(unknownName('network', name, modelNames()));
  return entry;
}

/**
 * Makes a registered network, for example `createModel('lenet', { inputShape: [1, 28, 28], classes: 10 })`.
 * @throws Error in one sentence for an unknown name, an unknown option, or sizes that the network cannot take
 */
export function createModel(name: string, options: NetworkOptions & Readonly<Record<string, unknown>> = {}): Module {
  const entry = modelEntry(name);
  checkOptions(entry.name, options, ['inputShape', 'classes', ...entry.options]);
  const { inputShape = entry.inputShape, classes = entry.classes, ...rest } = options;
  if (inputShape.length !== 3 || !inputShape.every((d) => Number.isInteger(d) && d > 0))
    throw new RangeError(
      `${entry.name}: the input must be [channels, height, width] of whole numbers above 0, got ${formatShape(inputShape)}`,
    );
  if (!Number.isInteger(classes) || classes < 1)
    throw new RangeError(`${entry.name}: the number of classes must be a whole number above 0, got ${classes}`);
  return entry.create({ inputShape, classes, ...rest });
}

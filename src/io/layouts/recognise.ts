import { createModel, type ImageShape, type ModelEntry, modelEntry } from '../../models/index.js';
import type { Module } from '../../nn/module.js';
import { formatShape, type TensorType } from '../../tensor/shape.js';
import { quoted } from '../../util/quote.js';
import type { Json, Spec } from '../../util/registry.js';
import { type Guess, guess } from './guess.js';
import { ourNames, type Weights } from './names.js';

/** Weights whose network is known. */
export interface Recognised {
  readonly entry: ModelEntry;
  /** How the network is made again, with `inputShape` and `classes`. */
  readonly model: { readonly name: string; readonly options: Readonly<Record<string, Json>> };
  readonly inputShape: ImageShape;
  /** Outputs of the network. */
  readonly classes: number;
  /** By our names. */
  readonly weights: Weights;
  /** Whose names they were. */
  readonly layout: string;
  /** False for a file of convolutions alone. */
  readonly head: boolean;
  /** What was done to them, a sentence each without full stop. */
  readonly notes: readonly string[];
}

/** What the user says about a file. */
export interface RecogniseOptions {
  /** The network, where names and shapes do not tell it or options are to be set. */
  readonly model?: Spec;
  readonly inputShape?: ImageShape;
  readonly classes?: number;
}

/**
 * Finds out which network weights belong to, by their names and shapes: VGG and GoogLeNet of torchvision (also narrower
 * ones), the U-Nets of milesial, mateuszbuda and of the tutorials with `downs` and `ups`. Whether every parameter fits is
 * not looked at here.
 *
 * @param file name for messages
 * @throws Error, one sentence, if they are of no known network and `model` is not given, or `model` is another one
 */
export function recognise(given: Weights, file: string, asked: RecogniseOptions = {}): Recognised {
  const { weights, layout, notes } = ourNames(given);
  const found: Guess | undefined = guess(weights);
  if (asked.model === undefined && !found)
    throw new Error(
      `${file} holds weights of no network that is known by its names (they begin with ${firstNames(given)}): say which one it is with --model NAME`,
    );
  const entry = modelEntry(asked.model?.name ?? found!.name);
  const fits = found && found.name === entry.name ? found : undefined;
  if (found && !fits && modelEntry(found.name).family === entry.family)
    throw new Error(`${file} holds the weights of ${found.name}, not of ${entry.name}`);
  const options: Record<string, Json> = { ...fits?.options, ...(asked.model?.options as Record<string, Json>) };
  // As torchvision publishes it: these weights came from elsewhere and want other images.
  const published = entry.name === 'googlenet' && /(^|[\\/])googlenet-[0-9a-f]{8}\.pth$/.test(file);
  if (published && options.transformInput === undefined) options.transformInput = true;
  return {
    entry,
    model: { name: entry.name, options },
    inputShape: asked.inputShape ?? fits?.inputShape ?? entry.inputShape,
    classes: asked.classes ?? fits?.classes ?? entry.classes,
    weights,
    layout: layout ?? fits?.layout ?? 'fovea',
    head: fits?.head ?? true,
    notes: published ? [...notes, 'set transformInput, which the published weights of GoogLeNet need'] : notes,
  };
}

/** The network of recognised weights, without values. */
export const networkFor = ({ model, inputShape, classes }: Recognised): Module =>
  createModel(model.name, { inputShape, classes, ...model.options });

function firstNames(weights: Weights): string {
  const describe = ([name, { shape }]: [string, TensorType]) => `${quoted(name)} ${formatShape(shape)}`;
  return [...weights].slice(0, 3).map(describe).join(', ') || 'nothing';
}

import type { Json } from '../util/registry.js';
import { unknownName } from '../util/suggest.js';

/** A way of training that has proved itself, with a name. */
export interface Recipe {
  /** One line for lists. */
  readonly summary: string;
  /** The network, by its name in the registry. */
  readonly network: string;
  /** Settings by the names of the options of `fovea train` (`batchSize` is `--batch-size`). */
  readonly options: { readonly [option: string]: Json };
}

/** Recipes by name. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  'human-segmentation': {
    summary:
      'people in a few hundred photos, from scratch: people pasted into other photos, small batches, averaged weights',
    network: 'unet',
    options: {
      size: 128,
      batchSize: 8,
      // Six levels: the lowest map is 4x4, so that each of its values sees the whole photo. Multiples of 16 get Winograd.
      features: [16, 32, 64, 128, 256, 256],
      optimizer: 'adamw',
      lr: 0.002,
      loss: 'bce+dice',
      scheduler: { name: 'cosine', options: { unit: 'step' } },
      warmup: 2,
      augment: ['light', 'copypaste:0.5'],
      ema: 0.995,
      epochs: 120,
      seed: 1,
    },
  },
  'human-segmentation-100': {
    summary: '100 epochs with a scheduler: Adam at 0.01, halved where the validation loss rests',
    network: 'unet',
    options: {
      size: 128,
      batchSize: 16,
      features: [16, 32, 64, 128],
      optimizer: 'adam',
      lr: 0.01,
      loss: 'bce+dice',
      scheduler: { name: 'plateau', options: { factor: 0.5, patience: 6 } },
      augment: ['light'],
      seed: 1,
      epochs: 100,
    },
  },
};

/** @throws Error that suggests the nearest name if there is no such recipe */
export function recipe(name: string): Recipe {
  const found = RECIPES[name];
  if (!found) throw new Error(unknownName('recipe', name, Object.keys(RECIPES)));
  return found;
}

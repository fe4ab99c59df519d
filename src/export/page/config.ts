import type { Fit } from '../../data/open.js';
import type { TileGeometry } from '../../train/tiling.js';

/** What a page knows of its network; it stands in the page as JSON. */
export interface PageConfig {
  readonly title: string;
  /** The network's name and size, in words. */
  readonly about: string;
  readonly task: 'classification' | 'segmentation';
  readonly classes: readonly string[];
  /** [C, H, W] of the training images. */
  readonly inputShape: readonly [number, number, number];
  /** How images got that size in training. */
  readonly fit: Fit;
  /** Of masks. */
  readonly geometry?: TileGeometry;
  /** The training images are dark on the whole, so that ink on paper must be inverted. */
  readonly dark: boolean;
  /** Drawings are centred by their weight in a frame, as MNIST's digits are. */
  readonly centred: boolean;
}

/** Identifiers of the elements that carry data. */
export const IDS = {
  config: 'fovea-config',
  runtime: 'fovea-runtime',
  wasm: 'fovea-wasm',
  worker: 'fovea-worker',
  /** Class of the network's parts, in order. */
  model: 'fovea-model',
} as const;

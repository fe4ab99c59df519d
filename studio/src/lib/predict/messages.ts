import type { PageConfig } from '../../../../src/export/page/config.js';
import type { Picture } from '../../../../src/export/page/pixels.js';
import type { Ranked } from '../../../../src/train/ranked.js';

export interface ClassifyOptions {
  /** Swap black and white: for dark ink on light paper shown to a network that learnt the reverse. */
  readonly invert?: boolean;
  /** It is a drawing: where the network was trained on centred digits it is brought to their place and size. */
  readonly drawing?: boolean;
}

export interface Classified {
  /** All classes, the likeliest first. */
  readonly ranked: readonly Ranked[];
  /** What the network sees, at its input's size. */
  readonly seen: Picture;
  /** Of the network with what prepares the picture. */
  readonly milliseconds: number;
}

/** What a network of masks found in a photo. All maps are of the photo's size. */
export interface Scores {
  readonly height: number;
  readonly width: number;
  /** Of networks with one output: scores before sigmoid, from which a mask for any threshold is made. */
  readonly logits?: Float32Array<ArrayBuffer>;
  /** Of networks with several outputs: the likeliest class of each pixel, and how much it is foreground, 0 to 255. */
  readonly classes?: Uint8Array<ArrayBuffer>;
  readonly alpha?: Uint8Array<ArrayBuffer>;
  readonly foreground?: number;
  /** Size at which the network saw the photo. */
  readonly seen: { readonly height: number; readonly width: number };
  readonly milliseconds: number;
}

export type ToWorker = { readonly id: number } & (
  | {
      readonly type: 'load';
      /** Address of the runtime's module. */
      readonly runtime: string;
      readonly wasm: ArrayBuffer;
      readonly model: ArrayBuffer;
      readonly config: PageConfig;
    }
  | { readonly type: 'classify'; readonly picture: Picture; readonly options: ClassifyOptions }
  | { readonly type: 'segment'; readonly photo: Picture }
);

export type FromWorker = { readonly id: number } & (
  | { readonly result: Classified | Scores | undefined }
  | { readonly error: string }
);

import type { CutFormat, CutMode } from '../node/cutout.js';
import type { ImageFault } from '../node/image.js';
import type { SegmentOptions } from '../node/segmentPhoto.js';
import type { HostTensor } from '../tensor/shape.js';

/** What is to become of a photo. */
export interface PhotoAsked extends Omit<SegmentOptions, 'predict'> {
  readonly as: CutMode | 'json';
  readonly format: CutFormat;
  /** Classes of the network, with the background. */
  readonly classes: number;
}

export interface PhotoAnswer {
  readonly height: number;
  readonly width: number;
  /** Part of the photo that is foreground. */
  readonly foreground: number;
  /** Size at which the network saw it. */
  readonly seen: { readonly height: number; readonly width: number };
  /** Unless JSON was asked for. */
  readonly picture?: Uint8Array;
  /** Part of the photo that is each class, if JSON was asked for. */
  readonly shares?: readonly number[];
}

export type ToWorker =
  | { readonly kind: 'photo'; readonly id: number; readonly photo: Uint8Array; readonly asked: PhotoAsked }
  | ({ readonly kind: 'output'; readonly call: number } & (
      | { readonly output: HostTensor }
      | { readonly error: string }
    ));

export type FromWorker =
  | { readonly kind: 'predict'; readonly id: number; readonly call: number; readonly images: HostTensor }
  | { readonly kind: 'done'; readonly id: number; readonly answer: PhotoAnswer }
  | { readonly kind: 'failed'; readonly id: number; readonly error: string; readonly fault: ImageFault | undefined };

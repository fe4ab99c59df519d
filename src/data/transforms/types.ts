import type { Json } from '../../util/registry.js';
import type { Image, ImageShape } from '../dataset.js';
import type { RandomStream } from '../rng.js';

/** A transform in JSON: its name and options. */
export type TransformSpec = { readonly name: string; readonly [option: string]: Json | undefined };

/** A change of an image, and of the mask that belongs to it. Plain TypeScript on bytes: the same result on every machine. */
export interface Transform {
  readonly spec: TransformSpec;
  /** Shape of the result. Throws a RangeError if the transform cannot take such images. */
  outputShape(shape: ImageShape): ImageShape;
  /**
   * A new image; the given one is not changed. Without random numbers a random transform does what is fixed about it
   * (a random crop takes the centre) or nothing.
   */
  apply(image: Image, random: RandomStream | undefined): Image;
  /**
   * The same for a mask of class numbers [1, H, W], which are moved and never mixed. Given the random numbers that the image
   * got, in the same state, it makes the same move. Pixels that come from outside are `outside`. 'keep': this changes colours
   * only, the mask stays.
   */
  readonly applyMask: 'keep' | ((mask: Image, random: RandomStream | undefined, outside: number) => Image);
  /** For what a second training image is needed. It is done after `apply`, and only where targets are masks. */
  readonly mix?: Mix;
}

/** An image and its mask of class numbers [1, H, W]. */
export interface MaskedImage {
  readonly image: Image;
  readonly mask: Image;
}

/** What a transform does with another image of the training set. */
export interface Mix {
  /** How often, from 0 to 1. */
  readonly p: number;
  /**
   * A new image and mask from two of one size; neither is changed.
   *
   * @param random numbers that depend on (seed, epoch, index) of the first
   * @param ignoreIndex the class number of pixels that count for nothing, if there is one
   */
  mix(own: MaskedImage, other: MaskedImage, random: RandomStream, ignoreIndex: number | undefined): MaskedImage;
}

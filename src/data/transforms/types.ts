import type { Json } from '../../util/registry.js';
import type { Image, ImageShape } from '../dataset.js';
import type { RandomStream } from '../rng.js';

/** A transform in JSON: its name and options. */
export type TransformSpec = { readonly name: string; readonly [option: string]: Json | undefined };

/** A change of an image. Plain TypeScript on bytes: the same result on every machine. */
export interface Transform {
  readonly spec: TransformSpec;
  /** Shape of the result. Throws a RangeError if the transform cannot take such images. */
  outputShape(shape: ImageShape): ImageShape;
  /**
   * A new image; the given one is not changed. Without random numbers a random transform does what is fixed about it
   * (a random crop takes the centre) or nothing.
   */
  apply(image: Image, random: RandomStream | undefined): Image;
}

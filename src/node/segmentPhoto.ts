import type { Image } from '../data/dataset.js';
import { MaskCollector, type PhotoOptions, scorePhoto } from '../train/photoMask.js';
import { imageHeader, loadImage } from './image.js';

/** A photo's mask at the photo's own size. */
export interface PhotoMask {
  readonly height: number;
  readonly width: number;
  /** Class number of each pixel, H x W. */
  readonly classes: Uint8Array;
  /** How much each pixel belongs to the foreground (any class but 0), 0..255: soft around the threshold. */
  readonly alpha: Uint8Array;
  /** Part of the photo that is foreground. */
  readonly foreground: number;
  /** Size at which the network saw it. */
  readonly seen: { readonly height: number; readonly width: number };
}

export interface SegmentOptions extends PhotoOptions {
  /** Probability from which on a pixel is foreground, for networks with one output channel. Default 0.5. */
  readonly threshold?: number;
}

/** Photos above this size are refused: the mask alone would take a gigabyte. */
const MAX_PIXELS = 2 ** 27;

/**
 * Finds the mask of a photo, at the photo's size.
 * @throws Error, one sentence that names the file, if it cannot be read
 */
export async function segmentPhoto(path: string, options: SegmentOptions): Promise<PhotoMask> {
  const { geometry, inputShape, threshold = 0.5 } = options;
  const { height, width } = await imageHeader(path, MAX_PIXELS);
  const [channels] = inputShape;
  if (channels !== 1 && channels !== 3)
    throw new Error(`the network takes ${channels} channels; image files have 1 or 3`);
  const load = (size: readonly [number, number] | undefined) =>
    loadImage(path, { channels, ...(size ? { size, fit: 'fill' } : {}), maxPixels: MAX_PIXELS });
  const mask = new MaskCollector(height, width, geometry.outputs, threshold);
  const seen = await scorePhoto({ height, width, load }, options, (y, count, rows) => mask.take(y, count, rows));
  const { classes, alpha, foreground } = mask;
  return { height, width, classes, alpha, foreground, seen };
}

/** A photo as planes of red, green and blue, at its own size. */
export const photoPlanes = (path: string): Promise<Image> => loadImage(path, { channels: 3, maxPixels: MAX_PIXELS });

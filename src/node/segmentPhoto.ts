import type { Image } from '../data/dataset.js';
import { MaskCollector, type PhotoOptions, scorePhoto } from '../train/photoMask.js';
import { type ImageHeader, imageHeader, loadImage } from './image.js';

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
  /** Larger photos are refused. Default 2^27 pixels: the mask alone would take a gigabyte. */
  readonly maxPixels?: number;
  /** What `imageHeader` said of the photo, within its limit of pixels: it is not read again. */
  readonly header?: ImageHeader;
}

const MAX_PIXELS = 2 ** 27;

/**
 * Finds the mask of a photo (a file, or its bytes), at the photo's size.
 * @throws ImageError, one sentence that names the file, if it cannot be read
 */
export async function segmentPhoto(photo: string | Uint8Array, options: SegmentOptions): Promise<PhotoMask> {
  const { geometry, inputShape, threshold = 0.5, maxPixels = MAX_PIXELS } = options;
  const header = options.header ?? (await imageHeader(photo, maxPixels));
  const { height, width } = header;
  const [channels] = inputShape;
  if (channels !== 1 && channels !== 3)
    throw new Error(`the network takes ${channels} channels; image files have 1 or 3`);
  const load = (size: readonly [number, number] | undefined) =>
    loadImage(photo, { channels, ...(size ? { size, fit: 'fill' } : {}), header });
  const mask = new MaskCollector(height, width, geometry.outputs, threshold);
  const seen = await scorePhoto({ height, width, load }, options, (y, count, rows) => mask.take(y, count, rows));
  const { classes, alpha, foreground } = mask;
  return { height, width, classes, alpha, foreground, seen };
}

/** A photo as planes of red, green and blue, at its own size. */
export const photoPlanes = (photo: string | Uint8Array): Promise<Image> =>
  loadImage(photo, { channels: 3, maxPixels: MAX_PIXELS });

import type { Image } from '../data/dataset.js';
import type { Fit } from '../data/open.js';
import type { HostTensor } from '../tensor/shape.js';
import { hostTensor } from '../tensor/shape.js';
import { predictTiled, type RowSink, resizeRows, type TileGeometry } from '../train/tiles.js';
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
  /** Size at which the network saw it, and the number of tiles. */
  readonly seen: { readonly height: number; readonly width: number };
}

export interface SegmentOptions {
  /** Output [N, K, h, w] for uint8 images [N, C, H, W]. */
  readonly predict: (images: HostTensor) => Promise<HostTensor>;
  readonly geometry: TileGeometry;
  /** [C, H, W] of the training images, and how photos got that size. */
  readonly inputShape: readonly [number, number, number];
  readonly fit: Fit;
  /**
   * Longer side of the photo as the network sees it, in pixels, or `full`: its own size. Default: as in training, where a
   * photo was scaled to `inputShape`.
   */
  readonly resolution?: number | 'full';
  /** Side of the tiles that larger photos are cut into. Default 512. */
  readonly tile?: number;
  /** Probability from which on a pixel is foreground, for networks with one output channel. Default 0.5. */
  readonly threshold?: number;
}

/** Half the width of the soft edge of `alpha`, as a probability. */
const SOFT = 0.2;

/** Photos above this size are refused: the mask alone would take a gigabyte. */
const MAX_PIXELS = 2 ** 27;

/**
 * Finds the mask of a photo, at the photo's size. What the network sees is scaled as in training, or as `resolution`
 * says; what is larger than a tile goes through it in overlapping tiles.
 * @throws Error, one sentence that names the file, if it cannot be read
 */
export async function segmentPhoto(path: string, options: SegmentOptions): Promise<PhotoMask> {
  const { predict, geometry, inputShape, resolution, tile = 512, threshold = 0.5 } = options;
  const { height, width } = await imageHeader(path, MAX_PIXELS);
  const [channels] = inputShape;
  const size = sizeSeen(height, width, options);
  if (channels !== 1 && channels !== 3)
    throw new Error(`the network takes ${channels} channels; image files have 1 or 3`);
  const own = size[0] === height && size[1] === width;
  const photo = await loadImage(path, { channels, ...(own ? {} : { size, fit: 'fill' }), maxPixels: MAX_PIXELS });
  const out = new Collector(height, width, geometry.outputs, threshold);
  const run = async (pixels: Uint8Array, h: number, w: number) =>
    (await predict(hostTensor(pixels, [1, channels, h, w]))).data as Float32Array;
  const collect: RowSink = (y, count, rows) => out.take(y, count, rows);
  const [top, left] = geometry.border;
  if (top > 0 || left > 0) {
    if (resolution !== undefined)
      throw new Error('this network gives masks for the middle of an image of one size: leave out the resolution');
    // Nothing is known about the border: it counts as background.
    const middle = await run(photo.data, size[0], size[1]);
    resizeRows(framed(middle, geometry, size), [geometry.outputs, ...size], height, width, collect);
  } else if (own) await predictTiled(run, photo, geometry, tile, collect);
  else {
    const map = new Float32Array(geometry.outputs * size[0] * size[1]);
    const area = size[0] * size[1];
    await predictTiled(run, photo, geometry, tile, (y, count, rows) => {
      const part = count * size[1];
      for (let k = 0; k < geometry.outputs; k++)
        map.set(rows.subarray(k * part, (k + 1) * part), k * area + y * size[1]);
    });
    resizeRows(map, [geometry.outputs, ...size], height, width, collect);
  }
  return { height, width, ...out.result(), seen: { height: size[0], width: size[1] } };
}

/** Height and width at which the network sees a photo. */
function sizeSeen(height: number, width: number, { inputShape, fit, resolution }: SegmentOptions): [number, number] {
  const [, h, w] = inputShape;
  if (resolution === 'full') return [height, width];
  if (resolution === undefined && fit === 'fill') return [h, w];
  // Photos kept their shape in training: so they do here, with nothing cut off or padded.
  const factor =
    resolution !== undefined
      ? resolution / Math.max(height, width)
      : fit === 'contain'
        ? Math.min(h / height, w / width)
        : Math.max(h / height, w / width);
  return [Math.max(1, Math.round(height * factor)), Math.max(1, Math.round(width * factor))];
}

/** A map of the middle within a frame that says background. */
function framed(map: Float32Array, { outputs, border }: TileGeometry, [height, width]: readonly [number, number]) {
  const [top, left] = [Math.floor(border[0]), Math.floor(border[1])];
  const h = height - 2 * border[0];
  const w = width - 2 * border[1];
  const out = new Float32Array(outputs * height * width);
  if (outputs === 1) out.fill(-30);
  else out.fill(30, 0, height * width);
  for (let k = 0; k < outputs; k++)
    for (let y = 0; y < h; y++)
      out.set(map.subarray((k * h + y) * w, (k * h + y + 1) * w), (k * height + top + y) * width + left);
  return out;
}

/** Turns rows of logits into class numbers and the soft foreground. */
class Collector {
  private readonly classes: Uint8Array;
  private readonly alpha: Uint8Array;
  private count = 0;

  constructor(
    height: number,
    private readonly width: number,
    private readonly outputs: number,
    private readonly threshold: number,
  ) {
    this.classes = new Uint8Array(height * width);
    this.alpha = new Uint8Array(height * width);
  }

  take(y: number, count: number, rows: Float32Array): void {
    const { outputs, threshold, classes, alpha } = this;
    const part = count * this.width;
    const at = y * this.width;
    for (let i = 0; i < part; i++) {
      const [best, foreground] = outputs === 1 ? this.binary(rows[i]!) : this.several(rows, i, part);
      classes[at + i] = best;
      if (best !== 0) this.count++;
      const edge = outputs === 1 ? threshold : 0.5;
      alpha[at + i] = Math.round(255 * Math.min(1, Math.max(0, (foreground - edge) / (2 * SOFT) + 0.5)));
    }
  }

  result(): Pick<PhotoMask, 'classes' | 'alpha' | 'foreground'> {
    return { classes: this.classes, alpha: this.alpha, foreground: this.count / this.classes.length };
  }

  private binary(logit: number): readonly [number, number] {
    const probability = 1 / (1 + Math.exp(-logit));
    return [probability > this.threshold ? 1 : 0, probability];
  }

  private several(rows: Float32Array, i: number, part: number): readonly [number, number] {
    let best = 0;
    for (let k = 1; k < this.outputs; k++) if (rows[k * part + i]! > rows[best * part + i]!) best = k;
    const largest = rows[best * part + i]!;
    let sum = 0;
    for (let k = 0; k < this.outputs; k++) sum += Math.exp(rows[k * part + i]! - largest);
    return [best, 1 - Math.exp(rows[i]! - largest) / sum];
  }
}

/** A photo as planes of red, green and blue, at its own size. */
export const photoPlanes = (path: string): Promise<Image> => loadImage(path, { channels: 3, maxPixels: MAX_PIXELS });

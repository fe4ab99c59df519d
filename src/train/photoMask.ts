import type { Fit } from '../data/open.js';
import type { HostTensor } from '../tensor/shape.js';
import { type Planes, predictTiled, type RowSink, resizeRows, type TileGeometry } from './tiling.js';

/** Side of tiles, where nothing else is asked for. */
export const TILE = 512;

/** How a network of masks looks at a photo. */
export interface PhotoOptions {
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
  /** Side of the tiles that larger photos are cut into. Default {@link TILE}. */
  readonly tile?: number;
}

/** A photo that can be had at any size. */
export interface Photo {
  readonly height: number;
  readonly width: number;
  /** Its pixels, scaled to `size` (its own where undefined). */
  load(size: readonly [number, number] | undefined): Promise<Planes>;
}

/**
 * Hands the scores [K, rows, width] of a photo on, row by row from the top, at the photo's size. What the network sees is
 * scaled as in training, or as `resolution` says; what is larger than a tile goes through it in overlapping tiles.
 * @returns the size at which the network saw it
 */
export async function scorePhoto(
  photo: Photo,
  options: PhotoOptions,
  sink: RowSink,
): Promise<{ readonly height: number; readonly width: number }> {
  const { predict, geometry, resolution, tile = TILE } = options;
  const { height, width } = photo;
  const [channels] = options.inputShape;
  const size = sizeSeen(height, width, options);
  const own = size[0] === height && size[1] === width;
  const planes = await photo.load(own ? undefined : size);
  const run = async (pixels: Uint8Array, h: number, w: number) =>
    (await predict({ data: pixels, shape: [1, channels, h, w], dtype: 'uint8' })).data as Float32Array;
  const [top, left] = geometry.border;
  if (top > 0 || left > 0) {
    if (resolution !== undefined)
      throw new Error('this network gives masks for the middle of an image of one size: leave out the resolution');
    // Nothing is known about the border: it counts as background.
    const middle = await run(planes.data, size[0], size[1]);
    resizeRows(framed(middle, geometry, size), [geometry.outputs, ...size], height, width, sink);
  } else if (own) await predictTiled(run, planes, geometry, tile, sink);
  else {
    const map = new Float32Array(geometry.outputs * size[0] * size[1]);
    const area = size[0] * size[1];
    await predictTiled(run, planes, geometry, tile, (y, count, rows) => {
      const part = count * size[1];
      for (let k = 0; k < geometry.outputs; k++)
        map.set(rows.subarray(k * part, (k + 1) * part), k * area + y * size[1]);
    });
    resizeRows(map, [geometry.outputs, ...size], height, width, sink);
  }
  return { height: size[0], width: size[1] };
}

/** Height and width at which the network sees a photo. */
export function sizeSeen(
  height: number,
  width: number,
  { inputShape, fit, resolution }: Pick<PhotoOptions, 'inputShape' | 'fit' | 'resolution'>,
): [number, number] {
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

/** Half the width of the soft edge of `alpha`, as a probability. */
const SOFT = 0.2;

/** Turns rows of scores into class numbers and the soft foreground. */
export class MaskCollector {
  /** Class number of each pixel, H x W. */
  readonly classes: Uint8Array;
  /** How much each pixel belongs to the foreground (any class but 0), 0..255: soft around the threshold. */
  readonly alpha: Uint8Array;
  private count = 0;

  /** @param threshold probability from which on a pixel is foreground, for networks with one output channel */
  constructor(
    height: number,
    private readonly width: number,
    private readonly outputs: number,
    private readonly threshold: number,
  ) {
    this.classes = new Uint8Array(height * width);
    this.alpha = new Uint8Array(height * width);
  }

  /** Part of the photo that is foreground. */
  get foreground(): number {
    return this.count / this.classes.length;
  }

  take(y: number, count: number, rows: Float32Array): void {
    if (this.outputs === 1) this.takeBinary(y * this.width, count * this.width, rows);
    else this.takeSeveral(y * this.width, count * this.width, rows);
  }

  private takeBinary(at: number, part: number, logits: Float32Array): void {
    const { threshold, classes, alpha } = this;
    // Most pixels are far from the threshold: only those within the soft edge need their probability.
    const edge = logitOf(threshold);
    const none = logitOf(threshold - SOFT);
    const full = logitOf(threshold + SOFT);
    let count = 0;
    for (let i = 0; i < part; i++) {
      const logit = logits[i]!;
      if (logit > edge) {
        classes[at + i] = 1;
        count++;
      } else classes[at + i] = 0;
      if (logit <= none) alpha[at + i] = 0;
      else if (logit >= full) alpha[at + i] = 255;
      else alpha[at + i] = softly(1 / (1 + Math.exp(-logit)) - threshold);
    }
    this.count += count;
  }

  private takeSeveral(at: number, part: number, rows: Float32Array): void {
    for (let i = 0; i < part; i++) {
      const [best, foreground] = this.several(rows, i, part);
      this.classes[at + i] = best;
      if (best !== 0) this.count++;
      this.alpha[at + i] = softly(foreground - 0.5);
    }
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

/** The logit of a probability; outside of 0..1 infinite. */
const logitOf = (p: number): number =>
  p <= 0 ? Number.NEGATIVE_INFINITY : p >= 1 ? Number.POSITIVE_INFINITY : Math.log(p / (1 - p));

/** Opacity 0..255 at a distance from the edge, in probability. */
const softly = (distance: number): number => Math.round(255 * Math.min(1, Math.max(0, distance / (2 * SOFT) + 0.5)));

import { checkNumber, checkPair } from '../util/check.js';
import {
  checkIndex,
  type DataDescription,
  type Dataset,
  type ImageShape,
  type Normalize,
  pixels,
  registerKind,
  type Sample,
} from './dataset.js';
import { checkSeed, Purpose, RandomStream } from './rng.js';

/** Classes of the generated data set, in order of their indices. */
export const SHAPE_CLASSES = ['circle', 'square', 'triangle', 'cross', 'ring'] as const;

/** What the generated data set is like. */
export interface ShapesOptions {
  /** Number of images. Default 6,000. */
  readonly images?: number;
  /** Side, or [height, width], in pixels; at least 8. Default 28. */
  readonly size?: number | readonly [number, number];
  /** 1 (grey) or 3 (colour). Default 1. */
  readonly channels?: 1 | 3;
  /** Default 0. */
  readonly seed?: number;
  /** Standard deviation of the noise, as a fraction of the full range. Default 0.08. */
  readonly noise?: number;
}

const HALF_SQRT3 = Math.sqrt(3) / 2;

/** Signed distance (negative inside) from a point to each figure of radius 1 around the origin. */
export const DISTANCE: Record<(typeof SHAPE_CLASSES)[number], (x: number, y: number) => number> = {
  circle: (x, y) => Math.hypot(x, y) - 0.9,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) - 0.78,
  // An equilateral triangle is where all three half planes at distance 1/2 meet.
  triangle: (x, y) => Math.max(-y, HALF_SQRT3 * x + y / 2, -HALF_SQRT3 * x + y / 2) - 0.55,
  cross: (x, y) => {
    const a = Math.max(Math.abs(x) - 0.95, Math.abs(y) - 0.3);
    const b = Math.max(Math.abs(y) - 0.95, Math.abs(x) - 0.3);
    return Math.min(a, b);
  },
  ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.72) - 0.22,
};

/**
 * Circles, squares, triangles, crosses and rings of any place, size, turn and brightness on a noisy, unevenly lit
 * background. Needs no download; each image is a pure function of (seed, index). Classes take turns.
 *
 *     const data = new ShapesDataset({ images: 1000, size: 32, channels: 3, seed: 1 });
 */
export class ShapesDataset implements Dataset {
  readonly name = 'shapes';
  readonly length: number;
  readonly inputShape: ImageShape;
  readonly classes: readonly string[] = SHAPE_CLASSES;
  readonly normalize: Normalize;
  readonly resident = false;
  private readonly seed: number;
  private readonly noise: number;

  /** Throws a RangeError for sizes below 8, channels other than 1 and 3, or a negative count. */
  constructor(options: ShapesOptions = {}) {
    const { images = 6000, size = 28, channels = 1, seed = 0, noise = 0.08 } = options;
    this.length = checkNumber('the number of shapes images', images, { integer: true, min: 1, max: 2 ** 31 - 1 });
    const [height, width] = checkPair('the size of shapes', size, { integer: true, min: 8, max: 4096 });
    if (channels !== 1 && channels !== 3) throw new RangeError(`shapes has 1 or 3 channels, got ${channels}`);
    this.inputShape = [channels, height, width];
    this.normalize = { mean: new Array(channels).fill(0.5), std: new Array(channels).fill(0.25) };
    this.seed = checkSeed(seed);
    this.noise = checkNumber('the noise of shapes', noise, { min: 0, max: 1 });
  }

  labels(): Int32Array {
    return Int32Array.from({ length: this.length }, (_, i) => i % SHAPE_CLASSES.length);
  }

  get(index: number): Sample {
    checkIndex(this, index);
    const target = index % SHAPE_CLASSES.length;
    const distance = DISTANCE[SHAPE_CLASSES[target]!];
    const [channels, height, width] = this.inputShape;
    const random = new RandomStream(this.seed, Purpose.generate, 0, index);
    const side = Math.min(height, width);
    const radius = side * random.between(0.22, 0.42);
    const cx = random.between(radius, width - radius);
    const cy = random.between(radius, height - radius);
    const angle = random.between(0, 2 * Math.PI);
    const cos = Math.cos(angle) / radius;
    const sin = Math.sin(angle) / radius;
    // Figure and ground differ by a quarter of the range or more, either of them the brighter one.
    const ground = Array.from({ length: channels }, () => random.between(0.1, 0.9));
    const contrast = random.between(0.3, 0.6);
    const figure = ground.map((g) => (g < 0.5 ? g + contrast : g - contrast));
    const slopeX = random.between(-0.15, 0.15) / width;
    const slopeY = random.between(-0.15, 0.15) / height;
    const image = new Uint8Array(pixels(this.inputShape));
    // The sum of four random bytes has variance 4 * (256^2 - 1) / 12.
    const noiseScale = this.noise / Math.sqrt((4 * (65536 - 1)) / 12);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const dx = x + 0.5 - cx;
        const dy = y + 0.5 - cy;
        // Distance in pixels gives the covered part of a pixel on the edge.
        const d = distance(cos * dx + sin * dy, cos * dy - sin * dx) * radius;
        const cover = Math.min(1, Math.max(0, 0.5 - d));
        const light = slopeX * dx + slopeY * dy;
        for (let c = 0; c < channels; c++) {
          const word = random.uint32();
          const bytes = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
          const value = ground[c]! + (figure[c]! - ground[c]!) * cover + light + (bytes - 510) * noiseScale;
          image[(c * height + y) * width + x] = Math.min(255, Math.max(0, Math.round(value * 255)));
        }
      }
    }
    return { image, target };
  }

  describe(): DataDescription {
    const [channels, height, width] = this.inputShape;
    const { length: images, seed, noise } = this;
    return { kind: 'shapes', images, size: [height, width], channels, seed, noise };
  }
}

registerKind('shapes', (description) => new ShapesDataset(description as ShapesOptions), import.meta.url);

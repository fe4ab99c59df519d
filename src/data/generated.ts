import { checkNumber, checkPair } from '../util/check.js';
import {
  checkIndex,
  type DataDescription,
  type Dataset,
  type ImageShape,
  type Normalize,
  type Sample,
} from './dataset.js';
import { checkSeed, Purpose, RandomStream } from './rng.js';

/** What a generated segmentation set is like. */
export interface GeneratedOptions {
  /** Number of images. */
  readonly images?: number;
  /** Side, or [height, width], in pixels; at least 16. */
  readonly size?: number | readonly [number, number];
  /** 1 (grey) or 3 (colour). */
  readonly channels?: 1 | 3;
  /** Default 0. */
  readonly seed?: number;
  /** Standard deviation of the noise, as a fraction of the full range. */
  readonly noise?: number;
}

/** Drawn images with masks: each is a pure function of (seed, index), so nothing has to be downloaded or stored. */
export abstract class GeneratedMasks implements Dataset {
  abstract readonly name: string;
  abstract readonly classes: readonly string[];
  readonly length: number;
  readonly inputShape: ImageShape;
  readonly targetShape: readonly [number, number];
  readonly targetDtype = 'uint8';
  readonly resident = false;
  readonly normalize: Normalize;
  private readonly seed: number;
  private readonly noise: number;

  /** Throws a RangeError for sizes below 16, channels other than 1 and 3, or a negative count. */
  constructor(what: string, options: GeneratedOptions, defaults: Required<Omit<GeneratedOptions, 'seed'>>) {
    const { images = defaults.images, size = defaults.size, channels = defaults.channels, seed = 0 } = options;
    this.length = checkNumber(`the number of ${what} images`, images, { integer: true, min: 1, max: 2 ** 31 - 1 });
    const [height, width] = checkPair(`the size of ${what}`, size, { integer: true, min: 16, max: 4096 });
    if (channels !== 1 && channels !== 3) throw new RangeError(`${what} has 1 or 3 channels, got ${channels}`);
    this.inputShape = [channels, height, width];
    this.targetShape = [height, width];
    this.normalize = { mean: new Array(channels).fill(0.5), std: new Array(channels).fill(0.25) };
    this.seed = checkSeed(seed);
    this.noise = checkNumber(`the noise of ${what}`, options.noise ?? defaults.noise, { min: 0, max: 1 });
  }

  /** Draws values of 0..1 [C, H, W] and the mask, without noise. */
  protected abstract draw(random: RandomStream, values: Float32Array, mask: Uint8Array): void;

  get(index: number): Sample {
    checkIndex(this, index);
    const random = new RandomStream(this.seed, Purpose.generate, 0, index);
    const [channels, height, width] = this.inputShape;
    const values = new Float32Array(channels * height * width);
    const target = new Uint8Array(height * width);
    this.draw(random, values, target);
    const image = new Uint8Array(values.length);
    // The sum of four random bytes has variance 4 * (256^2 - 1) / 12.
    const scale = this.noise / Math.sqrt((4 * (65536 - 1)) / 12);
    for (let i = 0; i < image.length; i++) {
      const word = random.uint32();
      const bytes = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
      image[i] = Math.min(255, Math.max(0, Math.round((values[i]! + (bytes - 510) * scale) * 255)));
    }
    return { image, target };
  }

  describe(): DataDescription {
    const [channels, height, width] = this.inputShape;
    const { name, length: images, seed, noise } = this;
    return { kind: name, images, size: [height, width], channels, seed, noise };
  }
}

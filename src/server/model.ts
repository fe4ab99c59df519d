import type { Backend, CompileOptions } from '../backends/backend.js';
import type { Fit } from '../data/open.js';
import type { Module } from '../nn/module.js';
import type { CutFormat, CutMode } from '../node/cutout.js';
import { ImageError, type ImageHeader, imageHeader, loadImage, MAX_SIDE } from '../node/image.js';
import { collectGarbage } from '../node/memory.js';
import { loadSharp } from '../node/sharp.js';
import { formatShape, type HostTensor, numel } from '../tensor/shape.js';
import type { RunConfig } from '../train/config.js';
import { type PhotoOptions, sizeSeen, TILE } from '../train/photoMask.js';
import { type Ranked, topClasses } from '../train/ranked.js';
import { Session } from '../train/session.js';
import { axisTiles, type TileGeometry, tileGeometry } from '../train/tiles.js';
import { Batcher, batchSizes } from './batcher.js';
import { Gate } from './budget.js';
import type { PhotoAnswer } from './photoMessages.js';
import { Photos } from './photos.js';

export interface ServedOptions {
  readonly config: RunConfig;
  /** With its weights, which go over to the device. */
  readonly net: Module;
  readonly backend: Backend;
  /** How its programs are compiled. */
  readonly how?: Omit<CompileOptions, 'name'>;
  /** How photos were brought to the training size. Default 'fill' for masks, 'cover' for classes. */
  readonly fit?: Fit;
  /** Images of one run of the engine at most. */
  readonly maxBatch: number;
  /**
   * Images with more pixels are refused by their header, and so are those that the network would see enlarged to more. As
   * many are in work at one time, over all requests.
   */
  readonly maxPixels: number;
  readonly onBatch?: (images: number, seconds: number) => void;
}

/** What is asked about an image by a network that names classes. */
export interface ClassifyAsked {
  readonly top: number;
  readonly invert: boolean;
}

/** What is asked about a photo by a network that makes masks. */
export interface SegmentAsked {
  readonly as: CutMode | 'json';
  readonly format: CutFormat;
  readonly threshold?: number;
  readonly resolution?: number;
}

/** Programs that are kept: their bytes beside the weights (at most), and how many. */
const KEPT = { maxBytes: 2 ** 30, most: 24 };

/** A trained network that answers many at once: images are decoded beside the engine and go through it in batches. */
export class ServedModel {
  readonly task: 'classification' | 'segmentation';
  readonly session: Session;
  readonly batcher: Batcher;
  private readonly sizes: readonly number[];
  /** Of networks that make masks. */
  readonly geometry: TileGeometry | undefined;
  private readonly pixels: Gate;
  private readonly photos: Photos | undefined;

  /** @throws Error if the network takes no image files or gives neither classes nor masks */
  constructor(private readonly options: ServedOptions) {
    const { config, net, backend, how, maxPixels, onBatch } = options;
    const [channels] = config.inputShape;
    if (channels !== 1 && channels !== 3)
      throw new Error(`the network takes ${channels} channels; image files have 1 or 3`);
    this.geometry = tileGeometry(net, config.inputShape);
    this.task = this.geometry ? 'segmentation' : 'classification';
    this.session = new Session(net, backend, how, KEPT);
    this.sizes = batchSizes(options.maxBatch);
    this.batcher = new Batcher({
      run: (images) => this.run(images),
      sizes: this.sizes,
      ...(onBatch ? { onBatch } : {}),
    });
    this.pixels = new Gate(maxPixels);
    if (this.geometry) this.photos = new Photos((images, signal) => this.predictOne(images, signal));
  }

  /** Names of the classes, for networks of one output channel with the background. */
  get classes(): readonly string[] {
    return this.options.config.classes;
  }

  /**
   * Puts the weights on the device, and compiles for full batches of images of the training size, so that the first
   * requests do not wait for that.
   * @throws Error if the network gives neither classes nor masks
   */
  async warmUp(): Promise<void> {
    // Many images at a time, one thread each, and none of them twice.
    const sharp = await loadSharp();
    sharp.concurrency(1);
    sharp.cache(false);
    await this.session.moveToDevice();
    collectGarbage();
    const shape = this.usualShape();
    // The first run of a program makes its memory.
    const tryOut = (n: number) =>
      this.run({ shape: [n, ...shape], dtype: 'uint8', data: new Uint8Array(n * numel(shape)) });
    const output = await tryOut(1);
    if (!this.geometry && output.shape.length !== 2)
      throw new Error(`the network gives an output of shape ${formatShape(output.shape)}, neither classes nor masks`);
    // Where programs are interpreted there is nothing to prepare, and a batch takes long.
    if (this.options.backend.device.backend !== 'reference') for (const n of this.sizes.slice(1)) await tryOut(n);
    this.batcher.expect(shape);
  }

  /** The likeliest classes of an image. @throws ImageError if it cannot be read; the signal's reason if that aborts */
  async classify(image: Uint8Array, { top, invert }: ClassifyAsked, signal?: AbortSignal): Promise<Ranked[]> {
    const { inputShape } = this.options.config;
    const [channels, height, width] = inputShape;
    const planes = await this.holdingPixels(image, { inputShape, fit: 'fill' }, signal, (header) =>
      loadImage(image, { channels: channels as 1 | 3, size: [height, width], fit: this.options.fit, invert, header }),
    );
    const { data } = await this.batcher.submit(planes.data, inputShape, signal);
    const scores = data as Float32Array;
    return topClasses(scores, scores.length, top)[0]!;
  }

  /** A photo's mask or a picture of it. Throws as {@link classify} does. */
  segment(photo: Uint8Array<ArrayBuffer>, asked: SegmentAsked, signal?: AbortSignal): Promise<PhotoAnswer> {
    const { config, fit = 'fill' } = this.options;
    const { geometry, photos } = this;
    if (!geometry || !photos) throw new Error('this network names classes and makes no masks');
    const how = { ...asked, geometry, inputShape: config.inputShape, fit, classes: this.classes.length };
    return this.holdingPixels(photo, how, signal, (header) => photos.ask(photo, { ...how, header }, signal));
  }

  async close(): Promise<void> {
    await this.batcher.drained();
    await this.photos?.close();
    this.session.dispose();
  }

  private predictOne({ data, shape }: HostTensor, signal?: AbortSignal): Promise<HostTensor> {
    const [, c, h, w] = shape as [number, number, number, number];
    return this.batcher.submit(data as Uint8Array, [c, h, w], signal);
  }

  private run(images: HostTensor): Promise<HostTensor> {
    return this.session.predict(images, this.options.config.normalize);
  }

  /**
   * Runs work on an image that takes memory by its pixels, or by those that the network sees of it, when there is room
   * for that.
   */
  private async holdingPixels<T>(
    image: Uint8Array,
    how: Pick<PhotoOptions, 'inputShape' | 'fit' | 'resolution'>,
    signal: AbortSignal | undefined,
    work: (header: ImageHeader) => Promise<T>,
  ): Promise<T> {
    const { maxPixels } = this.options;
    const [, trainedHeight, trainedWidth] = how.inputShape;
    const header = await imageHeader(image, maxPixels);
    const [height, width] = sizeSeen(header.height, header.width, how);
    // The training size was not the client's choice.
    const most = Math.max(maxPixels, trainedHeight * trainedWidth);
    if (Math.max(height, width) > MAX_SIDE || height * width > most)
      throw new ImageError(
        `the network would see the image at ${width} x ${height} pixels, expected at most ${MAX_SIDE} a side and ${most} in all; ask for a smaller resolution, or cut the image`,
        'size',
      );
    const pixels = Math.max(header.height * header.width, height * width);
    return this.pixels.hold(pixels, () => work(header), signal);
  }

  /** Shape of the images that the engine sees of a photo of the training size. */
  private usualShape(): [number, number, number] {
    const [c, h, w] = this.options.config.inputShape;
    const { geometry } = this;
    if (!geometry || geometry.border[0] > 0 || geometry.border[1] > 0) return [c, h, w];
    return [c, axisTiles(h, TILE, geometry).tile, axisTiles(w, TILE, geometry).tile];
  }
}

import type { Backend, CompileOptions } from '../backends/backend.js';
import type { Fit } from '../data/open.js';
import type { Module } from '../nn/module.js';
import type { CutFormat, CutMode } from '../node/cutout.js';
import { type ImageHeader, imageHeader, loadImage } from '../node/image.js';
import { loadSharp } from '../node/sharp.js';
import { formatShape, type HostTensor } from '../tensor/shape.js';
import type { RunConfig } from '../train/config.js';
import { type Ranked, topClasses } from '../train/ranked.js';
import { axisTiles, type TileGeometry, tileGeometry } from '../train/tiles.js';
import { Batcher, batchSizes } from './batcher.js';
import { Gate } from './budget.js';
import type { PhotoAnswer } from './photoMessages.js';
import { Photos } from './photos.js';
import { Programs } from './programs.js';

export interface ServedOptions {
  readonly config: RunConfig;
  /** With its weights, in evaluation mode. */
  readonly net: Module;
  readonly backend: Backend;
  /** How its programs are compiled. */
  readonly how?: Omit<CompileOptions, 'name'>;
  /** How photos were brought to the training size. Default 'fill'. */
  readonly fit?: Fit;
  /** Images of one run of the engine at most. */
  readonly maxBatch: number;
  /** Images with more pixels are refused by their header. As many are decoded at one time, over all requests. */
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

/** As in `segmentPhoto`. */
const TILE = 512;

/** A trained network that answers many at once: images are decoded beside the engine and go through it in batches. */
export class ServedModel {
  readonly task: 'classification' | 'segmentation';
  readonly programs: Programs;
  readonly batcher: Batcher;
  private readonly sizes: readonly number[];
  private readonly geometry: TileGeometry | undefined;
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
    this.programs = new Programs(net, backend, { normalize: config.normalize, ...(how ? { how } : {}) });
    this.sizes = batchSizes(options.maxBatch);
    this.batcher = new Batcher({
      run: (images) => this.programs.run(images),
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

  /** Compiles for full batches of images of the training size, so that the first requests do not wait for that. */
  async warmUp(): Promise<void> {
    // Many images at a time, one thread each, and none of them twice.
    const sharp = await loadSharp();
    sharp.concurrency(1);
    sharp.cache(false);
    const shape = this.usualShape();
    const { backend } = this.options;
    for (const n of this.sizes) {
      const type = { shape: [n, ...shape], dtype: 'uint8' } as const;
      await this.programs.prepare(type);
      // The first run of a program makes its memory.
      if (backend.device.backend !== 'reference')
        await this.programs.run({ ...type, data: new Uint8Array(type.shape.reduce((a, b) => a * b, 1)) });
    }
    this.batcher.expect(shape);
    const [output] = [
      await this.programs.run({ shape: [1, ...shape], dtype: 'uint8', data: new Uint8Array(area(shape)) }),
    ];
    if (!this.geometry && output.shape.length !== 2)
      throw new Error(`the network gives an output of shape ${formatShape(output.shape)}, neither classes nor masks`);
  }

  /** The likeliest classes of an image. @throws ImageError if it cannot be read; the signal's reason if that aborts */
  async classify(image: Uint8Array, { top, invert }: ClassifyAsked, signal?: AbortSignal): Promise<Ranked[]> {
    const { inputShape } = this.options.config;
    const [channels, height, width] = inputShape;
    const planes = await this.holdingPixels(image, signal, (header) =>
      loadImage(image, { channels: channels as 1 | 3, size: [height, width], invert, header }),
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
    return this.holdingPixels(photo, signal, (header) =>
      photos.ask(
        photo,
        { ...asked, geometry, inputShape: config.inputShape, fit, tile: TILE, header, classes: this.classes.length },
        signal,
      ),
    );
  }

  async close(): Promise<void> {
    await this.batcher.drained();
    await this.photos?.close();
    this.programs.dispose();
  }

  private predictOne({ data, shape }: HostTensor, signal?: AbortSignal): Promise<HostTensor> {
    const [, c, h, w] = shape as [number, number, number, number];
    return this.batcher.submit(data as Uint8Array, [c, h, w], signal);
  }

  /** Runs work on an image that takes memory by its pixels when there is room for that. */
  private async holdingPixels<T>(
    image: Uint8Array,
    signal: AbortSignal | undefined,
    work: (header: ImageHeader) => Promise<T>,
  ): Promise<T> {
    const { maxPixels } = this.options;
    const header = await imageHeader(image, maxPixels);
    return this.pixels.hold(header.height * header.width, () => work(header), signal);
  }

  /** Shape of the images that the engine sees of a photo of the training size. */
  private usualShape(): [number, number, number] {
    const [c, h, w] = this.options.config.inputShape;
    const { geometry } = this;
    if (!geometry || geometry.border[0] > 0 || geometry.border[1] > 0) return [c, h, w];
    return [c, axisTiles(h, TILE, geometry).tile, axisTiles(w, TILE, geometry).tile];
  }
}

const area = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

import { relative } from 'node:path';
import {
  checkIndex,
  type DataDescription,
  type Dataset,
  type Image,
  type ImageShape,
  type Normalize,
  type PortableDataset,
  pixels,
  registerKind,
  type Sample,
  sharedBytes,
  sharedInts,
  type Targets,
} from '../data/dataset.js';
import { NORMALIZE } from '../data/normalize.js';
import type { Fit } from '../data/open.js';
import { checkPair } from '../util/check.js';
import { imageSize, loadImage } from './image.js';

/** How the images of a folder are read. */
export interface FolderOptions {
  readonly name: string;
  readonly root: string;
  readonly classes: readonly string[];
  readonly channels: 1 | 3;
  readonly size?: number | readonly [number, number];
  readonly fit: Fit;
  readonly normalize?: Normalize;
  /** Decoded images are kept if they take no more bytes than this. */
  readonly memory: number;
}

interface FolderParts extends FolderOptions {
  readonly files: readonly string[];
  readonly labels: Int32Array;
  readonly shape: ImageShape;
  readonly fingerprint: string;
  /** Decoded images, and a flag for each that is there (the last number counts them); shared by all threads. */
  readonly kept?: { readonly images: Uint8Array; readonly flags: Int32Array };
}

const PARALLEL = 8;

/** Runs `body` on all items, a few at a time, results in order. */
export async function mapSome<T, R>(items: readonly T[], body: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await body(items[i]!, i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, lane));
  return results;
}

/**
 * The images that can be used and their common shape. Without `strict` all images are decoded once and the reason of
 * each that cannot be read goes to `skipped`. Throws if nothing is left, or sizes differ and no size was asked for.
 */
export async function readableImages(
  options: FolderOptions,
  files: readonly string[],
  labels: readonly number[],
  strict: boolean,
  skipped: string[],
): Promise<{ files: readonly string[]; labels: Int32Array; shape: ImageShape }> {
  const { channels, fit } = options;
  const size =
    options.size === undefined ? undefined : checkPair('the size', options.size, { integer: true, min: 1, max: 16384 });
  const probe = async (file: string): Promise<{ height: number; width: number } | undefined> => {
    try {
      if (!strict) {
        const [, height, width] = (await loadImage(file, { channels, size: options.size, fit })).shape;
        return { height, width };
      }
      return size ? { height: size[0], width: size[1] } : await imageSize(file);
    } catch (error) {
      if (strict) throw error;
      skipped.push((error as Error).message);
      return undefined;
    }
  };
  const before = skipped.length;
  const sizes = await mapSome(files, probe);
  // Images are looked at side by side; the list of failures must not depend on who was faster.
  skipped.push(...skipped.splice(before).sort());
  const usable = files.map((_, i) => i).filter((i) => sizes[i]);
  const first = usable[0];
  if (first === undefined)
    throw new Error(`${options.root} holds no image that can be read; the first reason: ${skipped[before]}`);
  const { height, width } = sizes[first]!;
  for (const i of usable) {
    const other = sizes[i]!;
    if (other.height !== height || other.width !== width)
      throw new Error(
        `images differ in size: ${files[first]} is ${width} x ${height}, ${files[i]} is ${other.width} x ${other.height}; ` +
          'give a size to scale them to',
      );
  }
  return {
    files: usable.map((i) => files[i]!),
    labels: Int32Array.from(usable, (i) => labels[i]!),
    shape: [options.channels, height, width],
  };
}

/** Images in files, decoded when they are needed and then kept in memory if there is room. */
export class FolderDataset implements Dataset {
  readonly name: string;
  readonly length: number;
  readonly inputShape: ImageShape;
  readonly classes: readonly string[];
  readonly normalize: Normalize;
  private readonly size: number;

  private constructor(private readonly parts: FolderParts) {
    this.name = parts.name;
    this.length = parts.files.length;
    this.inputShape = parts.shape;
    this.classes = parts.classes;
    this.normalize = parts.normalize ?? (parts.channels === 3 ? NORMALIZE.imagenet : NORMALIZE.gray);
    this.size = pixels(parts.shape);
  }

  /** Opens a folder; memory for decoded images is set aside if they fit, and taken as they come. */
  static create(parts: Omit<FolderParts, 'kept'>): FolderDataset {
    const bytes = pixels(parts.shape) * parts.files.length;
    const kept =
      bytes <= parts.memory ? { images: sharedBytes(bytes), flags: sharedInts(parts.files.length + 1) } : undefined;
    return new FolderDataset({ ...parts, kept });
  }

  /** As it was opened in another thread, with the same memory. */
  static reopen(parts: FolderParts): FolderDataset {
    return new FolderDataset(parts);
  }

  /** True once all images have been decoded and kept. */
  get resident(): boolean {
    const flags = this.parts.kept?.flags;
    return flags !== undefined && Atomics.load(flags, this.length) === this.length;
  }

  async get(index: number): Promise<Sample> {
    checkIndex(this, index);
    const target = this.parts.labels[index]!;
    const { kept } = this.parts;
    const from = index * this.size;
    if (kept && Atomics.load(kept.flags, index) === 1)
      return { image: kept.images.slice(from, from + this.size), target };
    const { data } = await this.read(this.parts.files[index]!);
    if (kept) {
      kept.images.set(data, from);
      // Whoever sets the flag first counts it; two threads that decode one image write the same bytes.
      if (Atomics.exchange(kept.flags, index, 1) === 0) Atomics.add(kept.flags, this.length, 1);
    }
    return { image: data, target };
  }

  private async read(file: string): Promise<Image> {
    const { channels, size, fit, shape } = this.parts;
    const image = await loadImage(file, { channels, size, fit });
    if (image.shape.join() !== shape.join())
      throw new Error(
        `${file} is ${image.shape[2]} x ${image.shape[1]} now; it was ${shape[2]} x ${shape[1]} when the folder was opened`,
      );
    return image;
  }

  labels(): Int32Array {
    return this.parts.labels;
  }

  gather(indices: Int32Array, images: Uint8Array, targets: Targets): void {
    const source = this.parts.kept!.images;
    indices.forEach((index, i) => {
      checkIndex(this, index);
      images.set(source.subarray(index * this.size, (index + 1) * this.size), i * this.size);
      targets[i] = this.parts.labels[index]!;
    });
  }

  /** Path of an image, relative to the folder. */
  file(index: number): string {
    checkIndex(this, index);
    return relative(this.parts.root, this.parts.files[index]!);
  }

  describe(): DataDescription {
    const { root, channels, shape, fit, fingerprint } = this.parts;
    return {
      kind: 'imageFolder',
      path: root,
      images: this.length,
      classes: this.classes,
      channels,
      size: [shape[1], shape[2]],
      fit,
      fingerprint,
    };
  }

  portable(): PortableDataset {
    return { kind: 'imageFolder', folder: this.parts };
  }
}

registerKind('imageFolder', (portable) => FolderDataset.reopen(portable.folder as FolderParts), import.meta.url);

import {
  checkIndex,
  type DataDescription,
  type Dataset,
  type ImageShape,
  type Normalize,
  type PortableDataset,
  pixels,
  registerKind,
  type Sample,
  type Targets,
} from './dataset.js';

/** What a {@link MaskDataset} is made of. */
export interface MaskOptions {
  readonly name: string;
  /** N x C x H x W bytes; shared memory lets workers read them without a copy. */
  readonly images: Uint8Array;
  /** N x H x W class numbers. */
  readonly masks: Uint8Array;
  readonly shape: ImageShape;
  /** Names by class number; binary masks have two, the background first. */
  readonly classes: readonly string[];
  /** The number of pixels that count for nothing. Default: there are none. */
  readonly ignoreIndex?: number;
  readonly normalize: Normalize;
  /** What identifies the data; without it only the sizes are told. */
  readonly description?: DataDescription;
}

/**
 * Images and their masks that lie in memory. A target is the mask, uint8 [H, W].
 *
 *     const data = new MaskDataset({ name: 'mine', images, masks, shape: [3, 64, 64], classes: ['background', 'cat'],
 *       normalize: NORMALIZE.imagenet });
 */
export class MaskDataset implements Dataset {
  readonly name: string;
  readonly length: number;
  readonly inputShape: ImageShape;
  readonly classes: readonly string[];
  readonly normalize: Normalize;
  readonly ignoreIndex: number | undefined;
  readonly targetShape: readonly [number, number];
  readonly targetDtype = 'uint8';
  readonly resident = true;
  private readonly size: number;
  private readonly area: number;

  /** Throws if images and masks do not match in number, or a mask holds a number that is no class. */
  constructor(private readonly options: MaskOptions) {
    const { name, images, masks, shape, classes, ignoreIndex } = options;
    this.name = name;
    this.inputShape = shape;
    this.classes = classes;
    this.normalize = options.normalize;
    this.ignoreIndex = ignoreIndex;
    this.targetShape = [shape[1], shape[2]];
    this.size = pixels(shape);
    this.area = shape[1] * shape[2];
    this.length = masks.length / this.area;
    if (!Number.isInteger(this.length) || images.length !== this.length * this.size)
      throw new Error(
        `${name}: ${images.length} bytes of images and ${masks.length} of masks are not images of ${shape.join(' x ')} ` +
          `with a mask of ${shape[1]} x ${shape[2]} for each`,
      );
    for (let i = 0; i < masks.length; i++) {
      const value = masks[i]!;
      if (value >= classes.length && value !== ignoreIndex)
        throw new Error(
          `${name}: the mask of sample ${Math.floor(i / this.area)} holds the class number ${value}; expected 0 to ` +
            `${classes.length - 1}${ignoreIndex === undefined ? '' : ` or ${ignoreIndex} (ignored)`}`,
        );
    }
  }

  get(index: number): Sample {
    checkIndex(this, index);
    const { images, masks } = this.options;
    return {
      image: images.slice(index * this.size, (index + 1) * this.size),
      target: masks.slice(index * this.area, (index + 1) * this.area),
    };
  }

  gather(indices: Int32Array, images: Uint8Array, targets: Targets): void {
    const { size, area, options } = this;
    indices.forEach((index, i) => {
      checkIndex(this, index);
      images.set(options.images.subarray(index * size, (index + 1) * size), i * size);
      targets.set(options.masks.subarray(index * area, (index + 1) * area), i * area);
    });
  }

  describe(): DataDescription {
    return this.options.description ?? { kind: 'masks', name: this.name, images: this.length, shape: this.inputShape };
  }

  portable(): PortableDataset {
    return { kind: 'masks', options: this.options };
  }
}

registerKind('masks', (portable) => new MaskDataset(portable.options as MaskOptions), import.meta.url);

/** The targets of a data set are masks of class numbers. */
export const hasMasks = (dataset: Pick<Dataset, 'targetShape'>): boolean => (dataset.targetShape ?? []).length === 2;

/**
 * Channels that a network's output needs for this data: one a class, and one alone for masks of two classes (a logit
 * of the second, for BCE and Dice).
 */
export const outputChannels = (dataset: Pick<Dataset, 'targetShape' | 'classes'>): number =>
  hasMasks(dataset) && dataset.classes.length === 2 ? 1 : dataset.classes.length;

/** What the masks of a data set hold. */
export interface MaskCounts {
  /** Pixels of each class, over all masks. */
  readonly pixels: readonly number[];
  /** Masks that hold the class at all. */
  readonly masks: readonly number[];
  /** Pixels that are ignored. */
  readonly ignored: number;
}

/** Counts the pixels of each class without augmentation: all samples are read. */
export async function countMasks(dataset: Dataset): Promise<MaskCounts> {
  const classes = dataset.classes.length;
  const total = new Float64Array(256);
  const masks = new Array<number>(classes).fill(0);
  for (let i = 0; i < dataset.length; i++) {
    const { target } = await dataset.get(i);
    if (typeof target === 'number') throw new Error(`${dataset.name} has class labels, not masks`);
    const here = new Uint32Array(256);
    for (const value of target) here[value]!++;
    for (let c = 0; c < 256; c++) total[c]! += here[c]!;
    for (let c = 0; c < classes; c++) if (here[c]! > 0) masks[c]!++;
  }
  const { ignoreIndex } = dataset;
  return {
    pixels: [...total.subarray(0, classes)],
    masks,
    ignored: ignoreIndex === undefined || ignoreIndex < classes ? 0 : total[ignoreIndex]!,
  };
}

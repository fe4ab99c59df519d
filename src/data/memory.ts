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
  sharedBytes,
  sharedInts,
  type Targets,
} from './dataset.js';
import { hasMasks, MaskDataset } from './masks.js';

/** What a {@link MemoryDataset} is made of. */
export interface MemoryOptions {
  readonly name: string;
  /** N x C x H x W bytes; shared memory lets workers read them without a copy. */
  readonly images: Uint8Array;
  /** N class indices. */
  readonly labels: Int32Array;
  readonly shape: ImageShape;
  readonly classes: readonly string[];
  readonly normalize: Normalize;
  /** What identifies the data; without it only the sizes are told. */
  readonly description?: DataDescription;
}

/**
 * Images and class indices that lie in memory.
 *
 *     const data = new MemoryDataset({ name: 'mine', images, labels, shape: [1, 28, 28], classes: ['cat', 'dog'],
 *       normalize: { mean: [0.5], std: [0.5] } });
 */
export class MemoryDataset implements Dataset {
  readonly name: string;
  readonly length: number;
  readonly inputShape: ImageShape;
  readonly classes: readonly string[];
  readonly normalize: Normalize;
  readonly resident = true;
  private readonly size: number;

  /** Throws if images and labels do not match in number, or a label is not a class. */
  constructor(private readonly options: MemoryOptions) {
    const { name, images, labels, shape, classes } = options;
    this.name = name;
    this.length = labels.length;
    this.inputShape = shape;
    this.classes = classes;
    this.normalize = options.normalize;
    this.size = pixels(shape);
    if (images.length !== this.size * labels.length)
      throw new Error(
        `${name}: ${images.length} bytes of pixels are not ${labels.length} images of ${shape.join(' x ')} (one for each label)`,
      );
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i]!;
      if (label < 0 || label >= classes.length)
        throw new Error(`${name}: sample ${i} has the label ${label}; expected 0 to ${classes.length - 1}`);
    }
  }

  get(index: number): Sample {
    checkIndex(this, index);
    const { images, labels } = this.options;
    return { image: images.slice(index * this.size, (index + 1) * this.size), target: labels[index]! };
  }

  labels(): Int32Array {
    return this.options.labels;
  }

  gather(indices: Int32Array, images: Uint8Array, targets: Targets): void {
    const { size } = this;
    const source = this.options.images;
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      checkIndex(this, index);
      images.set(source.subarray(index * size, (index + 1) * size), i * size);
      targets[i] = this.options.labels[index]!;
    }
  }

  describe(): DataDescription {
    return this.options.description ?? { kind: 'memory', name: this.name, images: this.length, shape: this.inputShape };
  }

  portable(): PortableDataset {
    return { kind: 'memory', options: this.options };
  }
}

registerKind('memory', (portable) => new MemoryDataset(portable.options as MemoryOptions), import.meta.url);

/**
 * All samples of a data set in memory, decoded and transformed once, without augmentation: a {@link MemoryDataset}, or a
 * {@link MaskDataset} where the targets are masks.
 */
export async function materialise(dataset: Dataset): Promise<MemoryDataset | MaskDataset> {
  const size = pixels(dataset.inputShape);
  const [, height, width] = dataset.inputShape;
  const area = height * width;
  const masked = hasMasks(dataset);
  const images = sharedBytes(size * dataset.length);
  const labels = sharedInts(masked ? 0 : dataset.length);
  const masks = sharedBytes(masked ? area * dataset.length : 0);
  for (let i = 0; i < dataset.length; i++) {
    const got = dataset.get(i);
    const { image, target } = got instanceof Promise ? await got : got;
    images.set(image, i * size);
    if (typeof target === 'number') labels[i] = target;
    else masks.set(target, i * area);
  }
  const { name, classes, normalize, ignoreIndex } = dataset;
  const common = { name, images, shape: dataset.inputShape, classes, normalize, description: dataset.describe() };
  return masked ? new MaskDataset({ ...common, masks, ignoreIndex }) : new MemoryDataset({ ...common, labels });
}

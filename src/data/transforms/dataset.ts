import {
  type DataDescription,
  type Dataset,
  type Image,
  type ImageShape,
  openPortable,
  type PortableDataset,
  portableForm,
  registerKind,
  type Sample,
  type SampleKey,
} from '../dataset.js';
import { hasMasks } from '../masks.js';
import { Purpose, RandomStream } from '../rng.js';
import type { Transform } from './types.js';

/** Images of another data set, transformed when they are asked for. */
class Transformed implements Dataset {
  readonly inputShape: ImageShape;
  readonly resident = false;

  readonly targetShape: readonly number[] | undefined;

  constructor(
    private readonly of: Dataset,
    private readonly transforms: readonly Transform[],
  ) {
    let shape = of.inputShape;
    for (const transform of transforms) shape = transform.outputShape(shape);
    this.inputShape = shape;
    this.targetShape = hasMasks(of) ? [shape[1], shape[2]] : of.targetShape;
  }

  get targetDtype() {
    return this.of.targetDtype;
  }
  get ignoreIndex() {
    return this.of.ignoreIndex;
  }
  get skipUnreadable() {
    return this.of.skipUnreadable;
  }

  get name() {
    return this.of.name;
  }
  get length() {
    return this.of.length;
  }
  get classes() {
    return this.of.classes;
  }
  get normalize() {
    const { mean, std } = this.of.normalize;
    const channels = this.inputShape[0];
    if (mean.length === channels) return this.of.normalize;
    // Channels that were spread from one or made into one share the mean of what there was.
    const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    return { mean: new Array(channels).fill(average(mean)), std: new Array(channels).fill(average(std)) };
  }

  get(index: number, key?: SampleKey): Sample | Promise<Sample> {
    const sample = this.of.get(index, key);
    return sample instanceof Promise ? sample.then((s) => this.change(s, index, key)) : this.change(sample, index, key);
  }

  private change({ image, target }: Sample, index: number, key?: SampleKey): Sample {
    let out: Image = { data: image, shape: this.of.inputShape };
    let mask = this.maskOf(target);
    // What comes into view from outside counts for nothing where the data can say so, else it is background.
    const outside = this.of.ignoreIndex ?? 0;
    // Each transform draws from a stream of its own, so that one more or less does not change the others' numbers; image
    // and mask get the same one from its start.
    this.transforms.forEach((transform, i) => {
      const random = () => key && new RandomStream(key.seed, Purpose.augment + i, key.epoch, index);
      out = transform.apply(out, random());
      if (mask && transform.applyMask !== 'keep') mask = transform.applyMask(mask, random(), outside);
    });
    return { image: out.data, target: mask ? mask.data : target };
  }

  private maskOf(target: Sample['target']): Image | undefined {
    if (!hasMasks(this.of)) return undefined;
    if (!(target instanceof Uint8Array)) throw new Error(`${this.of.name}: masks that are transformed must be bytes`);
    const [, height, width] = this.of.inputShape;
    return { data: target, shape: [1, height, width] };
  }

  labels(): Int32Array | undefined {
    return this.of.labels?.();
  }

  describe(): DataDescription {
    return { kind: 'transformed', transforms: this.transforms.map((t) => t.spec), of: this.of.describe() };
  }

  portable(): PortableDataset {
    return { kind: 'transformed', transforms: this.transforms.map((t) => t.spec), of: portableForm(this.of) };
  }
}

/**
 * Applies transforms one after the other to each image and, with the same random numbers, to its mask. Random ones draw from (seed, epoch, index), and do their
 * deterministic part (or nothing) when a data set is evaluated. Throws if the images are too small for one of them.
 *
 *     const augmented = transformed(train, [hflip(), randomCrop(32, { padding: 4 })]);
 */
export function transformed(dataset: Dataset, transforms: readonly Transform[]): Dataset {
  return new Transformed(dataset, transforms);
}

/** Registers the kind; `make` and `module` come from the table of transforms, which builds on this file. */
export function registerTransformed(make: (spec: Transform['spec']) => Transform, module: string): void {
  registerKind(
    'transformed',
    async ({ of, transforms }) =>
      new Transformed(await openPortable(of as PortableDataset), (transforms as Transform['spec'][]).map(make)),
    module,
  );
}

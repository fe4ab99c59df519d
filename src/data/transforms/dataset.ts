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
import { Purpose, RandomStream } from '../rng.js';
import type { Transform } from './types.js';

/** Images of another data set, transformed when they are asked for. */
class Transformed implements Dataset {
  readonly inputShape: ImageShape;
  readonly resident = false;

  constructor(
    private readonly of: Dataset,
    private readonly transforms: readonly Transform[],
  ) {
    if (of.targetShape?.length) throw new Error(`${of.name} has masks; these transforms would change its images only`);
    let shape = of.inputShape;
    for (const transform of transforms) shape = transform.outputShape(shape);
    this.inputShape = shape;
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
    // Each transform draws from a stream of its own, so that one more or less does not change the others' numbers.
    this.transforms.forEach((transform, i) => {
      out = transform.apply(out, key && new RandomStream(key.seed, Purpose.augment + i, key.epoch, index));
    });
    return { image: out.data, target };
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
 * Applies transforms one after the other to each image. Random ones draw from (seed, epoch, index), and do their
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

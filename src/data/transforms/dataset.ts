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
  UnreadableError,
} from '../dataset.js';
import { hasMasks } from '../masks.js';
import { Purpose, RandomStream } from '../rng.js';
import type { MaskedImage, Transform } from './types.js';

/** An image on its way through the transforms; the mask where there is one. */
interface State {
  readonly image: Image;
  readonly mask: Image | undefined;
}

/** Another image that is mixed in. */
interface Draw {
  readonly index: number;
  readonly random: RandomStream;
}

/** What is known before a sample is changed: by transform, the other image and its sample. */
interface Mixed {
  readonly index: number;
  readonly key: SampleKey | undefined;
  readonly draws: readonly (Draw | undefined)[];
  readonly others: readonly (Sample | undefined)[];
}

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
    const mixer = transforms.find(({ mix }) => mix);
    if (mixer && !hasMasks(of))
      throw new RangeError(
        `${mixer.spec.name} mixes images that have masks; ${of.name} has class labels: leave ${mixer.spec.name} out`,
      );
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
    const draws = key ? this.draws(index, key) : [];
    const own = this.of.get(index, key);
    const others = draws.map((draw) => draw && this.other(draw.index, key));
    const change = (sample: Sample, found: (Sample | undefined)[]) =>
      this.change(sample, { index, key, draws, others: found });
    if (!(own instanceof Promise) && !others.some((o) => o instanceof Promise))
      return change(own, others as (Sample | undefined)[]);
    return Promise.all([own, Promise.all(others)]).then(([sample, found]) => change(sample, found));
  }

  /** For each transform that mixes here and now: the other image, and the numbers that go on. */
  private draws(index: number, { seed, epoch }: SampleKey): (Draw | undefined)[] {
    const { length } = this;
    return this.transforms.map(({ mix }, i) => {
      if (!mix || length < 2) return undefined;
      const random = new RandomStream(seed, Purpose.augment + i, epoch, index);
      if (!random.chance(mix.p)) return undefined;
      return { index: (index + 1 + random.below(length - 1)) % length, random };
    });
  }

  /** A damaged file is told when its own turn comes: here there is just nothing to mix in. */
  private other(index: number, key?: SampleKey): Sample | undefined | Promise<Sample | undefined> {
    const lenient = (error: unknown): undefined => {
      if (!this.skipUnreadable || !(error instanceof UnreadableError)) throw error;
    };
    try {
      const sample = this.of.get(index, key);
      return sample instanceof Promise ? sample.catch(lenient) : sample;
    } catch (error) {
      return lenient(error);
    }
  }

  private change(sample: Sample, { index, key, draws, others }: Mixed): Sample {
    const stream = (purpose: number) => key && new RandomStream(key.seed, purpose, key.epoch, index);
    let now = this.unpack(sample);
    this.transforms.forEach((transform, i) => {
      now = this.step(now, transform, () => stream(Purpose.augment + i));
      const other = others[i];
      if (!transform.mix || !other || !now.mask) return;
      // The other image comes as far as this one has: through the same transforms with numbers of its own, but unmixed.
      let theirs = this.unpack(other);
      for (const [k, before] of this.transforms.slice(0, i).entries())
        theirs = this.step(theirs, before, () => stream(Purpose.mix + 0x100 * i + k));
      const { image, mask } = now;
      now = transform.mix.mix({ image, mask }, theirs as MaskedImage, draws[i]!.random, this.of.ignoreIndex);
    });
    return { image: now.image.data, target: now.mask ? now.mask.data : sample.target };
  }

  /**
   * One transform of an image and its mask. Each transform draws from a stream of its own, so that one more or less does not
   * change the others' numbers; image and mask get the same one from its start.
   */
  private step({ image, mask }: State, { apply, applyMask }: Transform, random: () => RandomStream | undefined): State {
    // What comes into view from outside counts for nothing where the data can say so, else it is background.
    const outside = this.of.ignoreIndex ?? 0;
    return {
      image: apply(image, random()),
      mask: mask && applyMask !== 'keep' ? applyMask(mask, random(), outside) : mask,
    };
  }

  private unpack({ image, target }: Sample): State {
    return { image: { data: image, shape: this.of.inputShape }, mask: this.maskOf(target) };
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
 * deterministic part (or nothing) when a data set is evaluated. Transforms that mix in a second image take it from the same
 * data set. Throws if the images are too small for one of them, or have no masks to mix.
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

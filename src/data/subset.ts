import {
  checkIndex,
  type DataDescription,
  type Dataset,
  openPortable,
  type PortableDataset,
  pixels,
  portableForm,
  registerKind,
  type Sample,
  type SampleKey,
  type Targets,
  targetSize,
} from './dataset.js';
import { Purpose, permutation } from './rng.js';

/** Some samples of another data set, in an order of their own. */
export class Subset implements Dataset {
  readonly length: number;

  /** `how` says in JSON which samples these are (a seed, a range), for the description. */
  constructor(
    private readonly of: Dataset,
    private readonly indices: Int32Array,
    private readonly how: DataDescription = { kind: 'indices' },
    readonly name = of.name,
  ) {
    this.length = indices.length;
    for (const index of indices) checkIndex(of, index);
  }

  get inputShape() {
    return this.of.inputShape;
  }
  get classes() {
    return this.of.classes;
  }
  get normalize() {
    return this.of.normalize;
  }
  get targetShape() {
    return this.of.targetShape;
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
  get resident() {
    return this.of.resident;
  }

  get(index: number, key?: SampleKey): Sample | Promise<Sample> {
    checkIndex(this, index);
    return this.of.get(this.indices[index]!, key);
  }

  labels(): Int32Array | undefined {
    const all = this.of.labels?.();
    return all && this.indices.map((i) => all[i]!);
  }

  gather(indices: Int32Array, images: Uint8Array, targets: Targets): void {
    const inner = indices.map((i) => {
      checkIndex(this, i);
      return this.indices[i]!;
    });
    this.of.gather!(inner, images, targets);
  }

  describe(): DataDescription {
    return { kind: 'subset', images: this.length, how: this.how, of: this.of.describe() };
  }

  portable(): PortableDataset {
    return { kind: 'subset', name: this.name, how: this.how, indices: this.indices, of: portableForm(this.of) };
  }
}

registerKind(
  'subset',
  async ({ of, indices, how, name }) =>
    new Subset(
      await openPortable(of as PortableDataset),
      indices as Int32Array,
      how as DataDescription,
      name as string,
    ),
  import.meta.url,
);

/** The first `n` samples (all, if there are fewer). */
export function take(dataset: Dataset, n: number): Dataset {
  if (n >= dataset.length) return dataset;
  return new Subset(
    dataset,
    Int32Array.from({ length: n }, (_, i) => i),
    { kind: 'first', n },
  );
}

/** Samples of several data sets of one shape and the same classes, one after the other. Throws if they differ. */
export class Concat implements Dataset {
  readonly length: number;
  private readonly starts: number[] = [];

  constructor(
    private readonly parts: readonly [Dataset, ...Dataset[]],
    readonly name = parts[0].name,
  ) {
    let length = 0;
    for (const part of parts) {
      if (part.inputShape.join() !== this.inputShape.join() || part.classes.join('\n') !== this.classes.join('\n'))
        throw new Error(
          `${part.name} does not continue ${parts[0].name}: their image shapes (${part.inputShape.join(' x ')}, ` +
            `${this.inputShape.join(' x ')}) or classes differ`,
        );
      if (`${part.targetShape} ${part.targetDtype}` !== `${this.targetShape} ${this.targetDtype}`)
        throw new Error(`${part.name} does not continue ${parts[0].name}: only one of them has such masks`);
      this.starts.push(length);
      length += part.length;
    }
    this.length = length;
  }

  get inputShape() {
    return this.parts[0].inputShape;
  }
  get classes() {
    return this.parts[0].classes;
  }
  get normalize() {
    return this.parts[0].normalize;
  }
  get targetShape() {
    return this.parts[0].targetShape;
  }
  get targetDtype() {
    return this.parts[0].targetDtype;
  }
  get ignoreIndex() {
    return this.parts[0].ignoreIndex;
  }
  get skipUnreadable() {
    return this.parts[0].skipUnreadable;
  }
  get resident() {
    return this.parts.every((part) => part.resident);
  }

  private locate(index: number): [Dataset, number] {
    checkIndex(this, index);
    let p = this.parts.length - 1;
    while (this.starts[p]! > index) p--;
    return [this.parts[p]!, index - this.starts[p]!];
  }

  get(index: number, key?: SampleKey): Sample | Promise<Sample> {
    const [part, inner] = this.locate(index);
    return part.get(inner, key);
  }

  labels(): Int32Array | undefined {
    const all = this.parts.map((part) => part.labels?.());
    if (all.some((labels) => !labels)) return undefined;
    return Int32Array.from(all.flatMap((labels) => [...labels!]));
  }

  gather(indices: Int32Array, images: Uint8Array, targets: Targets): void {
    const size = pixels(this.inputShape);
    const perTarget = targetSize(this);
    for (let i = 0; i < indices.length; i++) {
      const [part, inner] = this.locate(indices[i]!);
      part.gather!(
        Int32Array.of(inner),
        images.subarray(i * size, (i + 1) * size),
        targets.subarray(i * perTarget, (i + 1) * perTarget),
      );
    }
  }

  describe(): DataDescription {
    return { kind: 'concat', images: this.length, parts: this.parts.map((part) => part.describe()) };
  }

  portable(): PortableDataset {
    return { kind: 'concat', name: this.name, parts: this.parts.map(portableForm) };
  }
}

registerKind(
  'concat',
  async ({ parts, name }) => {
    const opened = await Promise.all((parts as PortableDataset[]).map(openPortable));
    return new Concat(opened as [Dataset, ...Dataset[]], name as string);
  },
  import.meta.url,
);

/** A training and a validation part of one data set. */
export interface SplitPair {
  readonly train: Dataset;
  readonly valid: Dataset;
}

/**
 * Shuffles by `seed` and takes the last `count` samples as the validation set.
 * Throws if nothing would be left on one side.
 */
export function splitLast(dataset: Dataset, count: number, seed: number): SplitPair {
  if (!Number.isInteger(count) || count < 1 || count >= dataset.length)
    throw new RangeError(`${dataset.name}: cannot take ${count} of ${dataset.length} images for validation`);
  const order = permutation(dataset.length, seed, Purpose.split);
  const cut = dataset.length - count;
  return {
    train: new Subset(dataset, order.slice(0, cut), { kind: 'permuted', seed, from: 0, to: cut }),
    valid: new Subset(dataset, order.slice(cut), { kind: 'permuted', seed, from: cut, to: dataset.length }),
  };
}

/**
 * Takes `fraction` of each class, chosen by `seed`, as the validation set; each class of two images or more gives at
 * least one and keeps at least one. Throws a RangeError if the fraction is not between 0 and 1, an Error if the data set does not know its labels
 * or is too small to split.
 */
export function splitFraction(dataset: Dataset, fraction: number, seed: number): SplitPair {
  if (!(fraction > 0 && fraction < 1))
    throw new RangeError(`the validation fraction is ${fraction}; expected a number between 0 and 1`);
  const labels = dataset.labels?.();
  if (!labels) throw new Error(`${dataset.name} does not know its classes without decoding its images`);
  const groups = new Map<number, number[]>();
  for (const index of permutation(dataset.length, seed, Purpose.split)) {
    const label = labels[index]!;
    const group = groups.get(label);
    if (group) group.push(index);
    else groups.set(label, [index]);
  }
  const sides: { train: number[]; valid: number[] } = { train: [], valid: [] };
  for (const group of groups.values()) {
    const wanted = Math.min(Math.max(Math.round(group.length * fraction), 1), group.length - 1);
    sides.valid.push(...group.slice(0, wanted));
    sides.train.push(...group.slice(wanted));
  }
  if (sides.valid.length === 0)
    throw new Error(`${dataset.name} is too small to split: no class has two images; give a validation set`);
  const part = (side: 'train' | 'valid') =>
    new Subset(dataset, Int32Array.from(sides[side]).sort(), { kind: 'fraction', fraction, seed, side });
  return { train: part('train'), valid: part('valid') };
}

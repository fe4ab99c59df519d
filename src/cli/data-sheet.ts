import type { Dataset, Image, Sample } from '../data/dataset.js';
import { hasMasks } from '../data/masks.js';
import type { OpenedData } from '../data/open.js';
import { Purpose, permutation } from '../data/rng.js';
import { type AugmentRow, augmentSheet, type Masked } from '../report/augmentSheet.js';
import { describeSpec } from './spec.js';

export interface SheetOptions {
  /** Images of the sheet. */
  readonly samples: number;
  readonly seed: number;
  /** Words of the augmentation, for the title. */
  readonly augment?: readonly unknown[];
}

/** Augmented versions of each image. */
const COPIES = 4;

/**
 * A PNG with images of the training set, chosen by seed, their masks and what augmentation makes of them in the first
 * epochs of a run with that seed.
 */
export async function dataSheet(data: OpenedData, { samples, seed, augment }: SheetOptions): Promise<Uint8Array> {
  const { train } = data;
  const rows: AugmentRow[] = [];
  for (const index of permutation(train.length, seed, Purpose.split + 2)
    .slice(0, samples)
    .sort()) {
    const plain = await read(train, index);
    const augmented: Masked[] = [];
    for (let epoch = 0; augment?.length && epoch < COPIES; epoch++)
      augmented.push(masked(train, await train.get(index, { seed, epoch })));
    const name = typeof plain.target === 'number' ? `, ${train.classes[plain.target] ?? plain.target}` : '';
    rows.push({ label: `image ${index}${name}`, plain: masked(train, plain), augmented });
  }
  const [channels, height, width] = data.inputShape;
  const how = augment?.length ? augment.map((a) => describeSpec(a)).join(', ') : 'none';
  return augmentSheet(rows, {
    title: data.name,
    subtitle: `${train.length} training images of ${channels} x ${height} x ${width}; augmentation: ${how}; seed ${seed}`,
    classes: train.classes,
    ignoreIndex: train.ignoreIndex,
  });
}

const read = async (dataset: Dataset, index: number): Promise<Sample> => dataset.get(index);

function masked(dataset: Dataset, { image, target }: Sample): Masked {
  const shown: Image = { data: image, shape: dataset.inputShape };
  return hasMasks(dataset) && target instanceof Uint8Array ? { image: shown, mask: target } : { image: shown };
}

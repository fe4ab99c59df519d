import { checkNumber } from '../util/check.js';
import type { Dataset } from './dataset.js';
import { Purpose, permutation } from './rng.js';
import { Subset } from './subset.js';

/** One of the folds of a cross-validation: `index` of 1..`of` is for validation, the others train. */
export interface Fold {
  readonly index: number;
  readonly of: number;
}

/** How {@link splitDataset} splits. */
export interface SplitOptions {
  readonly seed?: number;
  /** Part of all images for validation. Default 0.2; 0 for none. */
  readonly valid?: number;
  /** Part of all images for the test set. Default 0. */
  readonly test?: number;
  /** Instead of a fraction: this fold of what is not in the test set. */
  readonly fold?: Fold;
}

/** A data set in parts. */
export interface Split {
  readonly train: Dataset;
  readonly valid?: Dataset;
  readonly test?: Dataset;
  /** All but the test set, in the order of the data set. */
  readonly all: Dataset;
}

/** `{ index, of }` from `2/5` or from itself. Throws one sentence if it is no fold. */
export function parseFold(given: string | Fold): Fold {
  const match = typeof given === 'string' ? /^\s*(\d+)\s*(?:\/|of)\s*(\d+)\s*$/.exec(given) : undefined;
  const fold = typeof given === 'string' ? { index: Number(match?.[1]), of: Number(match?.[2]) } : given;
  if (
    !Number.isInteger(fold.of) ||
    fold.of < 2 ||
    !Number.isInteger(fold.index) ||
    fold.index < 1 ||
    fold.index > fold.of
  )
    throw new RangeError(
      `the fold is ${typeof given === 'string' ? `"${given}"` : `${given.index} of ${given.of}`}; expected for example ` +
        '2/5, the second of five',
    );
  return fold;
}

/**
 * Splits at random, by seed: the same seed puts the same images aside whatever is trained on them. The order within each
 * part is that of the data set. Fold 1 of 5 is the validation part of `valid: 0.2`; the folds of one seed do not overlap and
 * together are everything but the test set.
 *
 *     const { train, valid } = splitDataset(photos, { valid: 0.2, seed: 1 });
 *     const second = splitDataset(photos, { fold: { index: 2, of: 5 }, seed: 1 });
 *
 * Throws a RangeError for fractions that are none or leave nothing to train on.
 */
export function splitDataset(dataset: Dataset, options: SplitOptions = {}): Split {
  const { seed = 0, valid = 0.2, test = 0, fold } = options;
  const n = dataset.length;
  const limits = { min: 0, below: 1 };
  checkNumber('the validation fraction', valid, limits);
  checkNumber('the test fraction', test, limits);
  const share = (fraction: number) => (fraction === 0 ? 0 : Math.max(1, Math.round(fraction * n)));
  const order = permutation(n, seed, Purpose.split);
  // The test set is taken from the end, so that it is the same for every fold and every validation fraction.
  const rest = n - share(test);
  let from = 0;
  let to = share(valid);
  if (fold) {
    parseFold(fold);
    from = Math.round(((fold.index - 1) * rest) / fold.of);
    to = Math.round((fold.index * rest) / fold.of);
    if (to === from || rest === 0)
      throw new RangeError(`${dataset.name}: ${rest} images are too few for ${fold.of} folds`);
  }
  if (rest - (to - from) < 1)
    throw new RangeError(
      `${dataset.name}: of ${n} images ${to - from} for validation and ${n - rest} for the test set leave none to train on`,
    );
  const how = { kind: 'split', seed, ...(fold ? { fold: `${fold.index}/${fold.of}` } : { valid }), test };
  const part = (side: string, indices: readonly number[]) =>
    new Subset(dataset, Int32Array.from(indices).sort(), { ...how, side });
  const inFold = [...order.subarray(from, to)];
  return {
    train: part('train', [...order.subarray(0, from), ...order.subarray(to, rest)]),
    ...(to > from ? { valid: part('valid', inFold) } : {}),
    ...(rest < n ? { test: part('test', [...order.subarray(rest)]) } : {}),
    all: rest < n ? part('all', [...order.subarray(0, rest)]) : dataset,
  };
}

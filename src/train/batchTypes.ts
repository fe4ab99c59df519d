import type { Dataset } from '../data/dataset.js';
import type { DataLoader } from '../data/loader.js';
import type { BatchType } from './step.js';

/** The type of a batch of so many images of a data set. */
export const batchType = (
  { inputShape, targetShape = [], targetDtype = 'int32' }: Dataset,
  size: number,
): BatchType => ({
  image: { shape: [size, ...inputShape], dtype: 'uint8' },
  target: { shape: [size, ...targetShape], dtype: targetDtype },
});

/** The types of batches that a loader gives, if every image can be read: full ones, and a smaller last one. */
export function batchTypes(
  dataset: Dataset,
  { batchSize, batchesPerEpoch }: DataLoader,
): readonly [BatchType, ...BatchType[]] {
  const { length } = dataset;
  const of = (size: number) => batchType(dataset, size);
  const rest = length - (batchesPerEpoch - 1) * batchSize;
  return batchesPerEpoch > 1 && rest < batchSize ? [of(batchSize), of(rest)] : [of(Math.min(batchSize, length))];
}

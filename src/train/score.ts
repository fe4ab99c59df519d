import type { Dataset } from '../data/dataset.js';
import { hasMasks } from '../data/masks.js';
import { bceWithLogits } from '../losses/elementwise.js';
import { sum } from '../losses/loss.js';
import { dice } from '../losses/overlap.js';
import { iou } from '../metrics/scores.js';
import type { Module } from '../nn/module.js';
import type { TrainerOptions } from './options.js';
import { Trainer } from './trainer.js';

/** Side of the images on which {@link segmentationScore} is measured, and images in a batch. */
export const SCORE_SIDE = 128;
const SCORE_BATCH = 16;

export interface SegmentationScore {
  /** Mean BCE-with-logits plus Dice loss, both of weight 1; lower is better. */
  readonly score: number;
  /** Of the foreground, over all pixels of the set. */
  readonly iou: number;
  readonly images: number;
}

/**
 * One fixed number for networks that cut out a foreground, so that figures of different runs compare whatever they were
 * trained with: mean BCE-with-logits plus Dice loss (sums over the whole batch, smooth 0, eps 1e-7), on images of
 * 128 x 128, in batches of 16 in the order of the data set, weighted by images. No test-time augmentation, no ensemble.
 *
 * @param dataset opened with `size: 128` and `fit: 'fill'`: masks resized to nearest and cut at 128
 * @throws Error, one sentence, if the images are of another size or the data has no binary masks
 */
export async function segmentationScore(
  net: Module,
  dataset: Dataset,
  { backend, exact }: Pick<TrainerOptions, 'backend' | 'exact'> = {},
): Promise<SegmentationScore> {
  const [, height, width] = dataset.inputShape;
  if (!hasMasks(dataset) || dataset.classes.length !== 2)
    throw new Error(`the score is for binary masks; ${dataset.name} has the classes ${dataset.classes.join(', ')}`);
  if (height !== SCORE_SIDE || width !== SCORE_SIDE)
    throw new Error(
      `the score is measured on images of 128 x 128, ${dataset.name} was opened with ${height} x ${width}`,
    );
  const loss = sum(bceWithLogits(), dice({ smooth: 0, eps: 1e-7 }));
  const trainer = new Trainer(net, { loss, metrics: [iou()], backend, exact, normalize: dataset.normalize });
  try {
    const found = await trainer.evaluate(dataset, { batchSize: SCORE_BATCH });
    return { score: found.loss, iou: found.iou as number, images: dataset.length };
  } finally {
    await trainer.dispose();
  }
}

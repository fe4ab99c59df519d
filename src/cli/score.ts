import type { Dataset } from '../data/dataset.js';
import { hasMasks } from '../data/masks.js';
import type { Module } from '../nn/module.js';
import type { RunConfig } from '../train/config.js';
import type { TrainerOptions } from '../train/options.js';
import { SCORE_SIDE, type SegmentationScore, segmentationScore } from '../train/score.js';

/**
 * The score of a run on a data set, or undefined where it is none for binary masks of one channel.
 * @param stretched photos were brought to their size without cutting or padding
 * @param reopen opens the same images at another size
 */
export async function scoreOf(
  config: RunConfig,
  net: Module,
  dataset: Dataset,
  device: Pick<TrainerOptions, 'backend' | 'exact'>,
  stretched: boolean,
  reopen: (side: number) => Promise<Dataset>,
): Promise<SegmentationScore | undefined> {
  const outputs = config.model?.options?.classes;
  if (!hasMasks(dataset) || config.classes.length !== 2 || outputs !== 1) return undefined;
  const [, height, width] = dataset.inputShape;
  const fits = stretched && height === SCORE_SIDE && width === SCORE_SIDE;
  return segmentationScore(net, fits ? dataset : await reopen(SCORE_SIDE), device);
}

/** How a mask of probabilities, cut at a threshold, lies over the truth. */
export interface Overlap {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  /** TP / (TP + FP + FN); 1 where there is nothing and nothing was found. */
  readonly iou: number;
  /** 2 TP / (2 TP + FP + FN) */
  readonly dice: number;
}

export function overlap(values: ArrayLike<number>, truth: ArrayLike<number>, threshold: number): Overlap {
  let [tp, fp, fn] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const found = values[i]! > threshold;
    if (truth[i]! > 0) found ? tp++ : fn++;
    else if (found) fp++;
  }
  const any = tp + fp + fn;
  return { tp, fp, fn, iou: any === 0 ? 1 : tp / any, dice: any === 0 ? 1 : (2 * tp) / (any + tp) };
}

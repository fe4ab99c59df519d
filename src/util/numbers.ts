/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Which of `count` values, the first at `from` and each `step` after the one before, is the largest: the first of equals. */
export function argmax(values: ArrayLike<number>, from = 0, count = values.length - from, step = 1): number {
  let best = 0;
  for (let k = 1; k < count; k++) if (values[from + k * step]! > values[from + best * step]!) best = k;
  return best;
}

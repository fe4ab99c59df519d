/** The `q`-quantile of some numbers, by linear interpolation. */
export function quantile(list, q) {
  const sorted = [...list].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/** Median, least and spread (half the distance between the quartiles as a share of the median) of step times. */
export function summary(ms) {
  const medianMs = quantile(ms, 0.5);
  return {
    medianMs,
    minMs: Math.min(...ms),
    spread: (quantile(ms, 0.75) - quantile(ms, 0.25)) / 2 / medianMs,
    steps: ms.length,
  };
}

/**
 * How far a peer's numbers are from ours on the same weights and images: the relative L2 distance of the outputs, or
 * the largest relative difference of the losses.
 */
export function difference(theirs, ours) {
  if (ours.losses) {
    checkCount(theirs.losses, ours.losses);
    return Math.max(...ours.losses.map((loss, i) => Math.abs(theirs.losses[i] - loss) / Math.abs(loss)));
  }
  checkCount(theirs.outputs, ours.outputs);
  const square = (list) => list.reduce((sum, v) => sum + v * v, 0);
  return Math.sqrt(square(theirs.outputs.map((v, i) => v - ours.outputs[i])) / square(ours.outputs));
}

function checkCount(theirs, ours) {
  if (theirs?.length !== ours.length)
    throw new Error(`its check has ${theirs?.length ?? 'no'} numbers, ours ${ours.length}`);
}

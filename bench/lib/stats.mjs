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
 * How far a peer's numbers are from ours on the same weights and images.
 * - inference: `value`, the relative L2 distance of the outputs
 * - training: `value`, the relative difference of the first loss; `step`, how much the step changes the loss in
 *   comparison with ours (relative). Gradients of a new, deep network with batch norm are differences of nearly equal
 *   numbers: for GoogLeNet, PyTorch's own float32 runs (threads, memory formats) differ by some percent here.
 */
export function difference(theirs, ours) {
  if (ours.losses) {
    checkCount(theirs.losses, ours.losses);
    const [a, b] = [theirs.losses, ours.losses];
    const change = Math.max(Math.abs(b[1] - b[0]), 1e-4 * Math.abs(b[0]));
    return { value: Math.abs(a[0] - b[0]) / Math.abs(b[0]), step: Math.abs(a[1] - a[0] - (b[1] - b[0])) / change };
  }
  checkCount(theirs.outputs, ours.outputs);
  const square = (list) => list.reduce((sum, v) => sum + v * v, 0);
  return { value: Math.sqrt(square(theirs.outputs.map((v, i) => v - ours.outputs[i])) / square(ours.outputs)) };
}

/** Whether that is another network, or another loss, and not another order of summation. NaN is. */
export const tooDifferent = ({ value, step = 0 }) => !(value <= 1e-4 && step <= 0.1);

function checkCount(theirs, ours) {
  if (theirs?.length !== ours.length)
    throw new Error(`its check has ${theirs?.length ?? 'no'} numbers, ours ${ours.length}`);
}

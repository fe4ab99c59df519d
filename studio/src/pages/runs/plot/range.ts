import type { Line } from './line.js';
import { extent } from './thin.js';

/**
 * Values from where to where a chart shows, of the lines between `x0` and `x1`, with a margin. Faint lines count without
 * their outermost hundredths: a single bad batch is no reason to flatten the curve.
 */
export function valueRange(lines: readonly Line[], x0: number, x1: number, log: boolean): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const line of lines) {
    const found = extent(line.x, line.y, x0, x1, line.faint ? 0.01 : 0, log ? 0 : -Infinity);
    if (!found) continue;
    low = Math.min(low, found[0]);
    high = Math.max(high, log || line.faint ? found[1] : settledHigh(line, x0, x1, found[1]));
  }
  if (low > high) return log ? [0.1, 1] : [0, 1];
  if (log) {
    const margin = Math.max(1.03, (high / low) ** 0.05);
    return [low / margin, high * margin];
  }
  const margin = high > low ? (high - low) * 0.06 : Math.abs(high) * 0.1 || 0.5;
  // Nothing here is negative unless it is measured so: zero is a floor to stand on.
  return [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
}

/** Points that a line must have for its beginning to be judged by the rest. */
const LONG = 40;

/**
 * The highest value, without the beginning (a twentieth) of a long line where that is more than twice as high as all that
 * follows: the validation loss of the first epochs, before batch norm's averages have settled, would flatten the curve.
 */
function settledHigh({ x, y }: Line, x0: number, x1: number, high: number): number {
  if (x.length < LONG) return high;
  const later = extent(x, y, Math.max(x0, x[Math.ceil(x.length / 20)]!), x1);
  return later && high > 2 * later[1] ? later[1] : high;
}

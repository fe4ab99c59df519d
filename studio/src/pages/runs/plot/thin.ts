/** Numbers in order: an array or a typed one. */
export type Numbers = ArrayLike<number>;

/** First index whose value is not below `value`; `x` rises. */
export function lowerBound(x: Numbers, value: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (x[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the value next to `value`; -1 if there is none. */
export function nearest(x: Numbers, value: number): number {
  const at = lowerBound(x, value);
  if (at === 0) return x.length > 0 ? 0 : -1;
  if (at === x.length) return at - 1;
  return value - x[at - 1]! <= x[at]! - value ? at - 1 : at;
}

/** Indices [from, to) of the points to draw between `x0` and `x1`: also the neighbours outside, which lines lead to. */
export function visible(x: Numbers, x0: number, x1: number): [from: number, to: number] {
  return [Math.max(0, lowerBound(x, x0) - 1), Math.min(x.length, lowerBound(x, x1) + 1)];
}

/**
 * Reduces points to what can be told apart in columns `column` wide: of each its first, lowest, highest and last point, in
 * order, so that a line through them covers the same pixels. Writes their indices to `out`, which holds 4 a column, and gives
 * their number. Values that are no numbers are kept as one gap a column.
 */
export function thin(x: Numbers, y: Numbers, from: number, to: number, column: number, out: Int32Array): number {
  let count = 0;
  let at = from;
  while (at < to) {
    // Columns are counted from 0, not from the first visible point: panning must not make lines flicker.
    const bucket = Math.floor(x[at]! / column);
    const first = at;
    let low = -1;
    let high = -1;
    let gap = -1;
    for (; at < to && Math.floor(x[at]! / column) === bucket; at++) {
      const value = y[at]!;
      if (!Number.isFinite(value)) gap = at;
      else {
        if (low < 0 || value < y[low]!) low = at;
        if (high < 0 || value > y[high]!) high = at;
      }
    }
    if (at - first <= 4) for (let i = first; i < at; i++) out[count++] = i;
    else if (low < 0) out[count++] = gap;
    else {
      const a = Math.min(low, high);
      const b = Math.max(low, high);
      if (first < a) out[count++] = first;
      out[count++] = a;
      if (b > a) out[count++] = b;
      if (at - 1 > b) out[count++] = at - 1;
    }
  }
  return count;
}

/**
 * Lowest and highest value between `x0` and `x1`; undefined if there is none. With `trim` the outermost shares of at most
 * 512 evenly chosen values are left out, so that single spikes do not flatten the rest.
 */
export function extent(
  x: Numbers,
  y: Numbers,
  x0: number,
  x1: number,
  trim = 0,
  least = -Infinity,
): [low: number, high: number] | undefined {
  const from = lowerBound(x, x0);
  let to = lowerBound(x, x1);
  if (to < x.length && x[to]! === x1) to++;
  if (trim > 0) {
    const stride = Math.max(1, Math.ceil((to - from) / 512));
    const values: number[] = [];
    for (let i = from; i < to; i += stride) if (Number.isFinite(y[i]!) && y[i]! > least) values.push(y[i]!);
    if (values.length === 0) return undefined;
    values.sort((a, b) => a - b);
    const cut = Math.floor(values.length * trim);
    return [values[cut]!, values[values.length - 1 - cut]!];
  }
  let low = Infinity;
  let high = -Infinity;
  for (let i = from; i < to; i++) {
    const value = y[i]!;
    if (!Number.isFinite(value) || value <= least) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : undefined;
}

/**
 * Moving average with exponentially falling weights, `weight` (0 to below 1) for what came before; the first values are not
 * drawn towards 0. Values that are no numbers stay gaps and count for nothing.
 */
export function smooth(y: Numbers, weight: number): Float64Array {
  const out = new Float64Array(y.length);
  let sum = 0;
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    const value = y[i]!;
    if (!Number.isFinite(value)) {
      out[i] = Number.NaN;
      continue;
    }
    sum = weight * sum + (1 - weight) * value;
    total = weight * total + (1 - weight);
    out[i] = sum / total;
  }
  return out;
}

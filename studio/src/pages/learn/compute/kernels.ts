import { makePlane, type Plane } from './ops.js';

export type KernelSize = 3 | 5;

/** The outer product of a column and a row. */
const product = (column: readonly number[], row: readonly number[], scale = 1): Plane =>
  makePlane(column.length, row.length, (y, x) => column[y]! * row[x]! * scale);

const SMOOTH = { 3: [1, 2, 1], 5: [1, 4, 6, 4, 1] } as const;
const SLOPE = { 3: [-1, 0, 1], 5: [-1, -2, 0, 2, 1] } as const;
const sum = (values: readonly number[]) => values.reduce((a, b) => a + Math.abs(b), 0);

/** Kernels that people know, in both sizes. */
export const KERNELS = {
  /** Answers where it gets lighter to the right. */
  vertical: (size: KernelSize) => product(SMOOTH[size], SLOPE[size], 2 / (sum(SMOOTH[size]) * sum(SLOPE[size]))),
  /** Answers where it gets lighter downwards. */
  horizontal: (size: KernelSize) => product(SLOPE[size], SMOOTH[size], 2 / (sum(SMOOTH[size]) * sum(SLOPE[size]))),
  /** The mean of the window. */
  blur: (size: KernelSize) => makePlane(size, size, () => 1 / (size * size)),
  /** The middle, and what it has more than its surroundings. */
  sharpen: (size: KernelSize) => {
    const around = product(SMOOTH[size], SMOOTH[size], 1 / sum(SMOOTH[size]) ** 2);
    const middle = (size * size - 1) / 2;
    return { ...around, data: around.data.map((v, i) => (i === middle ? 2 - v : -v)) };
  },
} as const;
export type KernelName = keyof typeof KERNELS;

/** The one kernel that does what `first` and then `second` do, if nothing stands between them. */
export function composed(first: Plane, second: Plane): Plane {
  const [height, width] = [first.height + second.height - 1, first.width + second.width - 1];
  const data = new Float32Array(height * width);
  for (let y = 0; y < second.height; y++)
    for (let x = 0; x < second.width; x++)
      for (let v = 0; v < first.height; v++)
        for (let u = 0; u < first.width; u++)
          data[(y + v) * width + x + u]! += second.data[y * second.width + x]! * first.data[v * first.width + u]!;
  return { height, width, data };
}

/** A number as people write small ones: at most two decimals, no needless zeros. */
export const brief = (v: number): string => String(Math.round(v * 100) / 100 || 0).replace(/^(-?)0\./, '$1.');

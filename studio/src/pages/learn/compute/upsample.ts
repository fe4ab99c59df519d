import { RandomStream } from '../../../../../src/data/rng.js';
import { convolveTransposed, makePlane, type Plane, resize } from './ops.js';

export type Way = 'two' | 'three' | 'four' | 'bilinear';
export type Weights = 'equal' | 'tent' | 'random';

/** Side and padding of the kernels; all go with stride 2. */
const SHAPES = { two: [2, 0], three: [3, 1], four: [4, 1] } as const;
const TENT = { two: [1, 1], three: [1, 2, 1], four: [1, 3, 3, 1] } as const;

/** A kernel for transposed convolution whose weights sum to 4: doubling both sides keeps the mean. */
export function upKernel(way: Exclude<Way, 'bilinear'>, weights: Weights, seed: number): Plane {
  const [side] = SHAPES[way];
  const random = new RandomStream(seed, 0, 0, 0);
  const tent = TENT[way];
  const raw = makePlane(side, side, (y, x) => {
    if (weights === 'equal') return 1;
    return weights === 'tent' ? tent[y]! * tent[x]! : random.between(0, 1);
  });
  const sum = raw.data.reduce((a, b) => a + b, 0);
  return { ...raw, data: raw.data.map((v) => (4 * v) / sum) };
}

/** A map of twice the size. */
export function doubled(map: Plane, way: Way, kernel: Plane | undefined): Plane {
  if (way === 'bilinear' || !kernel) return resize(map, 2 * map.height, 2 * map.width, 'bilinear');
  return convolveTransposed(map, kernel, { stride: 2, padding: SHAPES[way][1] });
}

/** How many values of the small map reach each place of the large one. */
export function reach(side: number, way: Exclude<Way, 'bilinear'>): Plane {
  const [kernel, padding] = SHAPES[way];
  const one = (n: number) => makePlane(n, n, () => 1);
  return convolveTransposed(one(side), one(kernel), { stride: 2, padding });
}

/** What doubling makes of a flat map of ones, away from the border: its least and largest value. */
export function ripple(way: Way, kernel: Plane | undefined): readonly [low: number, high: number] {
  const flat = doubled(
    makePlane(8, 8, () => 1),
    way,
    kernel,
  );
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let y = 4; y < flat.height - 4; y++)
    for (let x = 4; x < flat.width - 4; x++) {
      const v = flat.data[y * flat.width + x]!;
      [low, high] = [Math.min(low, v), Math.max(high, v)];
    }
  return [low, high];
}

import { difference, meanAbsolute, type Plane, type PoolKind, pool } from './ops.js';

/** Poolings that are shown at most. */
export const LEVELS = 4;

/** A picture and what is left of it behind one, two, ... poolings. */
export function levels(picture: Plane, kind: PoolKind, count = LEVELS): Plane[] {
  const out = [picture];
  for (let i = 0; i < count; i++) out.push(pool(out.at(-1)!, kind));
  return out;
}

/** How much of each level changes when the picture moves: mean difference over mean value, so that levels compare. */
export function changes(before: readonly Plane[], after: readonly Plane[]): number[] {
  return before.map((plane, i) => {
    const size = meanAbsolute(plane);
    return size === 0 ? 0 : meanAbsolute(difference(after[i]!, plane)) / size;
  });
}

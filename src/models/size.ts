import { checkNumber } from '../util/check.js';

/** A layer's channels in a network of `width` times the paper's, at least one. */
export const scaled = (channels: number, width: number): number => Math.max(1, Math.round(channels * width));

/** Gives back `width` (default 1) if it is a number above 0. */
export const checkWidth = (what: string, width: unknown = 1): number =>
  checkNumber(`${what}: width`, width, { above: 0 });

/** Whether a square image with this side gets through a network's pooling layers. */
export type SideRule = (side: number) => boolean;

/** The least side that `works` holds for. */
export function smallestSide(works: SideRule): number {
  for (let side = 1; side < 1 << 20; side++) if (works(side)) return side;
  throw new RangeError('no image is large enough for this network: take fewer pooling layers');
}

/**
 * Throws one sentence that says the smallest image that works, unless `height` and `width` do.
 * @param why what the image is too small for: "5 pooling layers"
 */
export function checkImage(what: string, height: number, width: number, works: SideRule, why: string): void {
  if (works(height) && works(width)) return;
  const least = smallestSide(works);
  throw new RangeError(
    `${what}: images of ${height}x${width} are too small for ${why}, the smallest that works is ${least}x${least}: resize or pad them`,
  );
}

/** What a network said of one image. */
export interface Verdict {
  /** True class; undefined if it is not known. */
  readonly truth: number | undefined;
  readonly predicted: number;
  /** Of the predicted class, 0..1. */
  readonly probability: number;
}

/** An image with what was said of it, ready to be shown. */
export interface Sample extends Verdict {
  /** Row-major [C, H, W], 0..255; one channel is grey, three are RGB. */
  readonly image: Uint8Array;
  readonly shape: readonly [number, number, number];
  /** Its number in the data set. */
  readonly index: number;
}

export const isWrong = (v: Verdict): boolean => v.truth !== undefined && v.truth !== v.predicted;

/**
 * Which images to show: up to half of them mistakes, the surest first since they teach most, then right answers spread
 * evenly over the set. Depends on the verdicts only.
 * @returns positions in `verdicts`
 */
export function chooseSamples(verdicts: readonly Verdict[], count: number): number[] {
  const wrong: number[] = [];
  const right: number[] = [];
  for (const [i, v] of verdicts.entries()) (isWrong(v) ? wrong : right).push(i);
  wrong.sort((a, b) => verdicts[b]!.probability - verdicts[a]!.probability || a - b);
  const rights = Math.min(right.length, count - Math.min(wrong.length, Math.floor(count / 2)));
  const chosen = wrong.slice(0, count - rights);
  for (let k = 0; k < rights; k++) chosen.push(right[Math.floor((k * right.length) / rights)]!);
  return chosen;
}

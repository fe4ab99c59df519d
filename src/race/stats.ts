import { Purpose, RandomStream } from '../data/rng.js';

/** A difference of means and what is known about it. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Sample standard deviation. */
export function deviation(values: readonly number[]): number {
  const m = mean(values);
  return Math.sqrt(values.reduce((s, v) => s + (v - m) ** 2, 0) / (values.length - 1));
}

/**
 * Where the mean of `values` lies by the bootstrap over them (percentiles of resampled means; Efron 1979). Given
 * differences of two contestants on the same images, it says what another draw of images would have changed. The same
 * values give the same interval.
 *
 * @param level of confidence, 0 to 1
 */
export function bootstrap(values: readonly number[], level = 0.95, resamples = 2000): Interval {
  const random = new RandomStream(values.length, Purpose.generate);
  const n = values.length;
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[random.below(n)]!;
    return sum / n;
  }).sort((a, b) => a - b);
  const at = (q: number) => means[Math.min(resamples - 1, Math.max(0, Math.round(q * (resamples - 1))))]!;
  return { mean: mean(values), low: at((1 - level) / 2), high: at((1 + level) / 2) };
}

/** Student's interval for the mean of a few values, such as the paired differences over seeds. Needs at least two. */
export function studentInterval(values: readonly number[], level = 0.95): Interval {
  const m = mean(values);
  const half = (studentQuantile((1 + level) / 2, values.length - 1) * deviation(values)) / Math.sqrt(values.length);
  return { mean: m, low: m - half, high: m + half };
}

/** Quantiles that were asked for before: charts ask for the same one at every point. */
const quantiles = new Map<string, number>();

/** Quantile of Student's t distribution, for p above a half: bisection on its numerically integrated density. */
export function studentQuantile(p: number, degrees: number): number {
  const key = `${p} ${degrees}`;
  const known = quantiles.get(key) ?? computeQuantile(p, degrees);
  quantiles.set(key, known);
  return known;
}

function computeQuantile(p: number, degrees: number): number {
  // With t = sqrt(n) tan u the distribution function is the integral of cos^(n-1), which is smooth and bounded.
  const power = (u: number) => Math.cos(u) ** (degrees - 1);
  const integral = (to: number) => {
    const steps = 2000;
    const h = to / steps;
    let sum = power(0) + power(to);
    for (let i = 1; i < steps; i++) sum += (i % 2 ? 4 : 2) * power(i * h);
    return (sum * h) / 3;
  };
  const whole = 2 * integral(Math.PI / 2);
  let [low, high] = [0, Math.PI / 2];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (0.5 + integral(middle) / whole < p) low = middle;
    else high = middle;
  }
  return Math.sqrt(degrees) * Math.tan(low);
}

/** What two contestants have in common: seeds and images. Scores are from 0 to 1; NaN where an image says nothing. */
export interface Comparison {
  readonly better: string;
  readonly worse: string;
  /** Of the mean score, for each seed. */
  readonly bySeed: readonly number[];
  /** What another draw of test images would have changed. */
  readonly overImages: Interval;
  /** What other seeds would have changed; from three seeds on. */
  readonly overSeeds?: Interval;
  readonly verdict: 'better' | 'probably better' | 'undecided';
}

/** Scores of a contestant: for each seed the score of each image. */
export interface Scored {
  readonly name: string;
  readonly scores: readonly (readonly number[])[];
  /** The images of each seed are others (a split by the seed). Default false. */
  readonly otherImages?: boolean;
}

/** Mean of what is a number. */
export const meanScore = (scores: readonly number[]): number => mean(scores.filter((s) => !Number.isNaN(s)));

/**
 * Compares the best contestant with each other, paired by seed and by image. The level of confidence is 95 % for all
 * comparisons together (Bonferroni): with many contestants one of them looks good by luck.
 */
export function compareWithBest(all: readonly Scored[]): Comparison[] {
  const total = (s: Scored) => mean(s.scores.map(meanScore));
  const [best, ...others] = [...all].sort((a, b) => total(b) - total(a));
  if (!best) return [];
  return others.map((other) => compare(best, other, 1 - 0.05 / others.length));
}

function compare(better: Scored, worse: Scored, level: number): Comparison {
  const seeds = Math.min(better.scores.length, worse.scores.length);
  const perSeed = Array.from({ length: seeds }, (_, s) =>
    better.scores[s]!.map((score, i) => score - worse.scores[s]![i]!),
  );
  // What one image says with several seeds is not independent: such differences are averaged before images are drawn.
  const byImage = better.otherImages
    ? perSeed.flat().filter((d) => !Number.isNaN(d))
    : perSeed[0]!.map((_, i) => meanScore(perSeed.map((d) => d[i]!))).filter((d) => !Number.isNaN(d));
  const bySeed = Array.from({ length: seeds }, (_, s) => meanScore(better.scores[s]!) - meanScore(worse.scores[s]!));
  const overImages = bootstrap(byImage, level);
  const overSeeds = seeds >= 3 ? studentInterval(bySeed, level) : undefined;
  const sure = (i: Interval | undefined) => i !== undefined && i.low > 0;
  const verdict =
    sure(overImages) && sure(overSeeds)
      ? 'better'
      : sure(overImages) && seeds === 2 && bySeed.every((d) => d > 0)
        ? 'probably better'
        : 'undecided';
  return {
    ...{ better: better.name, worse: worse.name, bySeed, overImages, verdict },
    ...(overSeeds ? { overSeeds } : {}),
  };
}

/** What can and what cannot be concluded, in plain sentences. */
export function conclusions(
  comparisons: readonly Comparison[],
  measure: string,
  images: number,
  seeds: number,
): string[] {
  const points = (d: number) => `${d >= 0 ? '+' : '-'}${Math.abs(100 * d).toFixed(2)}`;
  const interval = (i: Interval) => `${points(i.low)} to ${points(i.high)}`;
  const sentences = comparisons.map(({ better, worse, bySeed, overImages, overSeeds, verdict }) => {
    const difference = `${points(mean(bySeed))} points of ${measure}`;
    const evidence = `over the ${images} images ${interval(overImages)}${overSeeds ? `, over seeds ${interval(overSeeds)}` : seeds > 1 ? `, by seed ${bySeed.map(points).join(' and ')}` : ''}`;
    if (verdict === 'better') return `${better} is better than ${worse}: ${difference} (${evidence}).`;
    if (verdict === 'probably better')
      return `${better} is probably better than ${worse}: ${difference} (${evidence}), with both seeds.`;
    const why =
      overImages.low <= 0
        ? 'other images of the same kind could turn it round'
        : seeds === 1
          ? 'one seed does not tell a network from the luck of its first weights'
          : 'the seeds differ as much as the contestants';
    return `Whether ${better} is better than ${worse} cannot be said: ${difference} (${evidence}), but ${why}.`;
  });
  if (seeds < 3)
    sentences.push(
      `${seeds === 1 ? 'One seed is' : 'Two seeds are'} too few to say what other seeds would give: run it with --seeds 5 to know.`,
    );
  if (comparisons.length > 1)
    sentences.push(
      `The intervals hold together at 95 % for all ${comparisons.length} comparisons; they are about this training budget and this data, not about the networks trained to the end.`,
    );
  return sentences;
}

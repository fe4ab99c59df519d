import { checkBoolean, checkNumber } from '../util/check.js';
import { checkCount, pureScheduler } from './scheduler.js';

/** The group's own rate throughout. */
export const constant = pureScheduler<Record<never, never>>('constant', 'epoch', [], () => () => ({
  lr: (_t, base) => base,
}));

export interface StepOptions {
  /** Units between two reductions. */
  readonly stepSize: number;
  /** Default 0.1. */
  readonly gamma?: number;
}
/** `base * gamma^floor(t / stepSize)` (PyTorch's StepLR). */
export const step = pureScheduler<StepOptions>('step', 'epoch', ['stepSize', 'gamma'], ({ stepSize, gamma = 0.1 }) => {
  checkCount('step: stepSize', stepSize);
  checkNumber('step: gamma', gamma, { above: 0 });
  return () => ({ lr: (t, base) => base * gamma ** Math.floor(t / stepSize) });
});

export interface MultiStepOptions {
  /** Times at which the rate falls. */
  readonly milestones: readonly number[];
  /** Default 0.1. */
  readonly gamma?: number;
}
/** `base * gamma^(number of milestones <= t)` (MultiStepLR). */
export const multiStep = pureScheduler<MultiStepOptions>(
  'multi-step',
  'epoch',
  ['milestones', 'gamma'],
  ({ milestones, gamma = 0.1 }) => {
    if (!Array.isArray(milestones) || milestones.length === 0)
      throw new TypeError('multi-step: milestones must be a list of at least one time, for example [30, 60]');
    for (const [i, m] of milestones.entries())
      checkNumber(`multi-step: milestones[${i}]`, m, { min: 0, integer: true });
    checkNumber('multi-step: gamma', gamma, { above: 0 });
    return () => ({ lr: (t, base) => base * gamma ** milestones.filter((m) => m <= t).length });
  },
);

export interface ExponentialOptions {
  readonly gamma: number;
}
/** `base * gamma^t` (ExponentialLR). */
export const exponential = pureScheduler<ExponentialOptions>('exponential', 'epoch', ['gamma'], ({ gamma }) => {
  checkNumber('exponential: gamma', gamma, { above: 0 });
  return () => ({ lr: (t, base) => base * gamma ** t });
});

/** The falling half of a cosine from `from` at 0 to `to` at 1. */
const anneal = (from: number, to: number, fraction: number) =>
  to + ((from - to) * (1 + Math.cos(Math.PI * fraction))) / 2;

export interface CosineOptions {
  /** Half a period; default: the length of the run. */
  readonly tMax?: number;
  /** Lowest rate; default 0. */
  readonly etaMin?: number;
}
/**
 * `etaMin + (base - etaMin) * (1 + cos(pi * t / tMax)) / 2` (CosineAnnealingLR; SGDR without restarts, Loshchilov and
 * Hutter 2017). After `tMax` it rises again, as PyTorch's does.
 */
export const cosine = pureScheduler<CosineOptions>('cosine', 'epoch', ['tMax', 'etaMin'], ({ tMax, etaMin = 0 }) => {
  if (tMax !== undefined) checkCount('cosine: tMax', tMax);
  checkNumber('cosine: etaMin', etaMin, { min: 0 });
  return (total) => ({ lr: (t, base) => anneal(base, etaMin, t / (tMax ?? Math.max(1, total))) });
});

export interface CosineWarmRestartsOptions {
  /** Length of the first cycle. */
  readonly t0: number;
  /** Each cycle is this many times as long as the one before; default 1. */
  readonly tMult?: number;
  /** Lowest rate; default 0. */
  readonly etaMin?: number;
}
/** Cosine annealing that starts anew after `t0`, `t0 * tMult`, ... units (CosineAnnealingWarmRestarts; SGDR). */
export const cosineWarmRestarts = pureScheduler<CosineWarmRestartsOptions>(
  'cosine-warm-restarts',
  'epoch',
  ['t0', 'tMult', 'etaMin'],
  ({ t0, tMult = 1, etaMin = 0 }) => {
    checkCount('cosine-warm-restarts: t0', t0);
    checkCount('cosine-warm-restarts: tMult', tMult);
    checkNumber('cosine-warm-restarts: etaMin', etaMin, { min: 0 });
    return () => ({
      lr(t, base) {
        let length = t0;
        let current = t;
        if (tMult === 1) current = t % t0;
        else
          while (current >= length) {
            current -= length;
            length *= tMult;
          }
        return anneal(base, etaMin, current / length);
      },
    });
  },
);

export interface PolynomialOptions {
  /** Units until the rate is 0; default: the length of the run. */
  readonly totalIters?: number;
  /** Default 1 (linear). */
  readonly power?: number;
}
/** `base * (1 - min(t, totalIters) / totalIters)^power` (PolynomialLR). */
export const polynomial = pureScheduler<PolynomialOptions>(
  'polynomial',
  'epoch',
  ['totalIters', 'power'],
  ({ totalIters, power = 1 }) => {
    if (totalIters !== undefined) checkCount('polynomial: totalIters', totalIters);
    checkNumber('polynomial: power', power, { min: 0 });
    return (total) => {
      const end = totalIters ?? Math.max(1, total);
      return { lr: (t, base) => base * (1 - Math.min(t, end) / end) ** power };
    };
  },
);

export interface LinearWarmupOptions {
  /** Length of the warm-up; default 5. */
  readonly totalIters?: number;
  /** Factor at time 0; default 1/3. */
  readonly startFactor?: number;
  /** Factor from `totalIters` on; default 1. */
  readonly endFactor?: number;
}
/** The rate rises linearly from `startFactor * base` to `endFactor * base` and stays (LinearLR). Counts steps by default. */
export const linearWarmup = pureScheduler<LinearWarmupOptions>(
  'linear-warmup',
  'step',
  ['totalIters', 'startFactor', 'endFactor'],
  ({ totalIters = 5, startFactor = 1 / 3, endFactor = 1 }) => {
    checkCount('linear-warmup: totalIters', totalIters);
    checkNumber('linear-warmup: startFactor', startFactor, { above: 0, max: 1 });
    checkNumber('linear-warmup: endFactor', endFactor, { min: 0, max: 1 });
    return () => ({
      lr: (t, base) => base * (startFactor + ((endFactor - startFactor) * Math.min(t, totalIters)) / totalIters),
    });
  },
);

export interface OneCycleOptions {
  /** Peak; default: the group's own rate. */
  readonly maxLr?: number;
  /** Length of the cycle; default: the length of the run. */
  readonly totalSteps?: number;
  /** Part of the cycle in which the rate rises; default 0.3. */
  readonly pctStart?: number;
  /** Default 'cos'. */
  readonly annealStrategy?: 'cos' | 'linear';
  /** Start at `maxLr / divFactor`; default 25. */
  readonly divFactor?: number;
  /** End at start / `finalDivFactor`; default 10,000. */
  readonly finalDivFactor?: number;
  /** Three phases: up, mirrored down, then to the end value; default false: up, then to the end value. */
  readonly threePhase?: boolean;
  /** Run momentum (beta1 of Adam) against the rate, from `maxMomentum` to `baseMomentum` and back; default true. */
  readonly cycleMomentum?: boolean;
  /** Default 0.85. */
  readonly baseMomentum?: number;
  /** Default 0.95. */
  readonly maxMomentum?: number;
}
/**
 * One rise to `maxLr` and one long fall (OneCycleLR with its defaults; Smith and Topin 2018). Counts steps by default.
 * With `cycleMomentum` the momentum of SGD or RMSprop, or beta1 of Adam, is replaced while an optimizer that has one
 * runs. After the last step the end value stays (PyTorch throws there).
 */
export const oneCycle = pureScheduler<OneCycleOptions>(
  'one-cycle',
  'step',
  [
    'maxLr',
    'totalSteps',
    'pctStart',
    'annealStrategy',
    'divFactor',
    'finalDivFactor',
    'threePhase',
    'cycleMomentum',
    'baseMomentum',
    'maxMomentum',
  ],
  (options) => {
    const { maxLr, totalSteps, pctStart = 0.3, annealStrategy = 'cos', divFactor = 25, finalDivFactor = 1e4 } = options;
    const { threePhase = false, cycleMomentum = true, baseMomentum = 0.85, maxMomentum = 0.95 } = options;
    if (maxLr !== undefined) checkNumber('one-cycle: maxLr', maxLr, { above: 0 });
    if (totalSteps !== undefined) checkCount('one-cycle: totalSteps', totalSteps);
    checkNumber('one-cycle: pctStart', pctStart, { min: 0, max: 1 });
    checkNumber('one-cycle: divFactor', divFactor, { above: 0 });
    checkNumber('one-cycle: finalDivFactor', finalDivFactor, { above: 0 });
    checkBoolean('one-cycle: threePhase', threePhase);
    checkBoolean('one-cycle: cycleMomentum', cycleMomentum);
    checkNumber('one-cycle: baseMomentum', baseMomentum, { min: 0, below: 1 });
    checkNumber('one-cycle: maxMomentum', maxMomentum, { min: 0, below: 1 });
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear')
      throw new RangeError(
        `one-cycle: annealStrategy must be "cos" or "linear", got ${JSON.stringify(annealStrategy)}`,
      );
    const between = annealStrategy === 'cos' ? anneal : (from: number, to: number, f: number) => from + (to - from) * f;

    return (total) => {
      const steps = totalSteps ?? Math.max(1, total);
      const top = pctStart * steps - 1;
      const ends = threePhase ? [top, 2 * pctStart * steps - 2, steps - 1] : [top, steps - 1];
      /** Value at `t` on the path through `points`, one more than there are phases. */
      const along = (points: readonly number[], t: number) => {
        let start = 0;
        for (const [i, end] of ends.entries()) {
          if (t <= end || i === ends.length - 1) {
            const fraction = end > start ? Math.min(1, (t - start) / (end - start)) : 1;
            return between(points[i]!, points[i + 1]!, fraction);
          }
          start = end;
        }
        return points[points.length - 1]!;
      };
      const lr = (t: number, base: number) => {
        const peak = maxLr ?? base;
        const first = peak / divFactor;
        const last = first / finalDivFactor;
        return along(threePhase ? [first, peak, first, last] : [first, peak, last], t);
      };
      if (!cycleMomentum) return { lr };
      const path = [maxMomentum, baseMomentum, maxMomentum, ...(threePhase ? [maxMomentum] : [])];
      return { lr, momentum: (t: number) => along(path, t) };
    };
  },
);

export { chained, sequential } from './combine.js';
export { type ReduceOnPlateauOptions, reduceOnPlateau } from './plateau.js';

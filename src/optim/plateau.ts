import { checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import type { Schedule, Scheduler } from './scheduler.js';

export interface ReduceOnPlateauOptions {
  /** Whether the monitored value is to fall ('min', default) or to rise. */
  readonly mode?: 'min' | 'max';
  /** The rate is multiplied by it; default 0.1. */
  readonly factor?: number;
  /** Epochs without improvement that are tolerated; default 10. */
  readonly patience?: number;
  /** How much better counts as better; default 1e-4. */
  readonly threshold?: number;
  /** `threshold` is a part of the best value ('rel', default) or absolute. */
  readonly thresholdMode?: 'rel' | 'abs';
  /** Epochs after a reduction in which nothing is counted; default 0. */
  readonly cooldown?: number;
  /** Lowest rate; default 0. */
  readonly minLr?: number;
  /** A reduction smaller than this is not made; default 1e-8. */
  readonly eps?: number;
}

const KNOWN = ['mode', 'factor', 'patience', 'threshold', 'thresholdMode', 'cooldown', 'minLr', 'eps', 'unit'] as const;

/**
 * Reduces the rate when the monitored value has not improved for more than `patience` epochs (PyTorch's
 * ReduceLROnPlateau with its defaults). Has state: it must be told each epoch's value by `observe`.
 * @throws RangeError if an option is out of range
 */
export function reduceOnPlateau(options: ReduceOnPlateauOptions & { readonly unit?: 'epoch' } = {}): Scheduler {
  const name = 'plateau';
  checkOptions(name, options, KNOWN);
  const { mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'rel' } = options;
  const { cooldown = 0, minLr = 0, eps = 1e-8, unit = 'epoch' } = options;
  oneOf('mode', mode, ['min', 'max']);
  oneOf('thresholdMode', thresholdMode, ['rel', 'abs']);
  oneOf('unit', unit, ['epoch']);
  checkNumber('plateau: factor', factor, { above: 0, below: 1 });
  checkNumber('plateau: patience', patience, { min: 0, integer: true });
  checkNumber('plateau: threshold', threshold, { min: 0 });
  checkNumber('plateau: cooldown', cooldown, { min: 0, integer: true });
  checkNumber('plateau: minLr', minLr, { min: 0 });
  checkNumber('plateau: eps', eps, { min: 0 });

  const isBetter = (value: number, best: number) => {
    if (mode === 'min') return value < (thresholdMode === 'rel' ? best * (1 - threshold) : best - threshold);
    return value > (thresholdMode === 'rel' ? best * (1 + threshold) : best + threshold);
  };

  const start = (): Schedule => {
    let best = mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    let bad = 0;
    let cooling = 0;
    let reductions = 0;
    return {
      unit: 'epoch',
      lr(_t, base) {
        let lr = base;
        for (let i = 0; i < reductions; i++) {
          const reduced = Math.max(lr * factor, minLr);
          if (lr - reduced > eps) lr = reduced;
        }
        return lr;
      },
      observe(value) {
        if (isBetter(value, best)) {
          best = value;
          bad = 0;
        } else bad++;
        if (cooling > 0) {
          cooling--;
          bad = 0;
        }
        if (bad > patience) {
          reductions++;
          cooling = cooldown;
          bad = 0;
        }
      },
      state: () => ({ best: encode(best), bad, cooling, reductions }),
      load(state) {
        ({ best, bad, cooling, reductions } = checkState(state));
      },
    };
  };
  return {
    name,
    unit: 'epoch',
    spec: { name, options: { ...options } as Record<string, Json> },
    needsMetric: true,
    start,
  };
}

function oneOf(option: string, value: unknown, allowed: readonly string[]): void {
  if (!allowed.includes(value as string))
    throw new RangeError(
      `plateau: ${option} must be ${allowed.map((a) => `"${a}"`).join(' or ')}, got ${JSON.stringify(value)}`,
    );
}

/** JSON has no infinities, which `best` is before the first value. */
const encode = (best: number): Json => (Number.isFinite(best) ? best : String(best));

function checkState(state: Json): { best: number; bad: number; cooling: number; reductions: number } {
  const s = state as Readonly<Record<string, unknown>> | null;
  if (typeof s !== 'object' || s === null) throw new TypeError('plateau: the saved scheduler state is no object');
  const count = (what: string) => checkNumber(`plateau: saved ${what}`, s[what], { min: 0, integer: true });
  const best = Number(s.best ?? Number.NaN);
  if (Number.isNaN(best)) throw new TypeError('plateau: the saved best value is no number');
  return { best, bad: count('bad'), cooling: count('cooling'), reductions: count('reductions') };
}

import type { StepSeries } from '../../../../../src/server/studio/api.js';
import type { EpochRecord, MetricValue } from '../../../../../src/train/events.js';
import { metricTitle } from '../../../lib/format.js';
import type { Line } from '../plot/line.js';
import { smooth } from '../plot/thin.js';
import { capital } from '../words.js';

/** A run as far as its curves go. */
export interface Curves {
  readonly id: string;
  readonly history: readonly EpochRecord[];
  readonly steps?: StepSeries | undefined;
  /** Colour of its own among several runs; absent: training and validation have theirs. */
  readonly colour?: string;
}

/** What the time is counted in. */
export type Unit = 'epoch' | 'step';

export const SERIES = Array.from({ length: 8 }, (_, i) => `--series-${i + 1}`);
export const seriesColour = (i: number): string => SERIES[i % SERIES.length]!;

const batches = ({ steps }: Curves): number => Math.max(1, steps?.batches ?? 1);

/** Names of what was measured, losses first; tables of counts are no curves. */
export function measures(runs: readonly Curves[]): string[] {
  const names = new Set(['loss']);
  for (const { history } of runs)
    for (const { train, valid } of [history[0], history[history.length - 1]].filter((r) => r !== undefined))
      for (const scores of [train, valid])
        for (const [name, value] of Object.entries(scores ?? {})) if (typeof value === 'number') names.add(name);
  return [...names];
}

/** How long any of the runs is. */
export function span(runs: readonly Curves[], unit: Unit): [from: number, to: number] {
  let to = 0;
  for (const run of runs) {
    const epoch = run.history[run.history.length - 1]?.epoch ?? 0;
    const step = run.steps?.step[run.steps.step.length - 1] ?? 0;
    to = Math.max(to, unit === 'epoch' ? Math.max(epoch, step / batches(run)) : Math.max(epoch * batches(run), step));
  }
  return [0, to || 1];
}

/** A measure by epoch, where it was taken. */
function byEpoch(run: Curves, part: 'train' | 'valid', measure: string, unit: Unit): { x: number[]; y: number[] } {
  const x: number[] = [];
  const y: number[] = [];
  for (const record of run.history) {
    const value: MetricValue | undefined = record[part]?.[measure];
    // JSON knows no NaN: what was none is null there, a gap.
    if (typeof value !== 'number' && value !== null) continue;
    x.push(unit === 'epoch' ? record.epoch : record.epoch * batches(run));
    y.push(value ?? Number.NaN);
  }
  return { x, y };
}

const hasSteps = ({ steps }: Curves): boolean => (steps?.step.length ?? 0) > 0;

const title = (run: Curves, what: string): string => (run.colour ? `${run.id} · ${what}` : capital(what));

/** Training and validation of one measure, by epoch. */
export function measureLines(
  runs: readonly Curves[],
  measure: string,
  unit: Unit,
  parts: 'both' | 'valid' | 'train' = 'both',
): Line[] {
  return runs.flatMap((run) =>
    (['train', 'valid'] as const).flatMap((part): Line[] => {
      if (parts !== 'both' && part !== parts) return [];
      const { x, y } = byEpoch(run, part, measure, unit);
      if (x.length === 0) return [];
      return [
        {
          key: `${run.id}/${measure}/${part}`,
          name: parts === 'both' ? title(run, part === 'train' ? 'training' : 'validation') : run.id,
          colour: run.colour ?? (part === 'train' ? '--train' : '--valid'),
          dashed:
            part === 'train' && parts === 'both' && (run.colour !== undefined || (measure === 'loss' && hasSteps(run))),
          x,
          y,
          dots: true,
        },
      ];
    }),
  );
}

/** Losses of single steps, faint, and their moving average. */
export function stepLines(runs: readonly Curves[], unit: Unit, smoothing: number): Line[] {
  return runs.flatMap((run): Line[] => {
    const { steps } = run;
    if (!steps || steps.step.length === 0) return [];
    const x = times(steps, unit);
    const y = Float64Array.from(steps.loss, (v) => v ?? Number.NaN);
    const line = {
      key: `${run.id}/steps`,
      name: title(run, smoothing > 0 ? 'each step, smoothed' : 'each step'),
      colour: run.colour ?? '--train',
      x,
    };
    if (smoothing === 0) return [{ ...line, y, faint: false }];
    return [
      { ...line, key: `${line.key}/faint`, y, faint: true },
      { ...line, y: smooth(y, smoothing) },
    ];
  });
}

/** Learning rates: of single steps, or of epochs where there are none. */
export function rateLines(runs: readonly Curves[], unit: Unit): Line[] {
  return runs.flatMap((run): Line[] => {
    const { steps, history } = run;
    const single = steps !== undefined && steps.step.length > 0;
    if (!single && history.length === 0) return [];
    return [
      {
        key: `${run.id}/lr`,
        name: run.colour ? run.id : 'Learning rate',
        colour: run.colour ?? '--train',
        x: single ? times(steps, unit) : history.map(({ epoch }) => (unit === 'epoch' ? epoch : epoch * batches(run))),
        y: single ? steps.lr : history.map(({ lr }) => lr),
        dots: !single,
      },
    ];
  });
}

const known = new WeakMap<StepSeries, Partial<Record<Unit, Float64Array>>>();

/** Steps in time; the same array as long as the steps are the same. */
function times(steps: StepSeries, unit: Unit): Float64Array {
  let found = known.get(steps);
  if (!found) known.set(steps, (found = {}));
  return (found[unit] ??= Float64Array.from(steps.step, (s) => (unit === 'epoch' ? s / steps.batches : s)));
}

export const measureTitle = (measure: string): string => (measure === 'loss' ? 'Loss' : metricTitle(measure));

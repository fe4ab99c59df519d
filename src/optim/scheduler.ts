import { checkNumber } from '../util/check.js';
import { checkOptions, type Json, type Spec } from '../util/registry.js';

/** What a schedule counts in. */
export type ScheduleUnit = 'step' | 'epoch';

/** Length of the training a schedule is for. */
export interface ScheduleContext {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/**
 * Learning rates of one training run. `t` is the number of steps or epochs (see `unit`) that are done: 0 for the
 * first one. Except for reduce-on-plateau the rate is a pure function of `t` and the group's own rate.
 */
export interface Schedule {
  readonly unit: ScheduleUnit;
  lr(t: number, base: number): number;
  /** Momentum (beta1 of Adam) at `t`, where the schedule cycles it. */
  momentum?(t: number): number;
  /** Tells the monitored value of a finished epoch (reduce-on-plateau). */
  observe?(value: number): void;
  /** What a checkpoint has to keep; null for pure schedules. */
  state(): Json;
  load(state: Json): void;
}

/** A description of a schedule; `start` binds it to a training run. */
export interface Scheduler {
  readonly name: string;
  readonly unit: ScheduleUnit;
  /** Name and options, for `config.json`. */
  readonly spec: Spec;
  /** Whether it needs `observe` after each epoch. */
  readonly needsMetric: boolean;
  start(context: ScheduleContext): Schedule;
}

export interface UnitOption {
  /** What `t` counts. Default 'epoch', as PyTorch's examples step their schedulers. */
  readonly unit?: ScheduleUnit;
}

/** Total number of units in the run. */
export const totalUnits = ({ epochs, stepsPerEpoch }: ScheduleContext, unit: ScheduleUnit): number =>
  unit === 'epoch' ? Math.ceil(epochs) : Math.round(epochs * stepsPerEpoch);

/**
 * Makes the factory of a scheduler whose rate is a pure function of time.
 * @param make checks the options and gives the rate function of a run with `total` units
 */
export function pureScheduler<O extends object>(
  name: string,
  defaultUnit: ScheduleUnit,
  known: readonly (keyof O & string)[],
  make: (options: O) => (total: number) => {
    lr(t: number, base: number): number;
    momentum?(t: number): number;
  },
): (options?: O & UnitOption) => Scheduler {
  return (options = {} as O & UnitOption) => {
    checkOptions(name, options, [...known, 'unit']);
    const unit = checkUnit(name, options.unit ?? defaultUnit);
    const start = make(options);
    return {
      name,
      unit,
      spec: { name, options: { ...options, unit } as Record<string, Json> },
      needsMetric: false,
      start: (context) => ({
        unit,
        ...start(totalUnits(context, unit)),
        state: () => null,
        load: () => {},
      }),
    };
  };
}

export function checkUnit(name: string, unit: unknown): ScheduleUnit {
  if (unit !== 'step' && unit !== 'epoch')
    throw new RangeError(`${name}: unit must be "step" or "epoch", got ${JSON.stringify(unit)}`);
  return unit;
}

/** A number of steps or epochs that an option gives or the length of the run stands in for. */
export const checkCount = (what: string, value: number): number => checkNumber(what, value, { min: 1, integer: true });

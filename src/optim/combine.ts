import { checkNumber } from '../util/check.js';
import type { Json } from '../util/registry.js';
import { type Schedule, type ScheduleContext, type Scheduler, type ScheduleUnit, totalUnits } from './scheduler.js';

/** Time `t` of a schedule that counts in `outer`, as the number that an inner schedule counts in `inner`. */
function convert(t: number, outer: ScheduleUnit, inner: ScheduleUnit, { stepsPerEpoch }: ScheduleContext): number {
  if (outer === inner) return t;
  // The outer one counts steps whenever a part does, so the only conversion left is from steps to epochs.
  return Math.floor(t / stepsPerEpoch);
}

const unitOf = (parts: readonly Scheduler[]): ScheduleUnit => (parts.some((s) => s.unit === 'step') ? 'step' : 'epoch');

function checkParts(name: string, parts: readonly Scheduler[]): void {
  if (!Array.isArray(parts) || parts.length === 0) throw new TypeError(`${name}: give at least one scheduler`);
}

/** Hands observed values and saved states on to the parts. */
function joined(name: string, parts: readonly Schedule[]) {
  const observe = (value: number) => {
    for (const p of parts) p.observe?.(value);
  };
  return {
    ...(parts.some((p) => p.observe) ? { observe } : {}),
    state: (): Json => parts.map((p) => p.state()),
    load(state: Json) {
      if (!Array.isArray(state) || state.length !== parts.length)
        throw new TypeError(`${name}: the saved scheduler state is not one of ${parts.length} schedulers`);
      for (const [i, p] of parts.entries()) p.load(state[i] as Json);
    },
  };
}

/**
 * All schedules at once, each applied to the rate that the one before gives. For schedules that scale (all but
 * one-cycle, and cosine only with etaMin 0) that is PyTorch's ChainedScheduler: their factors multiply. Counts steps
 * if one of them does. The last one that cycles momentum decides it.
 */
export function chained(...schedulers: readonly Scheduler[]): Scheduler {
  checkParts('chained', schedulers);
  const unit = unitOf(schedulers);
  return {
    name: 'chained',
    unit,
    spec: { name: 'chained', options: { schedulers: schedulers.map((s) => s.spec) as unknown as Json } },
    needsMetric: schedulers.some((s) => s.needsMetric),
    start(context) {
      const parts = schedulers.map((s) => s.start(context));
      const at = (t: number, part: Schedule) => convert(t, unit, part.unit, context);
      const cycling = parts.filter((p) => p.momentum).at(-1);
      return {
        unit,
        lr: (t, base) => parts.reduce((lr, p) => p.lr(at(t, p), lr), base),
        ...(cycling ? { momentum: (t: number) => cycling.momentum!(at(t, cycling)) } : {}),
        ...joined('chained', parts),
      };
    },
  };
}

/**
 * One schedule after the other: the second takes over at `milestones[0]`, and so on, each counting from 0 at its start
 * (PyTorch's SequentialLR). Counts steps if one of them does; milestones are in that unit. A schedule whose length
 * defaults to that of the run takes the length of its own part. Reduce-on-plateau as a part observes every epoch, also
 * those before its turn.
 *
 * ```ts
 * const { sequential, linearWarmup, cosine } = optim.schedulers;
 * sequential([linearWarmup({ totalIters: 500 }), cosine({ unit: 'step' })], [500]);
 * ```
 */
export function sequential(schedulers: readonly Scheduler[], milestones: readonly number[]): Scheduler {
  checkParts('sequential', schedulers);
  if (!Array.isArray(milestones) || milestones.length !== schedulers.length - 1)
    throw new RangeError(
      `sequential: ${schedulers.length} schedulers need ${schedulers.length - 1} milestones, got ${JSON.stringify(milestones)}`,
    );
  for (const [i, m] of milestones.entries()) {
    checkNumber(`sequential: milestones[${i}]`, m, { min: 1, integer: true });
    if (i > 0 && m <= milestones[i - 1]!)
      throw new RangeError(`sequential: milestones must rise, got [${milestones.join(', ')}]`);
  }
  const unit = unitOf(schedulers);
  return {
    name: 'sequential',
    unit,
    spec: {
      name: 'sequential',
      options: { schedulers: schedulers.map((s) => s.spec) as unknown as Json, milestones: [...milestones] },
    },
    needsMetric: schedulers.some((s) => s.needsMetric),
    start(context) {
      const starts = [0, ...milestones];
      const total = totalUnits(context, unit);
      const perEpoch = unit === 'step' ? context.stepsPerEpoch : 1;
      const parts = schedulers.map((s, i) => {
        const length = Math.max(1, (starts[i + 1] ?? total) - starts[i]!);
        return s.start({ epochs: length / perEpoch, stepsPerEpoch: context.stepsPerEpoch });
      });
      const active = (t: number) => starts.findLastIndex((s) => s <= t);
      const at = (t: number, i: number) => convert(t - starts[i]!, unit, parts[i]!.unit, context);
      const cycles = parts.every((p) => p.momentum);
      return {
        unit,
        lr: (t, base) => parts[active(t)]!.lr(at(t, active(t)), base),
        ...(cycles ? { momentum: (t: number) => parts[active(t)]!.momentum!(at(t, active(t))) } : {}),
        ...joined('sequential', parts),
      };
    },
  };
}

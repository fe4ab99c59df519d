import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseScheduler, schedulers } from '../../src/optim/index.js';
import type { Json } from '../../src/util/registry.js';
import { expectClose, fixture } from '../nn/support.js';

interface Rates {
  readonly name: string;
  readonly options: Record<string, Json>;
  readonly total: number;
  /** A rate for each group, at each of 60 times. */
  readonly rates: number[][];
  readonly momenta?: number[];
  readonly observe?: number[];
}

/** Made by test/fixtures/make_optim.py. */
const { schedules, bases } = fixture('optim.json') as { schedules: Rates[]; bases: number[] };

describe('rates of 60 steps are those of PyTorch', () => {
  test.each(schedules.map((s) => [`${s.name} ${JSON.stringify(s.options)}`, s] as const))('%s', (_name, s) => {
    // In epochs and in steps alike: a schedule does not care what it counts.
    for (const unit of s.observe || s.options.schedulers ? ['epoch'] : ['epoch', 'step']) {
      const scheduler = parseScheduler({
        name: s.name,
        options: s.options.schedulers ? s.options : { ...s.options, unit },
      });
      const schedule = scheduler.start(
        unit === 'epoch' ? { epochs: s.total, stepsPerEpoch: 9 } : { epochs: s.total / 10, stepsPerEpoch: 10 },
      );
      expect(schedule.unit).toBe(unit);
      for (const [t, rates] of s.rates.entries()) {
        expectClose(
          bases.map((b) => schedule.lr(t, b)),
          rates,
          1e-9,
          `${unit} ${t}`,
          1e-6,
        );
        if (s.momenta && schedule.momentum) expect(schedule.momentum(t)).toBeCloseTo(s.momenta[t]!, 10);
        if (s.observe) schedule.observe!(s.observe[t]!);
      }
      expect(Boolean(schedule.momentum)).toBe(s.momenta !== undefined && s.options.cycleMomentum !== false);
      expect(scheduler.needsMetric).toBe(s.observe !== undefined);
    }
  });
});

describe('reduce on plateau', () => {
  const options = { patience: 2, factor: 0.5, cooldown: 1 };
  test('goes on from a saved state as if nothing had happened', async () => {
    await fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, min: 0, max: 1 }), { minLength: 2, maxLength: 30 }),
        fc.nat(29),
        (values, cut) => {
          const context = { epochs: 30, stepsPerEpoch: 1 };
          const whole = schedulers.reduceOnPlateau(options).start(context);
          let parts = schedulers.reduceOnPlateau(options).start(context);
          for (const [t, v] of values.entries()) {
            if (t === cut) {
              const saved = JSON.parse(JSON.stringify(parts.state()));
              parts = schedulers.reduceOnPlateau(options).start(context);
              parts.load(saved);
            }
            whole.observe!(v);
            parts.observe!(v);
            expect(parts.lr(t + 1, 0.1)).toBe(whole.lr(t + 1, 0.1));
          }
        },
      ),
    );
  });
  test('NaN is never an improvement, and a state that is none is refused', () => {
    const s = schedulers.reduceOnPlateau({ patience: 0 }).start({ epochs: 9, stepsPerEpoch: 1 });
    s.observe!(Number.NaN);
    expect(s.lr(1, 1)).toBeCloseTo(0.1);
    expect(() => s.load(null)).toThrow(/no object/);
    expect(() => s.load({ best: 1, bad: -1, cooling: 0, reductions: 0 })).toThrow(/saved bad must be .* got -1/);
  });
});

describe('combinations', () => {
  test('sequential mixes steps and epochs', () => {
    const { sequential, linearWarmup, step } = schedulers;
    const s = sequential([linearWarmup({ totalIters: 4, startFactor: 0.2 }), step({ stepSize: 1, gamma: 0.5 })], [4]);
    expect(s.unit).toBe('step');
    const schedule = s.start({ epochs: 4, stepsPerEpoch: 3 });
    const rates = Array.from({ length: 12 }, (_, t) => schedule.lr(t, 1));
    expectClose(rates, [0.2, 0.4, 0.6, 0.8, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25], 1e-12, 'rates');
  });
  test('a part whose length defaults to the run takes its own part of it', () => {
    const { sequential, linearWarmup, cosine } = schedulers;
    const schedule = sequential([linearWarmup({ totalIters: 10 }), cosine({ unit: 'step' })], [10]).start({
      epochs: 3,
      stepsPerEpoch: 20,
    });
    expect(schedule.lr(10, 1)).toBeCloseTo(1, 12);
    expect(schedule.lr(35, 1)).toBeCloseTo(0.5, 12);
    expect(schedule.lr(60, 1)).toBeCloseTo(0, 12);
  });
  test('specs make the same schedule again, nested ones too', () => {
    const { sequential, linearWarmup, chained, exponential, oneCycle, reduceOnPlateau } = schedulers;
    for (const made of [
      sequential([linearWarmup({ totalIters: 4 }), chained(exponential({ gamma: 0.9 }), oneCycle())], [4]),
      chained(reduceOnPlateau({ patience: 1 }), exponential({ gamma: 0.5 })),
    ]) {
      const again = parseScheduler(JSON.parse(JSON.stringify(made.spec)));
      expect(again.spec).toEqual(made.spec);
      const [a, b] = [made, again].map((s) => s.start({ epochs: 5, stepsPerEpoch: 7 }));
      for (let t = 0; t < 35; t++) expect(b!.lr(t, 0.1)).toBe(a!.lr(t, 0.1));
      b!.load(JSON.parse(JSON.stringify(a!.state())));
    }
  });
});

describe('bad options are refused in one sentence', () => {
  test.each<[() => unknown, RegExp]>([
    [() => schedulers.step({ stepSize: 0 }), /^step: stepSize must be a whole number at least 1, got 0$/],
    [() => parseScheduler('step'), /step: stepSize must be .* got undefined/],
    [() => parseScheduler('exponential'), /gamma must be .* got undefined/],
    [() => schedulers.multiStep({ milestones: [] }), /at least one time/],
    [() => schedulers.cosine({ unit: 'day' as never }), /unit must be "step" or "epoch", got "day"/],
    [() => schedulers.cosine({ etaMn: 3 } as never), /unknown option of cosine "etaMn", did you mean "etaMin"\?/],
    [() => schedulers.oneCycle({ annealStrategy: 'exp' as never }), /must be "cos" or "linear", got "exp"/],
    [() => schedulers.reduceOnPlateau({ factor: 1 }), /factor must be .* less than 1, got 1/],
    [() => schedulers.reduceOnPlateau({ mode: 'lower' as never }), /mode must be "min" or "max", got "lower"/],
    [() => schedulers.chained(), /at least one scheduler/],
    [() => schedulers.sequential([schedulers.cosine()], [3]), /1 schedulers need 0 milestones, got \[3\]/],
    [
      () => schedulers.sequential([schedulers.cosine(), schedulers.cosine(), schedulers.cosine()], [5, 5]),
      /milestones must rise, got \[5, 5\]/,
    ],
    [() => parseScheduler('cosin'), /unknown scheduler "cosin", did you mean "cosine"\?/],
  ])('%s', (make, message) => {
    expect(make).toThrow(message);
  });
});

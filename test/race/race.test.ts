import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measuringBatch } from '../../src/cli/measure.js';
import { CellsDataset } from '../../src/data/cells.js';
import { Clock, readMarks, secondsAt } from '../../src/race/clock.js';
import { makeContestants, nextRun } from '../../src/race/contestants.js';
import { bootstrap, compareWithBest, conclusions, studentInterval, studentQuantile } from '../../src/race/stats.js';
import { writeRaceReport } from '../../src/report/race.js';
import type { RaceEntry } from '../../src/report/raceData.js';
import type { RunConfig } from '../../src/train/config.js';
import type { TrainEvent } from '../../src/train/events.js';
import { MemoryStorage } from '../../src/train/storage.js';
import { Trainer } from '../../src/train/trainer.js';
import { options, stripes, TinyNet } from '../train/support.js';

describe('contestants', () => {
  it('are all combinations of networks and values', () => {
    const vary = { name: 'lr', values: ['0.01', '0.1'].map((text) => ({ text, value: Number(text) })) };
    const made = makeContestants(['vgg11', './nets/mine.js'], [vary]);
    expect(made.map((c) => c.name)).toEqual(['vgg11 lr=0.01', 'vgg11 lr=0.1', 'mine lr=0.01', 'mine lr=0.1']);
    expect(made[3]).toMatchObject({ directory: 'mine-lr-0.1', model: './nets/mine.js', options: { lr: 0.1 } });
    expect(() => makeContestants(['lenet', 'lenet'], [])).toThrow('lenet is in the race twice');
    expect(() => makeContestants(['lenet'], [])).toThrow('at least two contestants');
  });

  it('take turns by what they have done of their share', () => {
    const runs = [{ share: 0.2 }, { share: 0.1 }, { share: 0.1 }, { share: 1 }];
    expect(nextRun(runs)).toBe(runs[1]);
    expect(nextRun([{ share: 1 }])).toBeUndefined();
    // However long the slices are, nobody gets far ahead.
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 0.2, noNaN: true }), { minLength: 2, maxLength: 6 }),
        (slices) => {
          const all = slices.map((slice) => ({ share: 0, slice }));
          for (let next = nextRun(all); next; next = nextRun(all)) {
            next.share += next.slice;
            const open = all.map((r) => Math.min(1, r.share));
            expect(Math.max(...open) - Math.min(...open)).toBeLessThanOrEqual(0.2 + 1e-9);
          }
          expect(all.every((r) => r.share >= 1)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('the clock of a run', () => {
  const train = stripes(40);
  const valid = stripes(16, 1);

  /** Every look at the time is a second later. */
  const run = async (out: MemoryStorage, stopAt: number | undefined, resume: boolean) => {
    let time = 0;
    const step = resume ? (await readMarks(out)).at(-1)!.step : 0;
    const clock = await Clock.open(out, step, () => (time += 1000));
    const trainer = new Trainer(new TinyNet(), options());
    const stop = new AbortController();
    trainer.on(clock.listen);
    trainer.on((e) => e.type === 'step' && e.step === stopAt && stop.abort());
    await trainer.fit(train, { valid, epochs: 3, batchSize: 8, seed: 1, out, resume, signal: stop.signal });
    await clock.close();
    return clock.seconds;
  };

  it('counts steps and nothing else, also across a stop', async () => {
    const whole = new MemoryStorage();
    expect(await run(whole, undefined, false)).toBe(15);
    expect(await readMarks(whole)).toEqual([5, 10, 15].map((n) => ({ step: n, seconds: n })));
    const parts = new MemoryStorage();
    const first = await run(parts, 7, false);
    expect(first).toBeLessThanOrEqual(9);
    expect(await run(parts, undefined, true)).toBe(15);
  });

  it('forgets steps that a crash undid, and estimates a mark that is missing', async () => {
    const out = new MemoryStorage();
    const lines = [2, 4, 8].map((step) => `${JSON.stringify({ step, seconds: step / 2 })}\n`);
    await out.append('clock.jsonl', `${lines.join('')}{"step":9,"sec`);
    expect((await Clock.open(out, 4)).seconds).toBe(2);
    expect(await readMarks(out)).toHaveLength(2);
    expect((await Clock.open(out, 6)).seconds).toBe(3);
    expect((await Clock.open(out, 0)).seconds).toBe(0);
    expect(secondsAt([{ step: 4, seconds: 8 }], 2)).toBe(4);
    expect(secondsAt([], 2)).toBe(0);
  });

  it('does not count what comes between epochs', async () => {
    let time = 0;
    const clock = await Clock.open(new MemoryStorage(), 0, () => time);
    const event = (type: string, more = {}) => clock.listen({ type, ...more } as TrainEvent);
    event('start');
    time = 1000;
    event('step', { step: 1 });
    time = 9000;
    event('evaluate');
    time = 20_000;
    event('epoch');
    time = 21_000;
    event('step', { step: 2 });
    expect(clock.seconds).toBe(2);
  });
});

describe('what can be concluded', () => {
  it("knows Student's distribution", () => {
    // Any table of t: 97.5 % and 95 % quantiles.
    for (const [p, n, t] of [
      [0.975, 1, 12.7062],
      [0.975, 2, 4.30265],
      [0.975, 4, 2.77645],
      [0.975, 30, 2.04227],
      [0.95, 9, 1.83311],
    ] as const)
      expect(studentQuantile(p, n)).toBeCloseTo(t, 3);
    const { mean, low, high } = studentInterval([1, 2, 3]);
    expect([mean, low, high].map((v) => Number(v.toFixed(3)))).toEqual([2, -0.484, 4.484]);
  });

  it('draws images again as often as it takes', () => {
    // 400 differences with standard error 0.05: the interval is the mean and about two of them.
    const values = Array.from({ length: 400 }, (_, i) => 0.3 + (i % 2 ? 1 : -1));
    const { mean, low, high } = bootstrap(values);
    expect(mean).toBeCloseTo(0.3, 12);
    expect(low).toBeCloseTo(0.2, 1);
    expect(high).toBeCloseTo(0.4, 1);
    expect(bootstrap(values)).toEqual({ mean, low, high });
    expect(bootstrap(values, 0.99).low).toBeLessThan(low);
  });

  /** Scores of 500 images of which `right` are right, the errors spread by `salt`. */
  const scores = (right: number, salt: number) =>
    Array.from({ length: 500 }, (_, i) => ((i * 7 + salt * 13) % 500 < right ? 1 : 0));

  it('says better only where images and seeds agree', () => {
    const seeds = (name: string, right: number[]) => ({ name, scores: right.map((r, s) => scores(r, s)) });
    const verdict = (a: number[], b: number[]) =>
      compareWithBest([seeds('b', b), seeds('a', a)]).map((c) => [c.better, c.verdict])[0];
    expect(verdict([450, 455, 452], [400, 402, 401])).toEqual(['a', 'better']);
    expect(verdict([450, 455], [400, 402])).toEqual(['a', 'probably better']);
    // The seeds differ more than the contestants.
    expect(verdict([480, 410, 440], [400, 430, 420])).toEqual(['a', 'undecided']);
    expect(verdict([450], [400])).toEqual(['a', 'undecided']);
    expect(verdict([401, 402, 403], [400, 401, 402])).toEqual(['a', 'undecided']);
  });

  it('does not take the same images under several seeds for more images', () => {
    const a = { name: 'a', scores: [scores(410, 0), scores(410, 0)] };
    const b = { name: 'b', scores: [scores(400, 5), scores(400, 5)] };
    const width = (otherImages: boolean) => {
      const [c] = compareWithBest([a, b].map((s) => ({ ...s, otherImages })));
      return c!.overImages.high - c!.overImages.low;
    };
    expect(width(true) / width(false)).toBeCloseTo(Math.SQRT1_2, 1);
  });

  it('leaves out images that say nothing, and says so in sentences', () => {
    const a = { name: 'a', scores: [[1, 0.9, Number.NaN, 0.8]] };
    const b = { name: 'b', scores: [[0.5, 0.4, Number.NaN, 0.3]] };
    const found = compareWithBest([a, b]);
    expect(found[0]!.overImages.mean).toBeCloseTo(0.5, 12);
    const [first, second] = conclusions(found, 'IoU', 4, 1);
    expect(first).toMatch(/^Whether a is better than b cannot be said: \+50\.00 points of IoU .* but one seed/);
    expect(second).toContain('One seed is too few');
  });
});

describe('the report of a race', () => {
  const entry = (seed: number, weights: string): RaceEntry => ({
    ...{ seed, weights, score: 0.5 + seed / 10, seconds: 10, epochs: 2, classes: [0.5, null] },
    curve: [1, 2].map((epoch) => ({ epoch, seconds: 5 * epoch, value: 0.4 + epoch / 10 + seed / 100 })),
  });
  const page = async (weights: readonly string[]) => {
    const out = new MemoryStorage();
    const entries = weights.map((w, i) => entry(i, w));
    const files = await writeRaceReport(out, {
      ...{ title: 'Race on x', location: 'x', measure: 'accuracy', curve: 'valid accuracy', split: 'test', images: 9 },
      ...{ otherImages: false, classes: ['a', 'b'], conclusions: [], configuration: [], written: '', version: '0' },
      contestants: [{ name: 'n', parameters: 10, multiplyAdds: 20, memoryBytes: 30, entries }],
      device: { backend: 'reference', description: 'reference', threads: 1 },
    });
    expect(files).toHaveLength(7);
    return new TextDecoder().decode(await out.read('report.html'));
  };

  it('says which weights were measured', async () => {
    const best = 'of the test set, with the weights that were best on the validation set';
    const end =
      'with those of the end (no epoch was finished, or they were better on the validation set). Training time';
    expect(await page(['best', 'best', 'best'])).toContain(`${best}. Training time`);
    expect(await page(['best', 'last', 'best'])).toContain(`${best}; 1 of 3 runs ${end}`);
    expect(await page(['last'])).toContain(`of the test set, ${end}`);
  });
});

it('masks are measured in the batches of training, classes in larger ones', () => {
  const config = (batchSize: number) => ({ training: { batchSize } }) as RunConfig;
  expect(measuringBatch(stripes(4), config(8))).toBe(64);
  expect(measuringBatch(stripes(4), config(128))).toBe(128);
  expect(measuringBatch(new CellsDataset({ images: 4, size: 16 }), config(8))).toBe(8);
});

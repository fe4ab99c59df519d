import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Curves,
  measureLines,
  measures,
  rateLines,
  span,
  stepLines,
} from '../../studio/src/pages/runs/data/curves.js';
import { upTo, withSteps } from '../../studio/src/pages/runs/data/steps.js';
import { valueRange } from '../../studio/src/pages/runs/plot/range.js';
import { extent, lowerBound, nearest, smooth, thin, visible } from '../../studio/src/pages/runs/plot/thin.js';
import { View } from '../../studio/src/pages/runs/plot/view.js';

const value = fc.double({ min: -1e3, max: 1e3, noNaN: true });

describe('points reduced to pixels', () => {
  it('keep each column its first, lowest, highest and last point, in order', () => {
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 400 }),
        fc.double({ min: 0.3, max: 60, noNaN: true }),
        (y, column) => {
          const x = y.map((_, i) => i);
          const out = new Int32Array(4 * (Math.ceil(y.length / column) + 2) + y.length);
          const kept = [...out.subarray(0, thin(x, y, 0, y.length, column, out))];
          expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
          const columns = new Map<number, number[]>();
          for (const i of x) columns.set(Math.floor(i / column), [...(columns.get(Math.floor(i / column)) ?? []), i]);
          for (const [bucket, all] of columns) {
            const those = kept.filter((i) => Math.floor(i / column) === bucket);
            expect(those.length).toBeLessThanOrEqual(4);
            expect([those[0], those.at(-1)]).toEqual([all[0], all.at(-1)]);
            const [values, seen] = [all, those].map((is) => is.map((i) => y[i]!));
            expect(Math.max(...seen!)).toBe(Math.max(...values!));
            expect(Math.min(...seen!)).toBe(Math.min(...values!));
          }
        },
      ),
    );
  });

  it('keep a gap where values are no numbers, and never more than four of a column', () => {
    const y = [1, Number.NaN, 3, 2, 5, Number.NaN, 4, 4, 4, 4].concat(Array(10).fill(Number.NaN));
    const out = new Int32Array(64);
    const kept = [
      ...out.subarray(
        0,
        thin(
          y.map((_, i) => i),
          y,
          0,
          20,
          10,
          out,
        ),
      ),
    ];
    expect(kept).toEqual([0, 4, 9, 19]);
  });

  it('stay the same while the chart is moved', () => {
    const x = Array.from({ length: 5000 }, (_, i) => i);
    const y = x.map((i) => (Math.sin(i * 12.9898) * 43758.5453) % 1);
    const kept = (from: number, to: number) => {
      const out = new Int32Array(4096);
      return [...out.subarray(0, thin(x, y, from, to, 37, out))];
    };
    const inside = (is: number[]) => is.filter((i) => i >= 1110 && i < 2960);
    expect(inside(kept(1000, 3000))).toEqual(inside(kept(1037, 3111)));
  });

  it('are found by their time', () => {
    const x = [0, 1, 2, 4, 8];
    expect([-1, 0, 3, 8, 9].map((v) => lowerBound(x, v))).toEqual([0, 0, 3, 4, 5]);
    expect([-1, 0.4, 0.6, 2.9, 3, 3.1, 99].map((v) => nearest(x, v))).toEqual([0, 0, 1, 2, 2, 3, 4]);
    expect(nearest([], 1)).toBe(-1);
    expect(visible(x, 1.5, 3)).toEqual([1, 4]);
  });
});

describe('what a chart shows', () => {
  it('reaches from the lowest to the highest value in sight', () => {
    const line = { key: 'a', name: 'a', colour: '--train', x: [0, 1, 2, 3], y: [9, 1, 2, Number.NaN] };
    expect(extent(line.x, line.y, 1, 3)).toEqual([1, 2]);
    const [low, high] = valueRange([line], 1, 3, false);
    expect([low, high].map((v) => +v.toFixed(6))).toEqual([0.94, 2.06]);
    expect(valueRange([], 0, 1, false)).toEqual([0, 1]);
  });

  it('is not flattened by a single bad step, and takes no logarithm of 0', () => {
    const x = Array.from({ length: 1000 }, (_, i) => i);
    const y = x.map((i) => (i === 500 ? 1e6 : 1 + (i % 10) / 10));
    const faint = { key: 'a', name: 'a', colour: '--train', x, y, faint: true };
    expect(valueRange([faint], 0, 1000, false)[1]).toBeLessThan(2.1);
    expect(valueRange([{ ...faint, faint: false }], 0, 1000, false)[1]).toBeGreaterThan(1e6);
    // A wild beginning is not the curve: the rest sets the scale, unless it is all that is looked at.
    const wild = { ...faint, faint: false, y: Array.from(y, (_, i) => (i === 3 ? 50 : 1 + i / 1000)) };
    expect(valueRange([wild], 0, 1000, false)[1]).toBeLessThan(2.2);
    expect(valueRange([wild], 0, 5, false)[1]).toBeGreaterThan(50);
    const [low] = valueRange([{ ...faint, y: y.map((v, i) => (i < 5 ? 0 : v)) }], 0, 1000, true);
    expect(low).toBeGreaterThan(0.9);
  });

  it('is smoothed without a pull towards 0, gaps left as gaps', () => {
    expect([...smooth([4, 4, 4], 0.9)].map((v) => +v.toFixed(9))).toEqual([4, 4, 4]);
    expect([...smooth([1, Number.NaN, 3], 0.5)]).toEqual([1, Number.NaN, (0.5 * 0.5 * 1 + 0.5 * 3) / 0.75]);
    expect([...smooth([1, 2, 3], 0)]).toEqual([1, 2, 3]);
  });
});

describe('the part of the time that is shown', () => {
  it('keeps its place while more arrives, and all of it grows', () => {
    const view = new View();
    view.setWhole(0, 10);
    expect(view.range).toEqual([0, 10]);
    view.setWhole(0, 20);
    expect(view.range).toEqual([0, 20]);
    view.show(5, 8);
    view.setWhole(0, 40);
    expect(view.range).toEqual([5, 8]);
    view.reset();
    expect(view.range).toEqual([0, 40]);
  });

  it('is zoomed around a point, moved, and never leaves the run', () => {
    const view = new View();
    view.setWhole(0, 100);
    view.zoom(0.5, 20);
    expect(view.range).toEqual([10, 60]);
    view.pan(0.2);
    expect(view.range).toEqual([20, 70]);
    view.pan(9);
    expect(view.range).toEqual([50, 100]);
    view.pan(-9);
    expect(view.range).toEqual([0, 50]);
    view.zoom(100);
    expect(view.zoomed).toBe(false);
    view.pan(0.5);
    expect(view.range).toEqual([0, 100]);
    view.show(50, 50);
    expect(view.range[1] - view.range[0]).toBeCloseTo(0.05);
  });
});

describe('steps of a running training', () => {
  const steps = { step: [1, 2, 3], loss: [3, 2, 1], lr: [1, 1, 1], batches: 10 };

  it('are appended once, though told twice', () => {
    const more = { step: [3, 4, 5], loss: [9, 0.5, 0.4], lr: [1, 0.5, 0.5] };
    const next = withSteps(steps, more);
    expect(next).toEqual({ step: [1, 2, 3, 4, 5], loss: [3, 2, 1, 0.5, 0.4], lr: [1, 1, 1, 0.5, 0.5], batches: 10 });
    expect(withSteps(next, more)).toBe(next);
  });

  it('are dropped where a resumed run began again', () => {
    expect(upTo(steps, 2)).toEqual({ step: [1, 2], loss: [3, 2], lr: [1, 1], batches: 10 });
    expect(upTo(steps, 3)).toBe(steps);
    expect(upTo(steps, 0, 7)).toEqual({ step: [], loss: [], lr: [], batches: 7 });
  });
});

describe('curves of runs', () => {
  const record = (epoch: number, valid = true) => ({
    epoch,
    train: { loss: 1 / epoch, accuracy: 0.5, confusion: [[1]] },
    ...(valid && { valid: { loss: 2 / epoch, accuracy: 0.4 } }),
    lr: 0.1 * epoch,
    seconds: 1,
    imagesPerSecond: 1,
  });
  const steps = { step: [5, 10, 15, 20], loss: [4, 3, null as never, 1], lr: [1, 2, 3, 4], batches: 10 };
  const run: Curves = { id: 'a', history: [record(1), record(2, false)], steps };

  it('are numbers by epoch or by step, validation only where it was done', () => {
    expect(measures([run])).toEqual(['loss', 'accuracy']);
    const [train, valid] = measureLines([run], 'loss', 'step');
    expect([train!.x, train!.y, train!.colour]).toEqual([[10, 20], [1, 0.5], '--train']);
    expect([valid!.x, valid!.y, valid!.colour]).toEqual([[10], [2], '--valid']);
    expect(measureLines([{ ...run, colour: '--series-2' }], 'loss', 'epoch', 'valid')).toMatchObject([
      { name: 'a', colour: '--series-2', x: [1] },
    ]);
    expect(span([run], 'epoch')).toEqual([0, 2]);
    expect(span([run], 'step')).toEqual([0, 20]);
  });

  it('show single steps behind their mean, and a gap for a loss that is no number', () => {
    const [faint, mean] = stepLines([run], 'epoch', 0.9);
    expect([...(faint!.x as Float64Array)]).toEqual([0.5, 1, 1.5, 2]);
    expect([...(faint!.y as Float64Array)]).toEqual([4, 3, Number.NaN, 1]);
    expect([faint!.faint, mean!.faint]).toEqual([true, undefined]);
    expect(stepLines([run], 'epoch', 0)).toHaveLength(1);
    expect(stepLines([{ id: 'b', history: [] }], 'epoch', 0.9)).toEqual([]);
    expect(rateLines([run], 'epoch')[0]!.y).toEqual([1, 2, 3, 4]);
    expect(rateLines([{ id: 'b', history: run.history }], 'epoch')[0]!.x).toEqual([1, 2]);
  });
});

import type { EpochRecord, Scores } from '../train/events.js';
import { type Chart, renderChart } from './chart.js';
import { isFraction, metricTitle } from './format.js';
import { colour } from './theme.js';

interface Point {
  readonly epoch: number;
  readonly value: number;
  readonly set: 'training' | 'validation';
}

const HEIGHT = 240;

/** Names of what the epochs measured as single numbers, `loss` first. */
export function curveNames(history: readonly EpochRecord[]): string[] {
  const names = new Set<string>(['loss']);
  for (const record of history)
    for (const scores of [record.train, record.valid])
      for (const [name, value] of Object.entries(scores ?? {})) if (typeof value === 'number') names.add(name);
  return [...names];
}

/**
 * One measure over the epochs: training and validation as two lines, the best epoch marked.
 * Values that are not finite leave a gap.
 */
export function curveChart(history: readonly EpochRecord[], name: string, best?: number): Promise<Chart> {
  const points: Point[] = [];
  const add = (epoch: number, set: Point['set'], scores: Scores | undefined) => {
    const value = scores?.[name];
    if (typeof value === 'number' && Number.isFinite(value)) points.push({ epoch, value, set });
  };
  for (const record of history) {
    add(record.epoch, 'training', record.train);
    add(record.epoch, 'validation', record.valid);
  }
  const title = name === 'loss' ? 'Loss' : metricTitle(name);
  const rises = isFraction(name);
  return renderChart(lines(points, rises ? '.1~%' : undefined, best, rises), title);
}

/** The learning rate over the epochs, as it was at each epoch's last step. */
export function learningRateChart(history: readonly EpochRecord[]): Promise<Chart> {
  const points = history.map((r): Point => ({ epoch: r.epoch, value: r.lr, set: 'training' }));
  return renderChart(lines(points, '~g', undefined), 'Learning rate');
}

/** @param rises curves end high, so that there is room for words below */
function lines(points: readonly Point[], format: string | undefined, best: number | undefined, rises = false): object {
  const epochs = points.map((p) => p.epoch);
  const first = Math.min(...epochs);
  const last = Math.max(...epochs);
  const sets = [...new Set(points.map((p) => p.set))];
  const single = sets.length < 2;
  // Whole epochs only: a tick at 1.5 means nothing.
  const stride = Math.max(1, Math.ceil((last - first) / 12));
  const ticks: number[] = [];
  for (let e = first; e <= last; e += stride) ticks.push(e);
  const x = {
    field: 'epoch',
    type: 'quantitative',
    axis: { values: ticks, grid: false, title: 'epoch', format: 'd', labelFlush: false },
    scale: first < last ? { domain: [first, last], nice: false } : { domain: [first - 1, last + 1], nice: false },
  };
  const marked = points.filter((p) => p.epoch === best && p.set === 'validation');
  return {
    width: 440,
    height: HEIGHT,
    data: { values: points },
    layer: [
      ...(marked.length > 0
        ? [
            {
              data: { values: marked },
              mark: { type: 'rule', color: colour('muted'), strokeDash: [3, 4], strokeWidth: 1 },
              encoding: { x },
            },
          ]
        : []),
      {
        mark: { type: 'line', strokeWidth: 2.25, strokeJoin: 'round', point: points.length <= 60 && { size: 34 } },
        encoding: {
          x,
          y: {
            field: 'value',
            type: 'quantitative',
            axis: { title: null, tickCount: 6, ...(format ? { format } : {}) },
            scale: { zero: false, nice: true },
          },
          color: {
            field: 'set',
            type: 'nominal',
            scale: { domain: ['training', 'validation'], range: [colour('train'), colour('valid')] },
            legend: single ? null : { symbolType: 'stroke' },
          },
        },
      },
      ...(marked.length > 0
        ? [
            {
              data: { values: marked },
              mark: {
                type: 'point',
                size: 90,
                strokeWidth: 2.25,
                color: colour('valid'),
                fill: colour('surface'),
                opacity: 1,
              },
              encoding: { x, y: { field: 'value', type: 'quantitative' } },
            },
            {
              data: { values: marked },
              mark: {
                type: 'text',
                text: `best: ${best}`,
                color: colour('muted'),
                fontSize: 11,
                // On the inner side of the line, so that it stays in the picture.
                align: best! - first > (last - first) / 2 ? 'right' : 'left',
                dx: best! - first > (last - first) / 2 ? -6 : 6,
                y: rises ? HEIGHT - 10 : 8,
              },
              encoding: { x },
            },
          ]
        : []),
    ],
  };
}

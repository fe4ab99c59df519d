import type { FoundLr } from '../train/findLr.js';
import { type Chart, renderChart } from './chart.js';
import { formatPlain } from './format.js';
import { colour } from './theme.js';

/** Loss over the learning rate of a sweep: each step, the smoothed curve, and the suggestion. */
export function lrChart({ points, suggestion }: FoundLr, title: string): Promise<Chart> {
  const least = Math.min(...points.map((p) => p.smoothed));
  const most = Math.max(...points.slice(0, Math.max(2, points.length >> 1)).map((p) => p.loss));
  // The end of a sweep explodes: what is far above the start is cut off, not shown.
  const top = most + 0.35 * (most - least || 1);
  const bottom = Math.min(least, ...points.map((p) => p.loss)) - 0.03 * (top - least);
  const x = {
    field: 'lr',
    type: 'quantitative',
    axis: { title: 'learning rate', grid: true, format: '.0e', tickCount: 6 },
    scale: { type: 'log', nice: false },
  };
  const y = (field: string) => ({
    field,
    type: 'quantitative',
    axis: { title: 'loss', tickCount: 6 },
    scale: { domain: [bottom, top], zero: false, clamp: false },
  });
  const marked = suggestion === undefined ? [] : [{ lr: suggestion, text: `suggestion: ${formatPlain(suggestion)}` }];
  const spec = {
    width: 520,
    height: 280,
    data: { values: points },
    layer: [
      {
        mark: { type: 'point', filled: true, size: 14, opacity: 0.45, clip: true, color: colour('muted') },
        encoding: { x, y: y('loss') },
      },
      {
        mark: { type: 'line', strokeWidth: 2.25, clip: true, color: colour('train') },
        encoding: { x, y: y('smoothed') },
      },
      ...(marked.length > 0
        ? [
            {
              data: { values: marked },
              mark: { type: 'rule', color: colour('valid'), strokeDash: [3, 4], strokeWidth: 1.5 },
              encoding: { x },
            },
            {
              data: { values: marked },
              mark: { type: 'text', align: 'right', dx: -6, y: 10, fontSize: 12, color: colour('ink') },
              encoding: { x, text: { field: 'text', type: 'nominal' } },
            },
          ]
        : []),
    ],
  };
  return renderChart(spec, title);
}

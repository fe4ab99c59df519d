import { mean, studentInterval } from '../race/stats.js';
import { type Chart, renderChart } from './chart.js';
import type { RaceContestant } from './raceData.js';
import { colour } from './theme.js';

/** A colour for each contestant; the first four follow the reader's light or dark system. */
const colours = [
  ...(['train', 'valid', 'good', 'bad'] as const).map(colour),
  ...['#8b5cf6', '#0e9aa7', '#a16207', '#7c8594', '#d946a0', '#65a30d'],
];

const colourOf = (contestants: readonly RaceContestant[]) => ({
  field: 'name',
  type: 'nominal',
  scale: { domain: contestants.map((c) => c.name), range: contestants.map((_, i) => colours[i % colours.length]!) },
});

/** Score over what a contestant costs: the mean over seeds as a point, the seeds from lowest to highest as a line. */
export function costChart(
  contestants: readonly RaceContestant[],
  title: string,
  cost: (c: RaceContestant) => number,
  log: boolean,
): Promise<Chart> {
  const values = contestants.map((c) => {
    const scores = c.entries.map((e) => e.score);
    return { name: c.name, cost: cost(c), score: mean(scores), low: Math.min(...scores), high: Math.max(...scores) };
  });
  const x = {
    field: 'cost',
    type: 'quantitative',
    axis: { title, format: '~s', tickCount: 5, grid: false },
    scale: log ? { type: 'log', padding: 24 } : { zero: false, padding: 24 },
  };
  const y = (field: string) => ({
    field,
    type: 'quantitative',
    axis: { title: null, format: '.1~%', tickCount: 5 },
    scale: { zero: false, padding: 12 },
  });
  const color = { ...colourOf(contestants), legend: null };
  return renderChart(
    {
      width: 300,
      height: 220,
      data: { values },
      layer: [
        { mark: { type: 'rule', strokeWidth: 1.5 }, encoding: { x, y: y('low'), y2: { field: 'high' }, color } },
        { mark: { type: 'point', filled: true, size: 80, opacity: 1 }, encoding: { x, y: y('score'), color } },
        {
          mark: { type: 'text', align: 'left', dx: 8, dy: -8, fontSize: 11, color: colour('ink') },
          encoding: { x, y: y('score'), text: { field: 'name', type: 'nominal' } },
        },
      ],
    },
    title,
  );
}

/** Points at which the curves of the seeds are compared. */
const POINTS = 60;

/** A value between the points of a curve; undefined outside. */
function valueAt(points: readonly (readonly [x: number, y: number])[], x: number): number | undefined {
  const next = points.findIndex((p) => p[0] >= x);
  if (next < 0) return undefined;
  const [x1, y1] = points[next]!;
  if (next === 0) return x1 === x ? y1 : undefined;
  const [x0, y0] = points[next - 1]!;
  return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

/**
 * Validation curves over training time or epochs: the mean over the seeds, in a band from the lowest to the highest seed,
 * or from three seeds on Student's 95 % interval for the mean. A curve ends where its first seed ends.
 */
export function raceCurves(contestants: readonly RaceContestant[], along: 'seconds' | 'epoch'): Promise<Chart> {
  const values: { name: string; x: number; mean: number; low: number; high: number }[] = [];
  for (const { name, entries } of contestants) {
    const curves = entries.map((e) => e.curve.map((p) => [p[along], p.value] as const)).filter((c) => c.length > 0);
    if (curves.length === 0) continue;
    const first = Math.max(...curves.map((c) => c[0]![0]));
    const last = Math.min(...curves.map((c) => c.at(-1)![0]));
    const steps = along === 'epoch' ? last - first : Math.min(POINTS, last > first ? POINTS : 0);
    for (let i = 0; i <= steps; i++) {
      const x = steps === 0 ? first : first + (i / steps) * (last - first);
      const at = curves.map((c) => valueAt(c, x)).filter((v): v is number => v !== undefined && Number.isFinite(v));
      if (at.length < curves.length) continue;
      const band = at.length >= 3 ? studentInterval(at) : { low: Math.min(...at), high: Math.max(...at) };
      values.push({ name, x, mean: mean(at), ...band });
    }
  }
  const x = {
    field: 'x',
    type: 'quantitative',
    axis: {
      ...(along === 'epoch' ? { title: 'epochs', tickMinStep: 1, format: 'd' } : { title: 'seconds of training' }),
      grid: false,
      tickCount: 8,
    },
    scale: { nice: false, padding: 8 },
  };
  const y = (field: string) => ({
    field,
    type: 'quantitative',
    axis: { title: null, tickCount: 6, format: '.1~%' },
    scale: { zero: false },
  });
  const color = { ...colourOf(contestants), legend: { symbolType: 'circle', symbolOpacity: 1, columns: 4 } };
  return renderChart(
    {
      width: 460,
      height: 260,
      data: { values },
      layer: [
        {
          mark: { type: 'area', opacity: 0.16, clip: true },
          encoding: { x, y: y('low'), y2: { field: 'high' }, color },
        },
        {
          mark: { type: 'line', strokeWidth: 2.25, point: along === 'epoch' && { size: 22 } },
          encoding: { x, y: y('mean'), color },
        },
      ],
    },
    along === 'epoch' ? 'Learning curves by epochs' : 'Learning curves by training time',
  );
}

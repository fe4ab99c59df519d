import { type Chart, renderChart } from './chart.js';
import { formatCount } from './format.js';
import { colour } from './theme.js';

/** `counts[t][p]`: images of class `t` that were taken for class `p`. */
export type ConfusionCounts = readonly (readonly number[])[];

export interface ClassScores {
  readonly name: string;
  /** Images of this class. */
  readonly count: number;
  /** Of the images said to be of this class, the share that is; NaN if none was said to be. */
  readonly precision: number;
  /** Of the images of this class, the share found; NaN if there are none. */
  readonly recall: number;
  readonly f1: number;
}

/** Precision, recall and F1 of each class. */
export function classScores(counts: ConfusionCounts, classes: readonly string[]): ClassScores[] {
  return classes.map((name, c) => {
    const row = counts[c] ?? [];
    const hits = row[c] ?? 0;
    const count = row.reduce((a, b) => a + b, 0);
    const said = counts.reduce((a, r) => a + (r[c] ?? 0), 0);
    return { name, count, precision: hits / said, recall: hits / count, f1: (2 * hits) / (count + said) };
  });
}

export interface Mixup {
  readonly truth: string;
  readonly predicted: string;
  readonly count: number;
}

/** The pairs of classes that are confused most, at most `limit`. */
export function commonMixups(counts: ConfusionCounts, classes: readonly string[], limit = 5): Mixup[] {
  const found: Mixup[] = [];
  for (const [t, row] of counts.entries())
    for (const [p, count] of row.entries())
      if (t !== p && count > 0)
        found.push({ truth: classes[t] ?? String(t), predicted: classes[p] ?? String(p), count });
  return found.sort((a, b) => b.count - a.count).slice(0, limit);
}

/**
 * The confusion matrix as a picture: a row is a true class, a column what it was taken for. Cells are shaded by the
 * share of their row, hits and mistakes in two colours; mistakes by its square root, so that rare ones are seen.
 * Counts are written into the cells up to 20 classes.
 */
export function confusionChart(counts: ConfusionCounts, classes: readonly string[]): Promise<Chart> {
  const unique = distinct(classes);
  const cells = unique.flatMap((truth, t) => {
    const row = counts[t] ?? [];
    const total = row.reduce((a, b) => a + b, 0) || 1;
    return unique.map((predicted, p) => {
      const count = row[p] ?? 0;
      const share = count / total;
      return {
        truth,
        predicted,
        text: count > 0 ? formatCount(count) : '',
        hit: t === p,
        // A single mistake among thousands must still show.
        shade: t === p ? share : count > 0 ? Math.max(0.12, Math.sqrt(share)) : 0,
      };
    });
  });
  const side = Math.max(10, Math.min(44, Math.floor(440 / unique.length)));
  const axis = { grid: false, domain: false, ticks: false, labelColor: colour('ink'), labelLimit: 110 };
  const x = {
    field: 'predicted',
    type: 'nominal',
    sort: null,
    axis: { ...axis, title: 'predicted', orient: 'top', labelAngle: longest(unique) > 3 ? -45 : 0 },
  };
  const y = { field: 'truth', type: 'nominal', sort: null, axis: { ...axis, title: 'true class' } };
  const spec = {
    width: { step: side },
    height: { step: side },
    data: { values: cells },
    layer: [
      {
        mark: { type: 'rect', cornerRadius: side > 16 ? 3 : 0, stroke: colour('surface'), strokeWidth: 1.5 },
        encoding: {
          x,
          y,
          color: { condition: { test: 'datum.hit', value: colour('train') }, value: colour('bad') },
          fillOpacity: { field: 'shade', type: 'quantitative', scale: { domain: [0, 1], range: [0, 1] }, legend: null },
        },
      },
      ...(unique.length <= 20
        ? [
            {
              mark: { type: 'text', fontSize: Math.min(12, Math.max(8, side / 3.2)) },
              encoding: {
                x,
                y,
                text: { field: 'text', type: 'nominal' },
                color: { condition: { test: 'datum.shade > 0.55', value: colour('onFill') }, value: colour('ink') },
              },
            },
          ]
        : []),
    ],
  };
  return renderChart(spec, 'Confusion matrix');
}

const longest = (names: readonly string[]) => Math.max(...names.map((n) => n.length));

/** Two classes of the same name would fall into one row. */
function distinct(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times > 1 ? `${name} (${times})` : name;
  });
}

import type { ReactNode } from 'react';
import type { RunDetail } from '../../../../../src/server/studio/api.js';
import { formatCount, formatDuration, formatMetric, formatNumber } from '../../../lib/format.js';
import { href } from '../../../lib/router.js';
import { Card } from '../../../ui/index.js';
import { measures, measureTitle } from '../data/curves.js';
import { speed, subject } from '../words.js';

interface Row {
  readonly name: string;
  readonly values: readonly (number | undefined)[];
  readonly show: (value: number) => ReactNode;
  /** Which is better, where one is. */
  readonly better?: 'higher' | 'lower';
}

/** What the runs came to; the best of each row is marked. */
export function ScoreTable({ runs }: { runs: readonly { id: string; detail: RunDetail; colour: string }[] }) {
  const rows = rowsOf(runs.map(({ detail }) => detail));
  return (
    <Card title="Scores" end={<span className="muted small">of the best epoch of each run</span>}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: wide tables are scrolled by keyboard */}
      <section className="scroll" tabIndex={0} aria-label="Scores of the runs">
        <table className="table compare-table">
          <thead>
            <tr>
              <th scope="col">Measure</th>
              {runs.map(({ id, colour, detail }) => (
                <th key={id} scope="col">
                  <i className="swatch" style={{ background: `var(${colour})` }} />{' '}
                  <a href={href(['runs', id])}>{id}</a>
                  <div>{subject(detail)}</div>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.name}>
                <th scope="row">{row.name}</th>
                {row.values.map((value, i) => (
                  <td key={runs[i]!.id}>
                    {value === undefined || !Number.isFinite(value) ? (
                      <span className="muted">–</span>
                    ) : isBest(row, value) ? (
                      <b>
                        {row.show(value)} <span className="best-mark">best</span>
                      </b>
                    ) : (
                      row.show(value)
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Card>
  );
}

/** Better than another run; where all are the same, none is the best. */
function isBest({ better, values }: Row, value: number): boolean {
  const there = values.filter((v) => v !== undefined && Number.isFinite(v)) as number[];
  if (!better || there.length < 2 || there.every((v) => v === there[0])) return false;
  return value === (better === 'higher' ? Math.max(...there) : Math.min(...there));
}

function rowsOf(runs: readonly RunDetail[]): Row[] {
  const best = runs.map(({ history, best }) => history.find(({ epoch }) => epoch === best?.epoch));
  const names = measures(runs.map(({ id, history }) => ({ id, history })));
  const score = (name: string, part: 'train' | 'valid') =>
    best.map((record) => {
      const value = record?.[part]?.[name];
      return typeof value === 'number' ? value : undefined;
    });
  return [
    ...names.flatMap((name): Row[] => {
      // Other data or another loss is another measure.
      const better = !same(runs, name) ? undefined : name === 'loss' ? 'lower' : 'higher';
      const show = (value: number) => (name === 'loss' ? formatNumber(value) : formatMetric(name, value));
      return [
        { name: `${measureTitle(name)}, validation`, values: score(name, 'valid'), show, ...(better && { better }) },
        { name: `${measureTitle(name)}, training`, values: score(name, 'train'), show },
      ];
    }),
    { name: 'Best epoch', values: runs.map((run) => run.best?.epoch), show: formatCount },
    { name: 'Epochs done', values: runs.map((run) => run.epochs), show: formatCount },
    {
      name: 'Time in training',
      values: runs.map(({ history }) =>
        history.length > 0 ? history.reduce((sum, r) => sum + r.seconds, 0) : undefined,
      ),
      show: formatDuration,
    },
    {
      name: 'Speed, last epoch',
      values: runs.map(({ history }) => history[history.length - 1]?.imagesPerSecond),
      show: speed,
    },
    { name: 'Parameters', values: runs.map((run) => run.parameters), show: formatCount },
  ].filter(({ values }) => values.some((value) => value !== undefined)) as Row[];
}

const same = (runs: readonly RunDetail[], measure: string): boolean =>
  new Set(runs.map(({ data, config }) => JSON.stringify([data, measure === 'loss' && config.training.loss]))).size ===
  1;

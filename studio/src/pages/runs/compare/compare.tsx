import { useMemo, useState } from 'react';
import type { RunDetail } from '../../../../../src/server/studio/api.js';
import { go, href } from '../../../lib/router.js';
import { Card, Loading, Notice, Page, Segmented } from '../../../ui/index.js';
import { StateBadge } from '../bits.js';
import { type Curves, seriesColour } from '../data/curves.js';
import { useRunsData } from '../data/use.js';
import { capital, writeIds } from '../words.js';
import { ComparePanel } from './curves.js';
import { settingsOf } from './differ.js';
import { ScoreTable } from './scores.js';
import './compare.css';

/** Several runs side by side: curves, scores and the settings in which they differ. */
export function Compare({ ids, asked }: { ids: readonly string[]; asked: URLSearchParams }) {
  const data = useRunsData(ids);
  const runs = useMemo(
    () =>
      ids.flatMap((id, i) => {
        const found = data[i];
        return found?.detail ? [{ id, detail: found.detail, steps: found.steps, colour: seriesColour(i) }] : [];
      }),
    [ids, data],
  );
  const curves = useMemo(
    () => runs.map(({ id, detail, steps, colour }): Curves => ({ id, history: detail.history, steps, colour })),
    [runs],
  );
  const failed = ids.filter((_, i) => data[i]?.error && !data[i]?.detail);
  const waiting = runs.length + failed.length < ids.length;
  const without = (id: string) =>
    go(['runs'], ids.length > 1 ? { compare: writeIds(ids.filter((other) => other !== id)) } : {}, true);
  return (
    <Page
      up={{ name: 'Runs', href: href(['runs']) }}
      title="Compare"
      about={`${ids.length} ${ids.length === 1 ? 'run' : 'runs'}`}
    >
      {failed.map((id) => (
        <Notice key={id} kind="bad">
          {id} cannot be read: {data[ids.indexOf(id)]?.error}
        </Notice>
      ))}
      <ul className="row compared">
        {runs.map(({ id, detail, colour }) => (
          <li key={id} className="chip large">
            <i style={{ background: `var(${colour})` }} />
            <a href={href(['runs', id])}>{id}</a>
            {detail.state !== 'done' && <StateBadge state={detail.state} />}
            <button type="button" aria-label={`Take away ${id}`} onClick={() => without(id)}>
              ×
            </button>
          </li>
        ))}
      </ul>
      {waiting && runs.length === 0 ? (
        <Loading />
      ) : (
        <>
          <ComparePanel runs={curves} asked={asked} ids={ids} />
          <ScoreTable runs={runs} />
          <Differences runs={runs} />
        </>
      )}
    </Page>
  );
}

function Differences({ runs }: { runs: readonly { id: string; detail: RunDetail; colour: string }[] }) {
  const [what, setWhat] = useState<'differences' | 'all'>('differences');
  const settings = useMemo(() => settingsOf(runs.map(({ detail }) => detail)), [runs]);
  const shown = what === 'all' ? settings : settings.filter(({ differs }) => differs);
  return (
    <Card
      title="Settings"
      end={
        <Segmented
          label="Settings to show"
          value={what}
          options={[
            ['differences', 'Differences'],
            ['all', 'All'],
          ]}
          onChange={setWhat}
        />
      }
    >
      {shown.length === 0 ? (
        <p className="muted">
          {runs.length < 2 ? 'There is nothing to compare with.' : 'These runs have the same settings.'}
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: wide tables are scrolled by keyboard
        <section className="scroll" tabIndex={0} aria-label="Settings of the runs">
          <table className="table compare-table">
            <thead>
              <tr>
                <th scope="col">Setting</th>
                {runs.map(({ id, colour }) => (
                  <th key={id} scope="col">
                    <i className="swatch" style={{ background: `var(${colour})` }} /> {id}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map(({ name, values, differs }) => (
                <tr key={name} className={differs && what === 'all' ? 'differs' : undefined}>
                  <th scope="row">{capital(name)}</th>
                  {values.map((value, i) => (
                    <td key={runs[i]!.id}>{value ?? <span className="muted">–</span>}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Card>
  );
}

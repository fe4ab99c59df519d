import { useState } from 'react';
import type { RunSummary } from '../../../../../src/server/studio/api.js';
import { useLiveError, useRuns } from '../../../lib/live.js';
import { go, href } from '../../../lib/router.js';
import { PlayIcon } from '../../../ui/icons.js';
import { Empty, Loading, Notice, Page } from '../../../ui/index.js';
import { Command } from '../bits.js';
import { matches, type Order, sorted, writeIds } from '../words.js';
import { RunRow } from './row.js';

const ORDERS: readonly (readonly [Order, string])[] = [
  ['newest', 'Newest first'],
  ['score', 'Best score first'],
  ['name', 'By name'],
  ['network', 'By network'],
];

const StartButton = () => (
  <a className="button primary" href={href(['start'])}>
    <PlayIcon /> Start a run
  </a>
);

/** All runs: what is being trained now, and what was trained before. */
export function RunList({ asked }: { asked: URLSearchParams }) {
  const runs = useRuns();
  const failure = useLiveError();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const filter = asked.get('find') ?? '';
  const order = (asked.get('sort') ?? 'newest') as Order;
  const set = (find: string, sort: Order) =>
    go(['runs'], { ...(find && { find }), ...(sort !== 'newest' && { sort }) }, true);

  if (!runs)
    return (
      <Page title="Runs">{failure ? <Notice kind="bad">Runs cannot be listed: {failure}</Notice> : <Loading />}</Page>
    );
  if (runs.length === 0) return <NoRuns />;

  const shown = sorted(
    runs.filter((run) => matches(run, filter)),
    order,
  );
  const ids = runs.filter(({ id }) => chosen.has(id)).map(({ id }) => id);
  const running = runs.filter(({ state }) => state === 'running').length;
  const choose = (id: string) =>
    setChosen((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  return (
    <Page
      title="Runs"
      about={`${runs.length} ${runs.length === 1 ? 'run' : 'runs'}${running > 0 ? `, ${running} in training` : ''}`}
      end={<StartButton />}
    >
      <div className="row list-tools">
        <input
          className="input find"
          type="search"
          aria-label="Filter runs by name, network, data or state"
          placeholder="Filter by name, network, data or state"
          value={filter}
          onChange={(e) => set(e.target.value, order)}
        />
        <select
          className="select order"
          aria-label="Order of the runs"
          value={order}
          onChange={(e) => set(filter, e.target.value as Order)}
        >
          {ORDERS.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
        <span className="end row">
          {ids.length > 0 && (
            <button type="button" className="button quiet" onClick={() => setChosen(new Set())}>
              Choose none
            </button>
          )}
          <button
            type="button"
            className="button"
            disabled={ids.length < 2}
            title={ids.length < 2 ? 'Choose two runs or more by the boxes at their left' : undefined}
            onClick={() => go(['runs'], { compare: writeIds(ids) })}
          >
            Compare{ids.length > 0 ? ` ${ids.length}` : ''}
          </button>
        </span>
      </div>
      <section className="card runs-card" aria-label="All runs">
        {shown.length === 0 ? (
          <Empty title="No run is like that">
            <p>Nothing is found for “{filter}”.</p>
            <button type="button" className="button" onClick={() => set('', order)}>
              Show all
            </button>
          </Empty>
        ) : (
          <table className="runs-table">
            <thead>
              <tr>
                <th scope="col">
                  <span className="hidden">Choose</span>
                </th>
                <th scope="col">Run</th>
                <th scope="col">State</th>
                <th scope="col" className="epochs">
                  Epochs
                </th>
                <th scope="col">Best score</th>
                <th scope="col" className="curve">
                  Loss
                </th>
                <th scope="col">Changed</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((run: RunSummary) => (
                <RunRow key={run.id} run={run} chosen={chosen.has(run.id)} choose={choose} />
              ))}
            </tbody>
          </table>
        )}
      </section>
    </Page>
  );
}

const NoRuns = () => (
  <Page title="Runs">
    <section className="card">
      <Empty title="Nothing has been trained here yet">
        <p className="narrow">
          Train a network and watch it learn: its curves, the pictures it gets right and wrong, the time that is left.
          LeNet learns handwritten digits in a minute or two.
        </p>
        <StartButton />
        <p className="narrow">Or in a terminal, with this page open beside it:</p>
        <Command>npx fovea train lenet --data mnist</Command>
      </Empty>
    </section>
  </Page>
);

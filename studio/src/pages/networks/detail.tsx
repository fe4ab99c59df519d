import { useCallback, useEffect, useMemo, useState } from 'react';
import type { NetworkGraph } from '../../../../src/server/studio/api.js';
import { runPath, useGet } from '../../lib/api.js';
import { go, href, usePlace } from '../../lib/router.js';
import { Loading, Notice, Page, Segmented } from '../../ui/index.js';
import { Explorer } from './explorer.js';
import { ClassicFigure } from './figure.js';
import { measureWords, shortNumber } from './model/measures.js';
import { Settings } from './settings.js';

/** A registered network, or that of a run. */
export function Detail({ name, run }: { name: string; run?: string }) {
  const { query } = usePlace();
  const settings = ['input', 'classes'].flatMap((key) => (query.has(key) ? [[key, query.get(key)!]] : []));
  const search = settings.length > 0 ? `?${new URLSearchParams(settings)}` : '';
  const path = run === undefined ? `/api/networks/${encodeURIComponent(name)}${search}` : runPath(run, '/network');
  const { data, error } = useGet<NetworkGraph>(path);
  // What was there stays until the answer for another size is there.
  const [last, setLast] = useState<NetworkGraph>();
  useEffect(() => {
    if (data) setLast(data);
  }, [data]);
  const graph = data ?? last;
  const view = query.get('view') === 'figure' ? 'figure' : 'drawing';
  const parts = run === undefined ? ['networks', name] : ['networks', 'run', run];
  const setView = (v: string) => {
    const { view: _, ...rest } = Object.fromEntries(query);
    go(parts, v === 'figure' ? { ...rest, view: v } : rest, true);
  };
  const change = useCallback(
    (input: string, classes: string) => go(['networks', name], { ...Object.fromEntries(query), input, classes }, true),
    [name, query],
  );
  const totals = useMemo(
    () =>
      graph && [
        ['parameters', shortNumber(graph.totals.parameters)],
        ['multiply-adds', shortNumber(graph.totals.multiplyAdds)],
        ['activations', measureWords('activationBytes', graph.totals.activationBytes)],
      ],
    [graph],
  );
  return (
    <Page
      up={{ name: 'Networks', href: href(['networks']) }}
      title={run ?? name}
      about={run !== undefined && graph ? `${graph.name}, trained` : undefined}
      end={
        <>
          {run !== undefined && (
            <>
              <a className="button" href={href(['runs', run])}>
                Its run
              </a>
              <a className="button" href={href(['try', run])}>
                Try it
              </a>
            </>
          )}
          <Segmented
            label="View"
            value={view}
            options={[
              ['drawing', 'Interactive'],
              ['figure', 'Classic figure'],
            ]}
            onChange={setView}
          />
        </>
      }
    >
      {error && (!graph || run !== undefined) && (
        <Notice kind="bad">
          {error} {search && <a href={href(parts)}>Show it as it is made</a>}
        </Notice>
      )}
      {!graph && !error && <Loading what="Taking the network apart" />}
      {graph && (
        <>
          <div className="net-head">
            {run === undefined ? (
              <Settings
                key={`${graph.inputShape} ${graph.classes}`}
                inputShape={graph.inputShape}
                classes={graph.classes}
                error={error}
                onChange={change}
              />
            ) : (
              <p className="numbers">
                {graph.inputShape.join(' × ')} → {graph.classes} classes
              </p>
            )}
            <dl className="net-totals numbers">
              {totals?.map(([what, value]) => (
                <div key={what}>
                  <dt>{what}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </div>
          {view === 'figure' ? (
            <div className="card net-figure-card">
              <ClassicFigure svg={graph.figure} alt={`${graph.name}: its architecture`} />
            </div>
          ) : (
            <Explorer graph={graph} run={run} />
          )}
        </>
      )}
    </Page>
  );
}

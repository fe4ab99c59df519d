import { useEffect, useState } from 'react';
import { getBytes, runPath } from '../../../lib/api.js';
import { useRuns } from '../../../lib/live.js';
import { Loading, Notice } from '../../../ui/index.js';
import { firstFilters } from '../compute/onnxWeights.js';
import { largest, type Plane } from '../compute/ops.js';
import { Pixels } from './Pixels.js';

/** The first filters of a LeNet that was trained here, to choose one from. */
export function LearnedFilters({ chosen, onChoose }: { chosen: Plane; onChoose: (kernel: Plane) => void }) {
  const runs = useRuns()?.filter((run) => run.model.startsWith('lenet') && run.best !== null);
  const [id, setId] = useState<string>();
  const run = id ?? runs?.[0]?.id;
  const [read, setRead] = useState<{ run: string; filters: readonly Plane[] | string }>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another run is read anew
  useEffect(() => {
    if (run === undefined) return;
    let gone = false;
    getBytes(runPath(run, '/model.onnx')).then(
      (bytes) => {
        if (gone) return;
        const filters = firstFilters(new Uint8Array(bytes));
        setRead({ run, filters });
        if (filters[0]) onChoose(filters[0]);
      },
      (error: Error) => !gone && setRead({ run, filters: error.message }),
    );
    return () => {
      gone = true;
    };
  }, [run]);

  if (!runs) return <Loading what="Asking for runs" />;
  if (run === undefined)
    return (
      <Notice kind="plain">
        No LeNet has been trained yet: <a href="#/start?model=lenet">start a run</a> and its filters appear here.
      </Notice>
    );
  if (read?.run !== run) return <Loading what="Reading the filters" />;
  if (typeof read.filters === 'string') return <Notice kind="bad">The filters cannot be read: {read.filters}</Notice>;
  if (read.filters.length === 0)
    return <Notice>The first layer of this run does not look at one grey channel; choose another run.</Notice>;
  return (
    <div className="stack" style={{ gap: 8 }}>
      <div className="row">
        <span className="muted small">
          The {read.filters.length} first filters of the run
          {runs.length > 1 ? ':' : ` ${run}, scaled to a largest weight of 1`}
        </span>
        {runs.length > 1 && (
          <select
            className="select"
            style={{ width: 'auto' }}
            aria-label="Run whose filters are shown"
            value={run}
            onChange={(event) => setId(event.currentTarget.value)}
          >
            {runs.map((r) => (
              <option key={r.id}>{r.id}</option>
            ))}
          </select>
        )}
      </div>
      <div className="filters">
        {read.filters.map((filter, i) => (
          <button
            // biome-ignore lint/suspicious/noArrayIndexKey: filters have no other name
            key={i}
            type="button"
            aria-label={`Filter ${i + 1}`}
            aria-pressed={filter === chosen}
            onClick={() => onChoose(filter)}
          >
            <Pixels plane={filter} scale={{ signed: largest(filter) }} label={`Filter ${i + 1}`} />
          </button>
        ))}
      </div>
    </div>
  );
}

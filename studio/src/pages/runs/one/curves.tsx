import { useMemo } from 'react';
import type { RunDetail, StepSeries } from '../../../../../src/server/studio/api.js';
import { useRuns } from '../../../lib/live.js';
import { go } from '../../../lib/router.js';
import { Empty } from '../../../ui/index.js';
import { type Curves, seriesColour } from '../data/curves.js';
import { useRunsData } from '../data/use.js';
import { readIds, subject, writeIds } from '../words.js';
import { CurvePanel } from './panel.js';

/** Curves of this run and, on request, of others over them. */
export function CurvesTab({
  id,
  detail,
  steps,
  asked,
}: {
  id: string;
  detail: RunDetail;
  steps: StepSeries | undefined;
  asked: URLSearchParams;
}) {
  const key = asked.get('with') ?? '';
  const others = useMemo(
    () =>
      readIds(key)
        .filter((other) => other !== id)
        .slice(0, 7),
    [key, id],
  );
  const data = useRunsData(others);
  const runs = useMemo((): Curves[] => {
    const own = { id, history: detail.history, steps };
    if (others.length === 0) return [own];
    return [
      { ...own, colour: seriesColour(0) },
      ...others.flatMap((other, i) => {
        const found = data[i]?.detail;
        return found ? [{ id: other, history: found.history, steps: data[i]!.steps, colour: seriesColour(i + 1) }] : [];
      }),
    ];
  }, [id, detail.history, steps, others, data]);
  const overlay = (ids: readonly string[]) => go(['runs', id], ids.length > 0 ? { with: writeIds(ids) } : {}, true);

  if (detail.history.length === 0 && (steps?.step.length ?? 0) === 0 && others.length === 0)
    return (
      <section className="card">
        <Empty title="There are no numbers yet">
          <p>
            {detail.state === 'running'
              ? 'The first ones come within seconds of the first batch.'
              : 'This run ended before its first epoch was done.'}
          </p>
        </Empty>
      </section>
    );
  return (
    <CurvePanel
      runs={runs}
      end={<Overlay id={id} others={others} failed={others.filter((_, i) => data[i]?.error)} set={overlay} />}
    />
  );
}

/** Chooses runs to lay over the curves. */
function Overlay({
  id,
  others,
  failed,
  set,
}: {
  id: string;
  others: readonly string[];
  failed: readonly string[];
  set: (ids: readonly string[]) => void;
}) {
  const left = (useRuns() ?? []).filter((run) => run.id !== id && !others.includes(run.id) && run.epochs > 0);
  return (
    <>
      {others.map((other, i) => (
        <span key={other} className="chip">
          <i style={{ background: `var(${seriesColour(i + 1)})` }} />
          {other}
          {failed.includes(other) && <span className="says-bad">cannot be read</span>}
          <button
            type="button"
            aria-label={`Take away ${other}`}
            onClick={() => set(others.filter((o) => o !== other))}
          >
            ×
          </button>
        </span>
      ))}
      {others.length < 7 && left.length > 0 && (
        <select
          className="select overlay"
          aria-label="Lay another run over the curves"
          value=""
          onChange={(e) => set([...others, e.target.value])}
        >
          <option value="">Lay over another run …</option>
          {left.map((run) => (
            <option key={run.id} value={run.id}>
              {run.id} ({subject(run)})
            </option>
          ))}
        </select>
      )}
    </>
  );
}

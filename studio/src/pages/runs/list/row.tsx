import { memo } from 'react';
import type { RunSummary } from '../../../../../src/server/studio/api.js';
import { href } from '../../../lib/router.js';
import { Ago, LiveLine, Sparkline, StateBadge } from '../bits.js';
import { scoreName, scoreText, subject } from '../words.js';

/** A line of the list; drawn anew only when its own run has changed. */
export const RunRow = memo(function RunRow({
  run,
  chosen,
  choose,
}: {
  run: RunSummary;
  chosen: boolean;
  choose: (id: string) => void;
}) {
  const { id, state, epochs, planned, score, best, spark, changed, reason } = run;
  return (
    <tr className={chosen ? 'chosen' : undefined}>
      <td className="choose">
        <input type="checkbox" aria-label={`Choose ${id}`} checked={chosen} onChange={() => choose(id)} />
      </td>
      <td className="name">
        <a href={href(['runs', id])}>{id}</a>
        <div className="small muted">{reason ?? subject(run)}</div>
      </td>
      <td>
        <StateBadge state={state} />
      </td>
      {state === 'running' ? (
        <td className="epochs">
          <LiveLine run={run} />
        </td>
      ) : (
        <td className="epochs numbers">
          {epochs}
          <span className="muted"> of {planned}</span>
        </td>
      )}
      <td className="numbers score">
        {score ? (
          <>
            <b>{scoreText(score)}</b>
            <div className="small muted">
              {scoreName(score)}
              {best && `, epoch ${best.epoch}`}
            </div>
          </>
        ) : (
          <span className="muted">–</span>
        )}
      </td>
      <td className="curve">
        <Sparkline values={spark} />
      </td>
      <td className="small changed">
        <Ago time={changed} />
      </td>
    </tr>
  );
});

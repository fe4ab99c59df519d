import { useEffect, useState } from 'react';
import type { RunState, RunSummary } from '../../../../src/server/studio/api.js';
import { formatDuration } from '../../lib/format.js';
import { Progress } from '../../ui/index.js';
import { ago, share, stateClass } from './words.js';

export const StateBadge = ({ state }: { state: RunState }) => (
  <span className={`badge ${stateClass(state)}`}>{state}</span>
);

/** How long ago, said anew every half minute. */
export function Ago({ time }: { time: number | null }) {
  const [, turn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => turn((t) => t + 1), 30_000);
    return () => clearInterval(timer);
  }, []);
  if (time === null) return <span className="muted">–</span>;
  return (
    <time dateTime={new Date(time).toISOString()} title={new Date(time).toLocaleString('en-GB')}>
      {ago(time)}
    </time>
  );
}

/** A curve without axes; falling is good. */
export function Sparkline({
  values,
  width = 108,
  height = 28,
}: {
  values: readonly number[];
  width?: number;
  height?: number;
}) {
  const real = values.filter((v) => Number.isFinite(v));
  if (real.length < 2) return <svg width={width} height={height} aria-hidden="true" />;
  const low = Math.min(...real);
  const high = Math.max(...real);
  const points = real.map((v, i) => {
    const x = 2 + (i * (width - 5)) / (real.length - 1);
    const y = 3 + ((high - v) * (height - 6)) / (high - low || 1);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  const [x, y] = points[points.length - 1]!.split(' ');
  return (
    <svg className="spark" width={width} height={height} aria-hidden="true">
      <path d={`M${points.join('L')}`} />
      <circle cx={x} cy={y} r="2.2" />
    </svg>
  );
}

/** Bar of a running training, with what it is doing and how long it still takes. */
export function LiveLine({ run }: { run: RunSummary }) {
  const { live } = run;
  return (
    <div className="live-line">
      <Progress value={share(run)} label={`Training of ${run.id}`} />
      <div className="small muted numbers row">
        {live ? (
          <>
            <span>
              Epoch {Math.max(1, live.epoch)} of {run.planned}
              {live.phase !== 'training' && `, ${live.phase}`}
            </span>
            <span className="end">{live.secondsLeft !== null && `${formatDuration(live.secondsLeft)} left`}</span>
          </>
        ) : (
          <span>starting</span>
        )}
      </div>
    </div>
  );
}

/** A command line that can be copied. */
export function Command({ children }: { children: string }) {
  const [copied, setCopied] = useState<boolean>();
  useEffect(() => {
    if (copied === undefined) return;
    const timer = setTimeout(() => setCopied(undefined), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () =>
    void copyText(children).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  return (
    <div className="command">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled by keyboard */}
      <code tabIndex={0}>{children}</code>
      <button type="button" className="button" onClick={copy}>
        <span aria-live="polite">{copied === undefined ? 'Copy' : copied ? 'Copied' : 'Select it by hand'}</span>
      </button>
    </div>
  );
}

/** Pages that are not on this machine have no clipboard of their own. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.style.cssText = 'position:fixed;opacity:0';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('the browser does not copy');
}

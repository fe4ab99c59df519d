import { useState } from 'react';
import type { Planned } from '../../../../src/server/studio/api.js';
import { formatBytes, formatCount, formatDuration } from '../../lib/format.js';
import { PlayIcon } from '../../ui/icons.js';
import { Card, Notice } from '../../ui/index.js';

export type Forecast = Extract<Planned, { ok: true }>;

/** How far the prediction is. `stale`: the settings have changed since. */
export type Prediction =
  | { readonly state: 'none' | 'asking' | 'cancelled' }
  | { readonly state: 'known' | 'stale'; readonly plan: Forecast };

/** What stands beside the form: what it would take, how to say it in a terminal, and the start. */
export function Ready({
  prediction,
  command,
  problem,
  blocked,
  starting,
  live,
  onPredict,
  onCancel,
  onStart,
}: {
  prediction: Prediction;
  command: string;
  /** What is wrong and belongs to no field. */
  problem: string | undefined;
  /** Something is wrong beside a field. */
  blocked: boolean;
  starting: boolean;
  /** Runs that are training now. */
  live: number;
  onPredict: () => void;
  onCancel: () => void;
  onStart: () => void;
}) {
  const asking = prediction.state === 'asking';
  return (
    <aside className="start-side" aria-label="Before the start">
      <Card title="What it will take">
        <div aria-live="polite">
          {'plan' in prediction ? (
            <Figures plan={prediction.plan} old={prediction.state === 'stale'} />
          ) : (
            <p className="muted small">
              {asking
                ? 'Measuring a few steps of it on this machine …'
                : 'A few of its own steps are measured on this machine, in some seconds: time of an epoch, time of all, peak memory.'}
            </p>
          )}
        </div>
        <div className="row start-predict">
          {asking ? (
            <button type="button" className="button" onClick={onCancel}>
              Cancel
            </button>
          ) : (
            <button type="button" className="button" disabled={blocked || starting} onClick={onPredict}>
              {prediction.state === 'stale' ? 'Predict again' : 'Predict time and memory'}
            </button>
          )}
          {prediction.state === 'stale' && <span className="muted small">for other settings</span>}
          {asking && <i className="start-busy" aria-hidden="true" />}
        </div>
      </Card>
      {problem !== undefined && <Notice kind="bad">{problem}</Notice>}
      {live > 0 && (
        <Notice kind="plain">
          {live === 1 ? 'A run is training now' : `${live} runs are training now`}: another one makes both slower.
        </Notice>
      )}
      <button type="button" className="button primary start-go" disabled={blocked || starting} onClick={onStart}>
        <PlayIcon /> {starting ? 'Starting …' : 'Start training'}
      </button>
      {blocked && <p className="says-bad small start-blocked">Something beside a field needs to be put right first.</p>}
      <Command text={command} />
    </aside>
  );
}

function Figures({ plan, old }: { plan: Forecast; old: boolean }) {
  const rows: readonly (readonly [string, string])[] = [
    ['One epoch', formatDuration(plan.epochSeconds)],
    ['Speed', `${formatCount(plan.imagesPerSecond)} images/s`],
    ['Peak memory', formatBytes(plan.peakBytes)],
    ...(plan.parameters === undefined ? [] : [['Parameters', formatCount(plan.parameters)] as const]),
  ];
  return (
    <div className={old ? 'start-figures old' : 'start-figures'}>
      <div className="start-total">
        <b>{formatDuration(plan.totalSeconds)}</b>
        <span className="muted">for all epochs</span>
      </div>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Command({ text }: { text: string }) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied');
    } catch {
      setSaid('Select the text and copy it');
    }
    setTimeout(() => setSaid(''), 2500);
  };
  return (
    <Card
      title="The same in a terminal"
      end={
        <button type="button" className="button quiet start-copy" onClick={copy}>
          {said || 'Copy'}
        </button>
      }
    >
      <code className="start-command">{text}</code>
      <span className="hidden" role="status">
        {said}
      </span>
    </Card>
  );
}

import type { RunDetail } from '../../../../../src/server/studio/api.js';
import { formatDuration, formatPercent } from '../../../lib/format.js';
import { Card, Progress } from '../../../ui/index.js';
import { capital, share, speed } from '../words.js';

/** What a running training does at this moment. */
export function NowCard({ run }: { run: RunDetail }) {
  const { live, planned, config } = run;
  const done = share(run);
  const predicted = live?.predictedImagesPerSecond;
  const rows: [string, string][] = live
    ? [
        ['Epoch', `${Math.max(1, live.epoch)} of ${planned}`],
        [live.phase === 'training' ? 'Batch' : capital(live.phase), `${live.batch} of ${live.batches}`],
        ['Speed', live.imagesPerSecond > 0 ? speed(live.imagesPerSecond) : '–'],
        ...(predicted
          ? ([
              [
                'Predicted',
                live.imagesPerSecond > 0
                  ? `${speed(predicted)}, now ${formatPercent(live.imagesPerSecond / predicted, 0)}`
                  : speed(predicted),
              ],
            ] as [string, string][])
          : []),
        ['Device', device(config.device)],
      ]
    : [];
  return (
    <Card className="now">
      <div className="row">
        <b className="numbers">{formatPercent(done, done < 0.1 ? 1 : 0)}</b>
        <span className="muted">
          {live ? (live.phase === 'training' ? 'trained' : live.phase) : 'The process is starting'}
        </span>
        <span className="end numbers">
          {live?.secondsLeft != null && (
            <>
              <b>{formatDuration(live.secondsLeft)}</b> <span className="muted">left</span>
            </>
          )}
        </span>
      </div>
      <Progress value={done} label="Training" />
      <dl className="facts numbers">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

const device = ({ description, threads }: RunDetail['config']['device']) =>
  `${description}, ${threads} thread${threads === 1 ? '' : 's'}`;

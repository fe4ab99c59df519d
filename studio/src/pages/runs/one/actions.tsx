import { useState } from 'react';
import type { About, RunDetail, Started } from '../../../../../src/server/studio/api.js';
import { post, runPath, useGet } from '../../../lib/api.js';
import { PlayIcon, StopIcon } from '../../../ui/icons.js';
import { fileAddress } from './pictures.js';

/** Stop, resume, report; a button that cannot be used says why. */
export function Actions({
  run,
  report,
  onFailed,
}: {
  run: RunDetail;
  report: string | undefined;
  onFailed: (why: string | undefined) => void;
}) {
  const about = useGet<About>('/api/about').data;
  const [asked, setAsked] = useState<{ what: 'stop' | 'resume'; from: RunDetail['state'] }>();
  // Done as soon as the run is in another state than when it was asked for.
  const waiting = asked && asked.from === run.state ? asked.what : undefined;
  const denied =
    about?.token === 'needed' ? 'Open the studio by the address with its token, as its terminal shows it' : undefined;
  const send = (what: 'stop' | 'resume') => {
    onFailed(undefined);
    setAsked({ what, from: run.state });
    post<Started>(runPath(run.id, `/${what}`)).catch((error: Error) => {
      setAsked(undefined);
      onFailed(error.message);
    });
  };
  const running = run.state === 'running';
  const unable = running ? undefined : resumable(run);
  const why = denied ?? unable;
  return (
    <>
      {report && (
        <a className="button" href={fileAddress(run, report)} target="_blank" rel="noreferrer">
          Report
        </a>
      )}
      <button
        type="button"
        className={`button ${running ? 'danger' : ''}`}
        disabled={why !== undefined || waiting !== undefined}
        title={why}
        aria-describedby={why ? 'why-not' : undefined}
        onClick={() => send(running ? 'stop' : 'resume')}
      >
        {running ? <StopIcon /> : <PlayIcon />}
        {running ? (waiting === 'stop' ? 'Stopping …' : 'Stop') : waiting === 'resume' ? 'Resuming …' : 'Resume'}
      </button>
      {why && (
        <span id="why-not" className="hidden">
          {why}
        </span>
      )}
    </>
  );
}

/** Why a run cannot go on. */
function resumable({ state, epochs, planned }: RunDetail): string | undefined {
  if (state === 'interrupted') return undefined;
  if (state === 'damaged') return 'A damaged run cannot go on';
  if (state === 'stopped early') return 'It stopped by itself, as it no longer got better: start a new run to train on';
  return `All ${planned || epochs} epochs are done: start a new run to train longer`;
}

import { useId } from 'react';
import type { RunSummary } from '../../../../src/server/studio/api.js';
import { runPath, useGet } from '../../lib/api.js';
import { formatMetric, metricTitle } from '../../lib/format.js';
import { useLiveError, useRuns } from '../../lib/live.js';
import type { PageConfig } from '../../lib/predict/index.js';
import { go, href, usePlace } from '../../lib/router.js';
import { Empty, Loading, Notice, Page } from '../../ui/index.js';
import { Classifier } from './Classifier.js';
import { useEngine } from './engine.js';
import { Masks } from './Masks.js';
import './try.css';

/** A run has weights once an epoch is done. */
const hasWeights = (run: RunSummary): boolean => run.epochs > 0 && run.state !== 'damaged';

export default function Try() {
  const { parts } = usePlace();
  const failed = useLiveError();
  const runs = useRuns()?.filter(hasWeights);
  if (!runs)
    return <Page title="Try it">{failed === undefined ? <Loading /> : <Notice kind="bad">{failed}</Notice>}</Page>;
  const asked = parts.length > 1 ? parts.slice(1).join('/') : undefined;
  const chosen = asked ?? runs[0]?.id;
  if (chosen === undefined)
    return (
      <Page title="Try it">
        <Empty title="No trained network yet">
          <p>Train one first: LeNet learns digits in under a minute.</p>
          <a className="button primary" href={href(['start'], { model: 'lenet' })}>
            Start a run
          </a>
        </Empty>
      </Page>
    );
  return <Chosen key={chosen} id={chosen} runs={runs} />;
}

function Chosen({ id, runs }: { id: string; runs: readonly RunSummary[] }) {
  const select = useId();
  const config = useGet<PageConfig>(runPath(id, '/page'));
  const known = runs.find((r) => r.id === id);
  return (
    <Page
      title="Try it"
      about={config.data?.about}
      end={
        <>
          <label htmlFor={select} className="muted">
            Run
          </label>
          <select
            id={select}
            className="select try-run"
            value={id}
            onChange={({ target }) => go(['try', target.value])}
          >
            {!known && <option value={id}>{id}</option>}
            {runs.map((r) => (
              <option key={r.id} value={r.id}>
                {describe(r)}
              </option>
            ))}
          </select>
          <a className="button" href={href(['runs', id])}>
            Its curves
          </a>
        </>
      }
    >
      {config.error !== undefined ? (
        <Notice kind="bad">{config.error.charAt(0).toUpperCase() + config.error.slice(1)}</Notice>
      ) : config.data === undefined ? (
        <Loading />
      ) : (
        <Desk id={id} config={config.data} version={known?.best?.epoch} />
      )}
    </Page>
  );
}

/** @param version changes with the run's best weights */
function Desk({ id, config, version }: { id: string; config: PageConfig; version: number | undefined }) {
  const page = useEngine(id, version);
  return config.task === 'segmentation' ? (
    <Masks run={id} config={config} page={page} />
  ) : (
    <Classifier run={id} config={config} page={page} />
  );
}

const describe = ({ id, score }: RunSummary): string =>
  score ? `${id} (${metricTitle(score.name)} ${formatMetric(score.name, score.value)})` : id;

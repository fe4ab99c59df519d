import { type ReactNode, useEffect, useId, useRef } from 'react';
import type { SampleListing } from '../../../../src/server/studio/api.js';
import { getBytes, runPath, useGet } from '../../lib/api.js';
import type { Sources } from './given.js';

/** Where pictures come from, as buttons. */
export function Tools({ sources, children }: { sources: Sources; children?: ReactNode }) {
  const id = useId();
  const { camera } = sources;
  return (
    <div className="row try-tools">
      <input
        id={id}
        type="file"
        accept="image/*"
        className="hidden"
        onChange={async ({ target }) => {
          const file = target.files?.[0];
          await sources.take(file, file?.name);
          // The same file can be chosen again.
          target.value = '';
        }}
      />
      <label className="button" htmlFor={id}>
        Choose a picture
      </label>
      {camera === 'on' ? (
        <>
          <button type="button" className="button primary" onClick={sources.keep}>
            Take picture
          </button>
          <button type="button" className="button" onClick={sources.stop}>
            Stop camera
          </button>
        </>
      ) : (
        <button type="button" className="button" disabled={camera === 'asking'} onClick={sources.watch}>
          {camera === 'asking' ? 'Waiting for the camera …' : 'Use camera'}
        </button>
      )}
      {children}
    </div>
  );
}

/** Images of the run's validation data, to be picked. */
export function Samples({
  run,
  sources,
  chosen,
  first,
}: {
  run: string;
  sources: Sources;
  chosen: number | undefined;
  /** The first one is shown by itself. */
  first: boolean;
}) {
  const listing = useGet<SampleListing>(runPath(run, '/samples'));
  const samples = listing.data?.samples ?? [];
  const pick = async (n: number) => {
    const sample = samples[n];
    if (!sample) return;
    const bytes = await getBytes(runPath(run, `/samples/${sample.index}`)).catch(() => undefined);
    if (!bytes) return;
    const file = new Blob([bytes], { type: 'image/png' });
    await sources.take(file, `sample ${sample.index}`, { label: sample.label, sample: sample.index });
  };
  const shown = useRef(false);
  useEffect(() => {
    if (!first || shown.current || samples.length === 0) return;
    shown.current = true;
    void pick(0);
  });
  if (listing.error !== undefined)
    return <p className="muted small">No samples of its validation data: {listing.error}.</p>;
  if (samples.length === 0)
    return <div className="try-samples muted small">{listing.loading && 'Opening its validation data …'}</div>;
  return (
    <fieldset className="try-samples" aria-label="Samples of the validation data">
      {samples.map(({ index, label }, n) => (
        <button
          key={index}
          type="button"
          aria-pressed={index === chosen}
          aria-label={label === null ? `Sample ${index}` : `Sample ${index}, ${label}`}
          title={label ?? undefined}
          onClick={() => void pick(n)}
        >
          <img src={runPath(run, `/samples/${index}`)} alt="" loading="lazy" draggable={false} />
        </button>
      ))}
    </fieldset>
  );
}

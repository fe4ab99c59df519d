import { type DragEvent, useEffect, useState } from 'react';
import type { SampleListing } from '../../../../src/server/studio/api.js';
import { getBytes, runPath, useGet } from '../../lib/api.js';

/** The image that is looked at. */
export interface Chosen {
  readonly blob: Blob;
  readonly url: string;
  readonly name: string;
}

const FIRST = 12;

/** Samples of a run, and a place for a file: the first sample is taken at once. */
export function PictureChoice({
  run,
  chosen,
  onChoose,
}: {
  run: string;
  chosen: Chosen | undefined;
  onChoose: (c: Chosen) => void;
}) {
  const { data, error } = useGet<SampleListing>(runPath(run, '/samples'));
  const [failure, setFailure] = useState<string>();
  const [over, setOver] = useState(false);
  const samples = data?.samples.slice(0, FIRST) ?? [];

  const take = (blob: Blob, name: string) => {
    setFailure(undefined);
    onChoose({ blob, name, url: URL.createObjectURL(blob) });
  };
  const takeSample = async (index: number, name: string) => {
    try {
      take(new Blob([await getBytes(runPath(run, `/samples/${index}`))], { type: 'image/png' }), name);
    } catch (e) {
      setFailure((e as Error).message);
    }
  };
  const nameOf = (s: (typeof samples)[number]) => `sample ${s.index}${s.label === null ? '' : `, ${s.label}`}`;
  const first = samples[0];
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the samples are there
  useEffect(() => {
    if (first && !chosen) void takeSample(first.index, nameOf(first));
  }, [first?.index, chosen === undefined]);

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer.files[0];
    if (file) take(file, file.name);
  };
  return (
    <div className={`net-picture ${over ? 'over' : ''}`}>
      <div className="net-strip">
        {samples.map((s) => (
          <button
            key={s.index}
            type="button"
            aria-pressed={chosen?.name === nameOf(s)}
            aria-label={nameOf(s)}
            title={nameOf(s)}
            onClick={() => void takeSample(s.index, nameOf(s))}
          >
            <img src={runPath(run, `/samples/${s.index}`)} alt="" loading="lazy" />
          </button>
        ))}
        <label
          className="drop"
          onDragOver={(e) => {
            e.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={drop}
        >
          <input
            type="file"
            accept="image/*"
            className="hidden"
            onChange={(e) => {
              const file = e.target.files?.[0];
              if (file) take(file, file.name);
              e.target.value = '';
            }}
          />
          Your picture
        </label>
      </div>
      {(failure ?? error) && <p className="says-bad">{failure ?? error}</p>}
    </div>
  );
}

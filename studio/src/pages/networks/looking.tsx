import { type PointerEvent, useEffect, useState } from 'react';
import type { Features, GraphStep, NetworkGraph } from '../../../../src/server/studio/api.js';
import { postImage, runPath } from '../../lib/api.js';
import type { Seen, Sight } from './model/sees.js';
import { seenFrom } from './model/sees.js';
import { type Chosen, PictureChoice } from './picture.js';
import { SeenRect } from './receptive.js';

/** What a computing endpoint gave for a picture. */
interface Answer<T> {
  readonly value?: T;
  readonly error?: string;
  readonly busy: boolean;
}

function useAsked<T>(path: string | undefined, image: Blob | undefined, read: (r: Response) => Promise<T>): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ busy: false });
  // biome-ignore lint/correctness/useExhaustiveDependencies: how an answer is read never changes
  useEffect(() => {
    if (!path || !image) return;
    const abort = new AbortController();
    setAnswer((a) => ({ ...a, busy: true }));
    postImage(path, image, abort.signal)
      .then(read)
      .then(
        (value) => !abort.signal.aborted && setAnswer({ value, busy: false }),
        (e: Error) => !abort.signal.aborted && setAnswer({ error: e.message, busy: false }),
      );
    return () => abort.abort();
  }, [path, image]);
  return answer;
}

/** A layer of a trained network at work: its maps for a picture, what each value of them sees, and the evidence. */
export function Looking({
  run,
  graph,
  step,
  sight,
  chosen,
  onChoose,
}: {
  run: string;
  graph: NetworkGraph;
  step: GraphStep;
  sight: Sight;
  chosen: Chosen | undefined;
  onChoose: (c: Chosen) => void;
}) {
  const [, height, width] = graph.inputShape;
  const [seen, setSeen] = useState<Seen>();
  const maps = step.shape.length === 3 && step.kind !== 'input';
  return (
    <>
      <section>
        <h3>At work</h3>
        <PictureChoice run={run} chosen={chosen} onChoose={onChoose} />
        {chosen && (
          <div className="net-seen" style={{ aspectRatio: `${width} / ${height}` }}>
            <img src={chosen.url} alt={chosen.name} />
            <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
              {seen && <SeenRect seen={seen} />}
            </svg>
          </div>
        )}
        {chosen && step.kind !== 'input' && (
          <Maps
            run={run}
            step={step}
            image={chosen.blob}
            onPlace={(place) => setSeen(place && seenFrom(sight, place, [height, width]))}
            sees={maps}
          />
        )}
      </section>
      {chosen && step.kind === 'conv' && !step.trainingOnly && (
        <Evidence run={run} step={step} image={chosen.blob} masks={graph.task === 'segmentation'} />
      )}
    </>
  );
}

function Maps({
  run,
  step,
  image,
  onPlace,
  sees,
}: {
  run: string;
  step: GraphStep;
  image: Blob;
  onPlace: (place: readonly [number, number] | undefined) => void;
  sees: boolean;
}) {
  const { value, error, busy } = useAsked(
    step.trainingOnly ? undefined : runPath(run, `/features?step=${step.id}`),
    image,
    (r) => r.json() as Promise<Features>,
  );
  const [place, setPlace] = useState<readonly [number, number]>();
  const shown = value && place ? place : undefined;
  const move = (to: readonly [number, number] | undefined) => {
    setPlace(to);
    onPlace(to);
  };
  if (step.trainingOnly)
    return <p className="muted small">This head runs in training only, so it has no maps to show.</p>;
  const hover = (event: PointerEvent<HTMLImageElement>) => {
    if (!value || !sees) return;
    const img = event.currentTarget;
    const box = img.getBoundingClientRect();
    const scale = img.naturalWidth / box.width;
    const [x, y] = [(event.clientX - box.left) * scale - 1, (event.clientY - box.top) * scale - 1];
    const [h, w] = value.tile;
    const [fx, fy] = [(x % (w + 1)) / w, (y % (h + 1)) / h];
    if (fx < 0 || fy < 0 || fx >= 1 || fy >= 1) return;
    move([Math.floor(fy * value.height), Math.floor(fx * value.width)]);
  };
  const keys: Readonly<Record<string, readonly [number, number]>> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
  };
  return (
    <>
      <h4>{step.shape.length === 3 ? 'Its maps' : 'Its values'}</h4>
      {error && <p className="says-bad">{error}</p>}
      {value && (
        <>
          <button
            type="button"
            className={`net-maps ${busy ? 'busy' : ''}`}
            aria-label={`Maps of ${value.layer}: arrow keys choose a place, whose pixels are marked on the picture`}
            onKeyDown={(e) => {
              const by = keys[e.key];
              if (!by || !sees) return;
              e.preventDefault();
              const [y, x] = place ?? [Math.floor(value.height / 2), Math.floor(value.width / 2)];
              move([clamp(y + by[0], value.height), clamp(x + by[1], value.width)]);
            }}
            onPointerLeave={() => move(undefined)}
          >
            <img src={value.picture} alt="" onPointerMove={hover} draggable={false} />
          </button>
          <p className="muted small">
            {value.shown < value.channels ? `The first ${value.shown} of ${value.channels}. ` : ''}
            {!sees
              ? ''
              : shown
                ? `Row ${shown[0] + 1}, column ${shown[1] + 1}: the pixels it sees are marked above.`
                : 'Point at a map: the pixels that the place sees are marked on the picture.'}
          </p>
        </>
      )}
      {!value && busy && <p className="muted small">Computing …</p>}
    </>
  );
}

const clamp = (v: number, n: number) => Math.min(Math.max(v, 0), n - 1);

/** Grad-CAM at this layer, asked for by a button: it costs a backward pass. */
function Evidence({ run, step, image, masks }: { run: string; step: GraphStep; image: Blob; masks: boolean }) {
  const [asked, setAsked] = useState(false);
  const path = runPath(run, `/grad-cam?layer=${encodeURIComponent(step.path)}`);
  const { value, error, busy } = useAsked(asked ? path : undefined, image, async (r) => ({
    url: URL.createObjectURL(await r.blob()),
    name: decode(r.headers.get('X-Class') ?? ''),
    probability: Number(r.headers.get('X-Probability')),
  }));
  return (
    <section>
      <h3>Evidence (Grad-CAM)</h3>
      {!asked && (
        <button type="button" className="button" onClick={() => setAsked(true)}>
          Show what speaks for the answer here
        </button>
      )}
      {asked && error && <p className="says-bad">{error}</p>}
      {asked && !value && busy && <p className="muted small">Computing …</p>}
      {asked && value && !error && (
        <>
          <img className={`net-cam ${busy ? 'busy' : ''}`} src={value.url} alt={`Evidence for ${value.name}`} />
          <p className="muted small">
            Bright places speak for <b>{value.name}</b> ({(100 * value.probability).toFixed(1)} %
            {masks ? ' of the pixels' : ''}).
          </p>
        </>
      )}
    </section>
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

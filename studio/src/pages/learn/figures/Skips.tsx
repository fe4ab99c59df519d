import { useEffect, useMemo, useRef, useState } from 'react';
import { formatDuration } from '../../../lib/format.js';
import { Notice } from '../../../ui/index.js';
import { makePlane, type Plane } from '../compute/ops.js';
import { HELD_OUT, heldOut, type Masks, SIDE } from '../compute/trainMasks.js';
import { Choice } from '../parts/controls.js';
import { LossChart } from '../parts/LossChart.js';
import { Pixels } from '../parts/Pixels.js';
import type { Order, Told } from '../trainWorker.js';

/** Held-out pictures that are shown. */
const SHOWN = 3;

interface Course {
  readonly losses: readonly number[];
  readonly masks?: Masks;
  readonly done: boolean;
}
const NOTHING: Course = { losses: [], done: false };

/** Two small U-Nets are trained in the page, one with skips and one without. */
export default function Skips() {
  const [steps, setSteps] = useState('120');
  const [planned, setPlanned] = useState(120);
  const [courses, setCourses] = useState<readonly [Course, Course]>([NOTHING, NOTHING]);
  const [running, setRunning] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [seconds, setSeconds] = useState(0);
  const started = useRef(0);
  const workers = useRef<readonly Worker[]>([]);
  const { images, masks } = useMemo(heldOut, []);

  const stop = () => {
    for (const worker of workers.current) worker.terminate();
    workers.current = [];
    setRunning(false);
  };
  // A page that is left trains nothing.
  useEffect(
    () => () => {
      for (const worker of workers.current) worker.terminate();
    },
    [],
  );
  const [one, two] = courses;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it ends when both have ended
  useEffect(() => {
    if (running && one.done && two.done) stop();
  }, [running, one.done, two.done]);

  const start = () => {
    stop();
    setFailure(undefined);
    setCourses([NOTHING, NOTHING]);
    setSeconds(0);
    setPlanned(Number(steps));
    setRunning(true);
    started.current = performance.now();
    const seed = Math.floor(Math.random() * 1000);
    workers.current = [true, false].map((skips, side) => {
      const worker = new Worker(new URL('../trainWorker.ts', import.meta.url), { type: 'module' });
      const change = (next: (course: Course) => Course) =>
        setCourses(([a, b]) => (side === 0 ? [next(a), b] : [a, next(b)]));
      worker.onmessage = ({ data }: MessageEvent<Told>) => {
        setSeconds((performance.now() - started.current) / 1000);
        if (data.type === 'step') change((course) => ({ ...course, losses: [...course.losses, data.loss] }));
        else if (data.type === 'masks') change((course) => ({ ...course, masks: data.masks }));
        else if (data.type === 'done') change((course) => ({ ...course, done: true }));
        else {
          setFailure(data.reason);
          stop();
        }
      };
      worker.onerror = (event) => {
        setFailure(event.message || 'the browser could not start the worker');
        stop();
      };
      worker.postMessage({ skips, steps: Number(steps), seed } satisfies Order);
      return worker;
    });
  };

  const slower = Math.min(one.losses.length, two.losses.length);
  const left = slower > 2 ? (seconds / slower) * (planned - slower) : undefined;
  const any = one.losses.length > 0;
  return (
    <div className="stack">
      <p className="lead">
        The same small U-Net twice, 16 times narrower than the usual one and trained here in the page: once with its
        skips, once with nothing but the lowest map, 8 times smaller than the image, to draw the mask from. Same images
        of cells, same loss (cross-entropy and Dice), same seed.
      </p>
      <div className="controls">
        <button type="button" className="button primary" onClick={running ? stop : start}>
          {running ? 'Stop' : any ? 'Train again' : 'Train both'}
        </button>
        <Choice
          label="Steps of 4 images"
          value={steps}
          options={[
            ['60', '60'],
            ['120', '120'],
            ['240', '240'],
          ]}
          onChange={setSteps}
        />
        <p className="muted small" role="status" style={{ paddingBottom: 7 }}>
          {running
            ? slower === 0
              ? 'Preparing …'
              : `Step ${slower} of ${planned}${left === undefined ? '' : `, about ${formatDuration(Math.max(1, left))} left`}`
            : any
              ? `${slower} steps in ${formatDuration(seconds)}`
              : 'Takes two cores for half a minute to a minute.'}
        </p>
      </div>
      {failure && <Notice kind="bad">The training failed: {failure}</Notice>}
      <div className="skips">
        <div className="skips-masks">
          <b>Picture</b>
          <b>Truth</b>
          <b className="with">With skips</b>
          <b className="without">Without</b>
          {Array.from({ length: SHOWN }, (_, i) => (
            <Row
              // biome-ignore lint/suspicious/noArrayIndexKey: a picture is its place
              key={i}
              index={i}
              planes={[cut(images, i, 255), cut(masks, i), cut(one.masks?.values, i), cut(two.masks?.values, i)]}
            />
          ))}
        </div>
        <div className="stack" style={{ gap: 14, alignContent: 'start' }}>
          <LossChart
            steps={planned}
            series={[
              { name: 'with skips', colour: '--train', values: one.losses },
              { name: 'without', colour: '--valid', values: two.losses },
            ]}
          />
          <div className="columns" style={{ '--least': '130px', gap: 12 } as object}>
            <Score name="with skips" masks={one.masks} />
            <Score name="without" masks={two.masks} />
          </div>
          <p className="muted small">
            Overlap (IoU) with the true masks of {HELD_OUT} pictures that no step sees. White in the masks is certainty,
            grey is doubt: without skips the edges stay soft and the gaps between cells close, since the lowest map has
            one value for 8x8 pixels.
          </p>
        </div>
      </div>
    </div>
  );
}

function Row({ index, planes }: { index: number; planes: readonly (Plane | undefined)[] }) {
  const names = ['Picture', 'True mask', 'Mask with skips', 'Mask without skips'];
  return planes.map((plane, i) =>
    plane ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place
      <Pixels key={i} plane={plane} label={`${names[i]} of picture ${index + 1}`} />
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place
      <div key={i} className="not-yet" />
    ),
  );
}

function Score({ name, masks }: { name: string; masks: Masks | undefined }) {
  return (
    <div className="figure">
      <b>{masks ? masks.iou.toFixed(3) : '–'}</b>
      <span>IoU {name}</span>
    </div>
  );
}

/** One picture out of several that lie one behind the other. */
function cut(values: Uint8Array | Float32Array | undefined, index: number, most = 1): Plane | undefined {
  if (!values) return undefined;
  const from = index * SIDE * SIDE;
  return makePlane(SIDE, SIDE, (y, x) => values[from + y * SIDE + x]! / most);
}

import { useEffect, useMemo, useRef, useState } from 'react';
import { KERNELS, type KernelName, type KernelSize } from '../compute/kernels.js';
import { convolve, largest, makePlane, type Plane, valueAt } from '../compute/ops.js';
import { dabbed, PICTURES, type PictureName } from '../compute/pictures.js';
import { Choice } from '../parts/controls.js';
import { composedLabel, Grid } from '../parts/Grid.js';
import { LearnedFilters } from '../parts/LearnedFilters.js';
import { ARROWS, Pixels } from '../parts/Pixels.js';

const SIDE = 28;
type Shown = PictureName | 'own';
type Chosen = KernelName | 'own' | 'learned';
/** Rows of the map that are there at first. */
const FIRST = 8;
const BLANK = makePlane(SIDE, SIDE, () => 0);

/** A window slides over a picture: what it sees, times the kernel, summed, is one value of the map. */
export default function Slide() {
  const [shown, setShown] = useState<Shown>('seven');
  const [drawn, setDrawn] = useState<Plane>(BLANK);
  const [chosen, setChosen] = useState<Chosen>('vertical');
  const [size, setSize] = useState<KernelSize>(5);
  const [own, setOwn] = useState<Plane>(() => KERNELS.vertical(5));
  const [stride, setStride] = useState(1);
  const [padding, setPadding] = useState(0);
  const [place, setPlace] = useState({ y: 8, x: 13 });
  const [known, setKnown] = useState<ReadonlySet<number>>(new Set(Array(FIRST * 24 + 14).keys()));
  const [playing, setPlaying] = useState(false);

  const picture = useMemo(() => (shown === 'own' ? drawn : PICTURES[shown](SIDE)), [shown, drawn]);
  const kernel = useMemo(
    () => (chosen === 'own' || chosen === 'learned' ? own : KERNELS[chosen](size)),
    [chosen, own, size],
  );
  const map = useMemo(() => convolve(picture, kernel, { stride, padding }), [picture, kernel, stride, padding]);
  const most = useMemo(() => largest(map), [map]);
  const y = Math.min(place.y, map.height - 1);
  const x = Math.min(place.x, map.width - 1);
  const top = y * stride - padding;
  const left = x * stride - padding;

  // Another map: nothing of it is known yet.
  const [mapOf, setMapOf] = useState(map);
  if (mapOf !== map) {
    setMapOf(map);
    if (shown !== 'own' || mapOf.width !== map.width) setKnown(new Set());
  }
  const visit = (to: { y: number; x: number }) => {
    const next = {
      y: Math.min(map.height - 1, Math.max(0, to.y)),
      x: Math.min(map.width - 1, Math.max(0, to.x)),
    };
    setPlace(next);
    setKnown((before) => new Set(before).add(next.y * map.width + next.x));
  };
  useSweep(playing, map, known, visit, () => setPlaying(false));

  const toMap = (at: { y: number; x: number }) => ({
    y: Math.round((at.y + padding - (kernel.height - 1) / 2) / stride),
    x: Math.round((at.x + padding - (kernel.width - 1) / 2) / stride),
  });
  const dab = (at: { y: number; x: number }) => setDrawn((before) => dabbed(before, at.y, at.x));
  const key = (name: string): boolean => {
    const move = ARROWS[name];
    if (move) visit({ y: y + move[0], x: x + move[1] });
    else if (name === ' ' && shown === 'own')
      dab({ y: top + (kernel.height - 1) / 2, x: left + (kernel.width - 1) / 2 });
    else if (name === 'Escape' && shown === 'own') setDrawn(BLANK);
    else return false;
    return true;
  };
  const choose = (name: Chosen) => {
    if (name === 'own' || name === 'learned') setOwn(kernel);
    setChosen(name);
  };

  const { height: k } = kernel;
  const patch = makePlane(k, k, (r, c) => valueAt(picture, top + r, left + c));
  const products = { ...patch, data: patch.data.map((v, i) => v * kernel.data[i]!) };
  const value = map.data[y * map.width + x]!;
  return (
    <div className="stack">
      <p className="lead">
        Point at the picture, or focus it and use the arrow keys: the window's pixels are multiplied by the kernel, one
        by one, and the sum is one value of the map. The same {k * k} numbers everywhere.
      </p>
      <div className="controls">
        <Choice
          label="Picture"
          value={shown}
          options={[
            ['seven', 'A seven'],
            ['pattern', 'A test pattern'],
            ['cells', 'Cells'],
            ['own', 'Draw your own'],
          ]}
          onChange={setShown}
        />
        <Choice
          label="Kernel"
          value={chosen}
          options={[
            ['vertical', 'Vertical edges'],
            ['horizontal', 'Horizontal edges'],
            ['blur', 'Blur'],
            ['sharpen', 'Sharpen'],
            ['own', 'Your numbers'],
            ['learned', 'Learned'],
          ]}
          onChange={choose}
        />
        {chosen !== 'learned' && (
          <Choice
            label="Size"
            value={String(k)}
            options={[
              ['3', '3x3'],
              ['5', '5x5'],
            ]}
            onChange={(v) => {
              const next = Number(v) as KernelSize;
              setSize(next);
              if (chosen === 'own') setOwn(resized(own, next));
            }}
          />
        )}
        <Choice
          label="Stride"
          value={String(stride)}
          options={[
            ['1', '1'],
            ['2', '2'],
            ['3', '3'],
          ]}
          onChange={(v) => setStride(Number(v))}
        />
        <Choice
          label="Padding"
          value={String(padding)}
          options={[
            ['0', '0'],
            ['1', '1'],
            ['2', '2'],
          ]}
          onChange={(v) => setPadding(Number(v))}
        />
      </div>
      {chosen === 'learned' && <LearnedFilters chosen={own} onChoose={setOwn} />}
      <div className="slide-figure">
        <Pixels
          plane={picture}
          border={padding}
          label={
            shown === 'own'
              ? 'Your drawing. Arrow keys move the window, the space bar draws in its middle, Escape clears.'
              : 'Picture. Arrow keys move the window.'
          }
          marks={[{ y: top, x: left, height: k, width: k }]}
          onPoint={(at, pressed) => {
            if (!at) return;
            if (shown === 'own' && pressed) dab(at);
            visit(toMap(at));
          }}
          onKey={key}
          caption={
            <>
              <b>
                {SIDE}x{SIDE} pixels
              </b>
              {padding > 0 && `, and ${padding} of zeros around`}
              {shown === 'own' && ' · draw with the pointer, or with the space bar'}
            </>
          }
        />
        <div className="slide-sum">
          <div className="row" style={{ flexWrap: 'nowrap', gap: 10 }}>
            <Grid label="Pixels in the window" plane={patch} scale="grey" />
            <span aria-hidden="true">×</span>
            <Grid
              label="Kernel"
              plane={kernel}
              most={largest(kernel)}
              onChange={
                chosen === 'own'
                  ? (i, v) => setOwn({ ...own, data: own.data.map((old, j) => (j === i ? v : old)) })
                  : undefined
              }
            />
          </div>
          <div className="row" style={{ flexWrap: 'nowrap', gap: 10 }}>
            <span aria-hidden="true">=</span>
            <Grid label="Products" plane={products} most={largest(kernel)} />
            <div className="slide-value" aria-live="polite">
              <span>sum</span>
              <b>{value.toFixed(2)}</b>
              <span>
                row {y + 1}, column {x + 1}
              </span>
            </div>
          </div>
        </div>
        <Pixels
          plane={map}
          known={known}
          scale={{ signed: most }}
          label="Map that the convolution gives. Arrow keys move the window."
          marks={[{ y, x, height: 1, width: 1 }]}
          onPoint={(at) => at && visit(at)}
          onKey={key}
          caption={
            <>
              <b>
                {map.height}x{map.width} map
              </b>{' '}
              {composedLabel(SIDE, k, stride, padding, map.height)}
            </>
          }
        />
      </div>
      <div className="row">
        <button
          type="button"
          className="button primary"
          onClick={() => {
            if (!playing && known.size >= map.data.length) setKnown(new Set());
            setPlaying(!playing);
          }}
        >
          {playing ? 'Pause' : 'Slide it'}
        </button>
        <button
          type="button"
          className="button"
          onClick={() => setKnown(new Set(map.data.keys()))}
          disabled={known.size >= map.data.length}
        >
          Fill the map
        </button>
        <button
          type="button"
          className="button"
          onClick={() => {
            setPlaying(false);
            setKnown(new Set());
            if (shown === 'own') setDrawn(BLANK);
          }}
        >
          Clear
        </button>
        <span className="muted small">
          Blue is above zero, orange below, and full colour is {most.toFixed(2)}. A fully connected layer of these sizes
          would have {(SIDE * SIDE * map.data.length).toLocaleString('en')} weights; this has {k * k}.
        </span>
      </div>
    </div>
  );
}

/** While it plays, the window visits the places that are not known yet, row by row, all in about five seconds. */
function useSweep(
  playing: boolean,
  map: Plane,
  known: ReadonlySet<number>,
  visit: (to: { y: number; x: number }) => void,
  done: () => void,
): void {
  const now = useRef({ known, visit, done });
  now.current = { known, visit, done };
  useEffect(() => {
    if (!playing) return;
    const total = map.data.length;
    const each = Math.max(1, Math.round(total / 300));
    const timer = setInterval(() => {
      let next = 0;
      for (let n = 0; n < each; n++) {
        while (next < total && now.current.known.has(next)) next++;
        if (next >= total) return now.current.done();
        now.current.visit({ y: Math.floor(next / map.width), x: next % map.width });
        next++;
      }
    }, 16);
    return () => clearInterval(timer);
  }, [playing, map]);
}

/** The middle of a kernel in another size. */
const resized = (kernel: Plane, size: number): Plane =>
  makePlane(size, size, (y, x) => {
    const off = (size - kernel.height) / 2;
    return valueAt(kernel, y - off, x - off);
  });

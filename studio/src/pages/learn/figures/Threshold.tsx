import { useEffect, useMemo, useState } from 'react';
import { formatPercent } from '../../../lib/format.js';
import { guess, maskLosses } from '../compute/maskLosses.js';
import { makePlane, type Plane } from '../compute/ops.js';
import { type Overlap, overlap } from '../compute/overlap.js';
import { cellsWithMask } from '../compute/pictures.js';
import { Choice, Slider } from '../parts/controls.js';
import { Pixels } from '../parts/Pixels.js';

const SIDE = 64;
const CUTS = Array.from({ length: 99 }, (_, i) => (i + 1) / 100);

/** A mask of probabilities is cut at a threshold: what overlap says of it, and what the losses say. */
export default function Threshold() {
  const [index, setIndex] = useState('4');
  const [threshold, setThreshold] = useState(0.5);
  const [blur, setBlur] = useState(2);
  const [noise, setNoise] = useState(0.8);
  const [lean, setLean] = useState(-1);
  const { image, mask } = useMemo(() => cellsWithMask(SIDE, Number(index)), [index]);
  const predicted = useMemo(() => guess(mask, blur, noise, lean), [mask, blur, noise, lean]);
  const curve = useMemo(() => CUTS.map((cut) => overlap(predicted.data, mask.data, cut)), [predicted, mask]);
  const here = useMemo(() => overlap(predicted.data, mask.data, threshold), [predicted, mask, threshold]);
  const colours = useMemo(() => verdicts(predicted, mask, threshold), [predicted, mask, threshold]);
  const losses = useLosses(predicted, mask);
  const best = curve.reduce((top, o, i) => (o.iou > curve[top]!.iou ? i : top), 0);
  return (
    <div className="stack">
      <p className="lead">
        The network gives a probability for each pixel; a mask needs a line to be drawn. The losses know nothing of that
        line: move it, and only the overlap changes. The prediction here is made from the truth, blurred and with noise.
      </p>
      <div className="controls even">
        <Choice
          label="Picture"
          value={index}
          options={[
            ['4', 'One'],
            ['9', 'Two'],
            ['17', 'Three'],
          ]}
          onChange={setIndex}
        />
        <Slider
          label="Threshold"
          min={0.01}
          max={0.99}
          step={0.01}
          value={threshold}
          shown={threshold.toFixed(2)}
          onChange={setThreshold}
        />
        <Slider label="Blur" min={0} max={8} value={blur} onChange={setBlur} />
        <Slider label="Noise" min={0} max={2} step={0.1} value={noise} shown={noise.toFixed(1)} onChange={setNoise} />
        <Slider
          label="Leans to"
          min={-3}
          max={3}
          step={0.5}
          value={lean}
          shown={lean === 0 ? 'neither' : `${lean > 0 ? 'cells' : 'background'} (${Math.abs(lean)})`}
          onChange={setLean}
        />
      </div>
      <div className="pictures" style={{ '--count': 4 } as object}>
        <Pixels plane={image} label="Picture of cells" caption={<b>Picture</b>} />
        <Pixels plane={predicted} label="Predicted probabilities" caption={<b>Probabilities</b>} />
        <Pixels
          plane={colours}
          label="Right and wrong pixels"
          caption={
            <>
              <b>Cut at {threshold.toFixed(2)}</b>: white is right, <span className="over">orange too much</span>,{' '}
              <span className="under">blue missed</span>
            </>
          }
        />
        <Curve curve={curve} threshold={threshold} onCut={setThreshold} />
      </div>
      <div className="figures">
        <Value name="IoU, depends on the line" value={here.iou.toFixed(3)} />
        <Value name="Dice, depends on the line" value={here.dice.toFixed(3)} />
        <Value name="Cross-entropy, does not" value={losses ? losses.bce.toFixed(3) : '–'} />
        <Value name="Dice loss, does not" value={losses ? losses.dice.toFixed(3) : '–'} />
      </div>
      <div className="row">
        <p className="tell" aria-live="polite">
          {here.tp} pixels found, {here.fp} too much, {here.fn} missed: IoU = {here.tp} / {here.tp + here.fp + here.fn}{' '}
          = <b>{formatPercent(here.iou)}</b>.{' '}
          <span className="muted">The best line for this picture is at {CUTS[best]!.toFixed(2)}.</span>
        </p>
        <button type="button" className="button" onClick={() => setThreshold(CUTS[best]!)}>
          Go there
        </button>
      </div>
    </div>
  );
}

const Value = ({ name, value }: { name: string; value: string }) => (
  <div className="figure">
    <b>{value}</b>
    <span>{name}</span>
  </div>
);

/** The losses of the newest prediction, as soon as they are computed. */
function useLosses(predicted: Plane, mask: Plane): { bce: number; dice: number } | undefined {
  const [losses, setLosses] = useState<{ bce: number; dice: number }>();
  useEffect(() => {
    let old = false;
    maskLosses(predicted, mask).then(
      (values) => !old && setLosses(values),
      () => !old && setLosses(undefined),
    );
    return () => {
      old = true;
    };
  }, [predicted, mask]);
  return losses;
}

/** White where both are cells, orange where only the prediction is, blue where only the truth is. */
function verdicts(predicted: Plane, mask: Plane, threshold: number): [Plane, Plane, Plane] {
  const colour = (right: number, over: number, under: number) =>
    makePlane(SIDE, SIDE, (y, x) => {
      const i = y * SIDE + x;
      const found = predicted.data[i]! > threshold;
      if (mask.data[i]! > 0) return found ? right : under;
      return found ? over : 0;
    });
  return [colour(1, 0.93, 0.25), colour(1, 0.5, 0.5), colour(1, 0.15, 0.98)];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [220, 220, 30, 26, 8];

/** IoU and Dice over the threshold. */
function Curve({
  curve,
  threshold,
  onCut,
}: {
  curve: readonly Overlap[];
  threshold: number;
  onCut: (threshold: number) => void;
}) {
  const x = (cut: number) => LEFT + (WIDTH - LEFT - 8) * cut;
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value);
  const path = (pick: (o: Overlap) => number) =>
    curve.map((o, i) => `${i === 0 ? 'M' : 'L'}${x(CUTS[i]!).toFixed(1)} ${y(pick(o)).toFixed(1)}`).join('');
  return (
    <figure className="pixels">
      {/* The slider does the same by keyboard. */}
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        className="loss-chart pointed"
        role="img"
        aria-label="Overlap over the threshold"
        onPointerMove={(event) => {
          if (event.buttons === 0) return;
          const box = event.currentTarget.getBoundingClientRect();
          const cut = (((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - 8);
          onCut(Math.round(100 * Math.min(0.99, Math.max(0.01, cut))) / 100);
        }}
      >
        {[0, 0.5, 1].map((v) => (
          <g key={v}>
            <path d={`M${LEFT} ${y(v)}H${WIDTH - 8}`} stroke="var(--line)" />
            <text x={LEFT - 6} y={y(v) + 4} textAnchor="end">
              {v}
            </text>
            <text x={x(v)} y={HEIGHT - 8} textAnchor={v === 1 ? 'end' : 'middle'}>
              {v}
            </text>
          </g>
        ))}
        <path d={`M${x(threshold)} ${TOP}V${HEIGHT - BOTTOM}`} stroke="var(--ink)" strokeDasharray="3 3" />
        <path d={path((o) => o.dice)} fill="none" stroke="var(--series-3)" strokeWidth="2.2" />
        <path d={path((o) => o.iou)} fill="none" stroke="var(--series-4)" strokeWidth="2.2" />
      </svg>
      <figcaption className="row" style={{ gap: 12 }}>
        <span className="key">
          <i style={{ background: 'var(--series-4)' }} />
          IoU
        </span>
        <span className="key">
          <i style={{ background: 'var(--series-3)' }} />
          Dice
        </span>
        by threshold
      </figcaption>
    </figure>
  );
}

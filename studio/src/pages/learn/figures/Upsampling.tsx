import { useMemo, useState } from 'react';
import { largest, makePlane } from '../compute/ops.js';
import { doubled, reach, ripple, upKernel, type Way, type Weights } from '../compute/upsample.js';
import { Choice } from '../parts/controls.js';
import { Grid } from '../parts/Grid.js';
import { Pixels } from '../parts/Pixels.js';

const SIDE = 8;
/** A soft disc, as a low map may hold it. */
const MAP = makePlane(SIDE, SIDE, (y, x) => Math.min(1, Math.max(0, 3.2 - Math.hypot(y - 3.3, x - 3.7))));
const TIMES = 3;

/** A small map is doubled three times, by transposed convolutions or by resizing. */
export default function Upsampling() {
  const [way, setWay] = useState<Way>('three');
  const [weights, setWeights] = useState<Weights>('equal');
  const [seed, setSeed] = useState(1);
  const { kernel, sizes, low, high } = useMemo(() => {
    const k = way === 'bilinear' ? undefined : upKernel(way, weights, seed);
    const all = [MAP];
    for (let i = 0; i < TIMES; i++) all.push(doubled(all.at(-1)!, way, k));
    const [from, to] = ripple(way, k);
    return { kernel: k, sizes: all, low: from, high: to };
  }, [way, weights, seed]);
  const reached = useMemo(() => (way === 'bilinear' ? undefined : reach(SIDE, way)), [way]);
  const [once, thrice] = [sizes[1]!, sizes[TIMES]!];
  const even = high - low < 1e-5;
  return (
    <div className="stack">
      <p className="lead">
        On the way up each map is doubled. A transposed convolution lays a copy of its kernel down for every value, two
        pixels apart, and adds up where copies meet. If the kernel's side is no multiple of two, they meet unevenly.
      </p>
      <div className="controls">
        <Choice
          label="Doubled by"
          value={way}
          options={[
            ['two', '2x2 transposed, as in unet'],
            ['three', '3x3 transposed'],
            ['four', '4x4 transposed'],
            ['bilinear', 'Bilinear resizing'],
          ]}
          onChange={setWay}
        />
        {way !== 'bilinear' && (
          <Choice
            label="Weights"
            value={weights}
            options={[
              ['equal', 'Equal'],
              ['tent', 'Tent'],
              ['random', 'Random'],
            ]}
            onChange={setWeights}
          />
        )}
        {way !== 'bilinear' && weights === 'random' && (
          <button type="button" className="button" onClick={() => setSeed(seed + 1)}>
            Other random weights
          </button>
        )}
      </div>
      <div className="pictures" style={{ '--count': 4 } as object}>
        <Pixels
          plane={MAP}
          label="The small map"
          caption={
            <b>
              The map, {SIDE}x{SIDE}
            </b>
          }
        />
        {reached ? (
          <Pixels
            plane={reached}
            scale={{ signed: 4 }}
            label="How many values reach each place"
            caption={
              <>
                <b>Values for a place</b>: {[...new Set(reached.data)].sort((a, b) => a - b).join(', ')}
              </>
            }
          />
        ) : (
          <div className="aside">
            Resizing has no weights: each new value is mixed from the nearest four, by their distance. What is to be
            learned is left to the convolutions that follow.
          </div>
        )}
        <Pixels
          plane={once}
          scale={{ most: Math.max(1, largest(once)) }}
          label="Doubled once"
          caption={
            <b>
              Doubled once, {once.height}x{once.width}
            </b>
          }
        />
        <Pixels
          plane={thrice}
          scale={{ most: Math.max(1, largest(thrice)) }}
          label="Doubled three times"
          caption={
            <b>
              Three times, {thrice.height}x{thrice.width}
            </b>
          }
        />
      </div>
      <div className="row" style={{ gap: 22, flexWrap: 'nowrap' }}>
        {kernel && <Grid label="Kernel of the transposed convolution" plane={kernel} most={largest(kernel)} />}
        <p className="tell" aria-live="polite">
          A flat map of ones becomes{' '}
          {even ? (
            <>
              <b>flat again</b>: no pattern.{' '}
              {way === 'two' &&
                'Copies of a 2x2 lie side by side and never meet, so that the pattern is the kernel itself, and this one is even.'}
            </>
          ) : (
            <>
              a pattern between <b>{low.toFixed(2)}</b> and <b>{high.toFixed(2)}</b>, the checkerboard.{' '}
              {way === 'three'
                ? 'Some places are reached by one value, some by two, some by four; the network has to learn to undo that.'
                : 'The places are reached evenly, so that training can make it vanish: nothing in the shape of the layer is against it.'}
            </>
          )}
        </p>
      </div>
    </div>
  );
}

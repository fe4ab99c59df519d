import { useMemo, useState } from 'react';
import { colourPicture } from '../compute/pictures.js';
import { type Layer, STACKS, seenBehind } from '../compute/receptive.js';
import { Pixels } from '../parts/Pixels.js';

const SIDE = 224;
const MOST = 24;
const NAMES: Readonly<Record<Layer, string>> = { conv3: '3x3', conv5: '5x5', conv7: '7x7', pool: 'pool' };

/** Layers are put on top of each other; the square shows what one value of the last sees of a picture. */
export default function Receptive() {
  const [layers, setLayers] = useState<readonly Layer[]>(() => STACKS.VGG16!.slice(0, 10));
  const [picked, setPicked] = useState<number>();
  const picture = useMemo(() => colourPicture(SIDE, 12), []);
  const seen = useMemo(() => seenBehind(layers), [layers]);
  const at = Math.min(picked ?? layers.length - 1, layers.length - 1);
  const most = Math.max(1, ...seen.map((s) => s.size));
  const { size, step } = seen[at] ?? { size: 1, step: 1 };
  const start = Math.round((SIDE - size) / 2);
  const marks = [
    { y: start, x: start, height: size, width: size },
    ...(size + step < SIDE ? [{ y: start, x: start + step, height: size, width: size, colour: '--valid' }] : []),
  ];
  const add = (layer: Layer) => {
    setPicked(undefined);
    setLayers([...layers, layer]);
  };
  const weights = layers.slice(0, at + 1).reduce((sum, l) => sum + (l === 'pool' ? 0 : Number(l.slice(4)) ** 2), 0);
  return (
    <div className="split receptive">
      <Pixels
        plane={picture}
        label={`A picture of ${SIDE}x${SIDE} pixels with the ${size}x${size} that one value sees`}
        marks={marks}
        caption={
          <>
            {SIDE}x{SIDE} pixels. <b>Blue</b> is what one value sees
            {marks.length > 1 && (
              <>
                , <b>orange</b> what its neighbour sees
              </>
            )}
            ; neighbours are {step} pixel{step === 1 ? '' : 's'} apart.
          </>
        }
      />
      <div className="stack" style={{ alignContent: 'start' }}>
        <p className="tell" aria-live="polite">
          {layers.length === 0 ? (
            'Without a layer each value sees one pixel. Add some.'
          ) : (
            <>
              Behind layer {at + 1} a value sees{' '}
              <b>
                {size}x{size} pixels
              </b>
              {size > SIDE ? ', more than the whole picture' : ''}; {weights} weights for each pair of channels lead to
              it.
            </>
          )}
        </p>
        <div className="row">
          {(['conv3', 'conv5', 'pool'] as const).map((layer) => (
            <button
              key={layer}
              type="button"
              className="button"
              disabled={layers.length >= MOST || (layer === 'pool' && layers.filter((l) => l === 'pool').length >= 6)}
              onClick={() => add(layer)}
            >
              + {layer === 'pool' ? '2x2 pool' : NAMES[layer]}
            </button>
          ))}
          <button
            type="button"
            className="button"
            disabled={layers.length === 0}
            onClick={() => {
              setPicked(undefined);
              setLayers(layers.slice(0, -1));
            }}
          >
            Remove last
          </button>
        </div>
        <div className="row">
          <span className="muted small">or take the stack of</span>
          {Object.entries(STACKS).map(([name, stack]) => (
            <button
              key={name}
              type="button"
              className="button quiet"
              onClick={() => {
                setPicked(undefined);
                setLayers(stack);
              }}
            >
              {name}
            </button>
          ))}
        </div>
        <ol className="tower" aria-label="Layers and what they see">
          {seen.map((s, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a layer is its place
            <li key={i}>
              <button
                type="button"
                aria-pressed={i === at}
                className={s.layer === 'pool' ? 'pool' : ''}
                onClick={() => setPicked(i)}
                onPointerEnter={() => setPicked(i)}
              >
                <i style={{ height: `${Math.max(2, (100 * s.size) / most)}%` }} />
                <span className="hidden">Layer {i + 1} sees</span>
                <b>{s.size}</b>
                <span>{NAMES[s.layer]}</span>
              </button>
            </li>
          ))}
        </ol>
        <p className="muted small">
          A 3x3 adds two steps to the view; a pooling adds one and doubles the step, so that all that comes after adds
          twice as much.
        </p>
      </div>
    </div>
  );
}

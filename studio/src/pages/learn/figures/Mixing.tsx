import { useMemo, useState } from 'react';
import { largest, mixChannels, type Plane } from '../compute/ops.js';
import { colourPicture } from '../compute/pictures.js';
import { Choice } from '../parts/controls.js';
import { Pixels } from '../parts/Pixels.js';

const SIDE = 64;
const COLOURS = ['red', 'green', 'blue'] as const;
type Matrix = readonly (readonly [number, number, number])[];

const MIXES: Readonly<Record<string, { readonly name: string; readonly matrix: Matrix }>> = {
  same: {
    name: 'As it is',
    matrix: [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
  },
  swap: {
    name: 'Exchange',
    matrix: [
      [0, 0, 1],
      [1, 0, 0],
      [0, 1, 0],
    ],
  },
  grey: {
    name: 'Grey',
    matrix: [
      [0.3, 0.6, 0.1],
      [0.3, 0.6, 0.1],
      [0.3, 0.6, 0.1],
    ],
  },
  opponent: {
    name: 'Differences',
    matrix: [
      [0.33, 0.33, 0.33],
      [1, -1, 0],
      [-0.5, -0.5, 1],
    ],
  },
};

/** A 1x1 convolution on a colour picture: nine weights that mix three channels into three others, place by place. */
export default function Mixing() {
  const [index, setIndex] = useState('30');
  const [matrix, setMatrix] = useState<Matrix>(MIXES.opponent!.matrix);
  const picture = useMemo(() => colourPicture(SIDE, Number(index)), [index]);
  const mixed = useMemo(() => mixChannels(picture, matrix) as [Plane, Plane, Plane], [picture, matrix]);
  const chosen = Object.keys(MIXES).find((k) => JSON.stringify(MIXES[k]!.matrix) === JSON.stringify(matrix));
  const set = (o: number, i: number, value: number) =>
    setMatrix(matrix.map((row, r) => row.map((v, c) => (r === o && c === i ? value : v)) as [number, number, number]));
  return (
    <div className="stack">
      <p className="lead">
        A 1x1 convolution looks at no neighbour. At every place it makes new channels from the old ones with the same
        weights: here three from three, in the network sixteen from a hundred and ninety-two.
      </p>
      <div className="controls">
        <Choice
          label="Picture"
          value={index}
          options={[
            ['30', 'One'],
            ['9', 'Two'],
            ['31', 'Three'],
          ]}
          onChange={setIndex}
        />
        <Choice
          label="Mix"
          value={chosen ?? 'own'}
          options={[
            ...Object.entries(MIXES).map(([key, { name }]) => [key, name] as const),
            ...(chosen ? [] : [['own', 'Your own'] as const]),
          ]}
          onChange={(key) => MIXES[key] && setMatrix(MIXES[key].matrix)}
        />
      </div>
      <div className="mixing">
        <div className="whole">
          <Pixels plane={picture} label="Colour picture" caption={<b>The picture</b>} />
          <Pixels
            plane={mixed}
            label="The new channels as red, green and blue"
            caption={
              <>
                <b>The new channels</b> as red, green and blue; below 0 is black
              </>
            }
          />
        </div>
        <div className="mix-table">
          <span />
          {COLOURS.map((colour, i) => (
            <Pixels key={colour} plane={picture[i]!} label={`Its ${colour} channel`} caption={<b>{colour} in</b>} />
          ))}
          <span />
          {matrix.map((row, o) => (
            <Row key={COLOURS[o]} out={o} row={row} map={mixed[o]!} onChange={(i, v) => set(o, i, v)} />
          ))}
        </div>
      </div>
    </div>
  );
}

function Row({
  out,
  row,
  map,
  onChange,
}: {
  out: number;
  row: readonly number[];
  map: Plane;
  onChange: (from: number, value: number) => void;
}) {
  return (
    <>
      <b className="name">map {out + 1} =</b>
      {row.map((v, i) => (
        <div key={COLOURS[i]} className="weight">
          <output>{v.toFixed(2)}</output>
          <input
            type="range"
            min={-1}
            max={1}
            step={0.05}
            value={v}
            aria-label={`Weight of ${COLOURS[i]} in map ${out + 1}`}
            onChange={(event) => onChange(i, Number(event.currentTarget.value))}
          />
        </div>
      ))}
      <Pixels plane={map} scale={{ signed: Math.max(1, largest(map)) }} label={`Map ${out + 1}`} />
    </>
  );
}

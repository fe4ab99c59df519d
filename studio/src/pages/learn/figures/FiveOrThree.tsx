import { useMemo, useState } from 'react';
import { formatCount } from '../../../lib/format.js';
import { composed, KERNELS } from '../compute/kernels.js';
import { convolve, difference, largest, makePlane, type Plane, relu } from '../compute/ops.js';
import { PICTURES, type PictureName } from '../compute/pictures.js';
import { Bar, Choice, Slider } from '../parts/controls.js';
import { Grid } from '../parts/Grid.js';
import { ARROWS, Pixels } from '../parts/Pixels.js';

const FIELD = 11;
const SIDE = 48;
const EMPTY = makePlane(FIELD, FIELD, () => 0);
type Kind = 'blur' | 'vertical' | 'horizontal';
const NAMES: Readonly<Record<Kind, string>> = {
  blur: 'Blur',
  vertical: 'Vertical',
  horizontal: 'Horizontal',
};

export default function FiveOrThree() {
  return (
    <div className="stack" style={{ gap: 28 }}>
      <Field />
      <Weights />
      <Twice />
    </div>
  );
}

/** What one value sees of the layers before it. */
function Field() {
  const [{ y, x }, setPlace] = useState({ y: 5, x: 5 });
  const inside = (v: number) => Math.min(FIELD - 1, Math.max(0, v));
  const point = (at: { y: number; x: number } | undefined) => at && setPlace({ y: inside(at.y), x: inside(at.x) });
  const key = (name: string): boolean => {
    const move = ARROWS[name];
    if (move) setPlace({ y: inside(y + move[0]), x: inside(x + move[1]) });
    return move !== undefined;
  };
  /** The square around the place, cut at the border. */
  const around = (reach: number): Plane =>
    makePlane(FIELD, FIELD, (r, c) => (Math.max(Math.abs(r - y), Math.abs(c - x)) <= reach ? 1 : 0));
  const seen = (reach: number) => [{ y: y - reach, x: x - reach, height: 2 * reach + 1, width: 2 * reach + 1 }];
  const show = (reach: number, label: string, caption: string) => (
    <Pixels
      plane={reach < 0 ? EMPTY : around(reach)}
      scale={{ signed: reach === 0 ? 1 : 2.4 }}
      marks={seen(reach)}
      lines
      label={label}
      caption={caption}
      {...(reach === 0 ? { onPoint: point, onKey: key } : {})}
    />
  );
  return (
    <div className="stack">
      <p className="lead">
        Point at a value behind the last layer, or use the arrow keys there. Two 3x3 convolutions see the same 5x5
        pixels as one 5x5.
      </p>
      <div className="ways">
        {show(2, 'The 5x5 pixels that two 3x3 convolutions see', 'Picture: 5x5 pixels are seen')}
        {show(1, 'The 3x3 values in between', 'Behind the first 3x3: 3x3 values')}
        {show(0, 'Map behind two 3x3 convolutions. Arrow keys move the value.', 'Behind the second 3x3: one value')}
        <i />
        {show(2, 'The 5x5 pixels that one 5x5 convolution sees', 'Picture: 5x5 pixels are seen')}
        {show(0, 'Map behind one 5x5 convolution. Arrow keys move the value.', 'Behind one 5x5: one value')}
      </div>
    </div>
  );
}

/** Weights of both ways as the channels grow. */
function Weights() {
  const [power, setPower] = useState(6);
  const channels = 2 ** power;
  const rows = [
    ['two 3x3', 18, '--train'],
    ['one 5x5', 25, '--valid'],
    ['three 3x3', 27, '--train'],
    ['one 7x7', 49, '--valid'],
  ] as const;
  return (
    <div className="split">
      <div className="stack" style={{ gap: 10 }}>
        <h3>What it costs</h3>
        <p className="tell muted">
          With C channels in and out, a 3x3 layer has 9 C² weights and as many multiply-adds at every place. The share
          stays the same for every C: 72 % of a 5x5, 55 % of a 7x7.
        </p>
        <Slider label="Channels C" min={0} max={9} value={power} shown={String(channels)} onChange={setPower} />
      </div>
      <div className="stack" style={{ gap: 6, '--name': '140px', '--number': '110px' } as object}>
        {rows.map(([name, factor, colour]) => (
          <Bar
            key={name}
            name={
              <>
                {name} <span className="muted">{factor} C²</span>
              </>
            }
            value={factor}
            most={49}
            shown={formatCount(factor * channels ** 2)}
            colour={colour}
          />
        ))}
      </div>
    </div>
  );
}

/** Both ways computed on a picture. */
function Twice() {
  const [name, setName] = useState<PictureName>('pattern');
  const [first, setFirst] = useState<Kind>('vertical');
  const [second, setSecond] = useState<Kind>('blur');
  const [between, setBetween] = useState<'nothing' | 'relu'>('nothing');
  const { picture, twice, kernel, once, apart } = useMemo(() => {
    const image = PICTURES[name](SIDE);
    const [a, b] = [KERNELS[first](3), KERNELS[second](3)];
    const middle = convolve(image, a);
    const two = convolve(between === 'relu' ? relu(middle) : middle, b);
    const k = composed(a, b);
    const one = convolve(image, k);
    return { picture: image, twice: two, kernel: k, once: one, apart: difference(two, one) };
  }, [name, first, second, between]);
  const kinds = (['blur', 'vertical', 'horizontal'] as const).map((k) => [k, NAMES[k]] as const);
  const most = Math.max(largest(twice), largest(once));
  const far = largest(apart);
  return (
    <div className="stack">
      <h3>Is it the same, then?</h3>
      <div className="controls">
        <Choice
          label="Picture"
          value={name}
          options={[
            ['pattern', 'Test pattern'],
            ['seven', 'Seven'],
            ['cells', 'Cells'],
          ]}
          onChange={setName}
        />
        <Choice label="First 3x3" value={first} options={kinds} onChange={setFirst} />
        <Choice
          label="In between"
          value={between}
          options={[
            ['nothing', 'Nothing'],
            ['relu', 'ReLU'],
          ]}
          onChange={setBetween}
        />
        <Choice label="Second 3x3" value={second} options={kinds} onChange={setSecond} />
      </div>
      <div className="pictures" style={{ '--count': 4 } as object}>
        <Pixels plane={picture} label="Picture" caption={<b>Picture</b>} />
        <Pixels
          plane={twice}
          scale={{ signed: most }}
          label="Behind two 3x3 convolutions"
          caption={
            <>
              <b>Two 3x3</b>, 2 · 9 weights
            </>
          }
        />
        <Pixels
          plane={once}
          scale={{ signed: most }}
          label="Behind one 5x5 convolution"
          caption={
            <>
              <b>The one 5x5</b> made of both, 25 weights
            </>
          }
        />
        <Pixels
          plane={apart}
          scale={{ signed: most }}
          label="Difference"
          caption={
            <>
              <b>Difference</b>: {far < 1e-5 ? 'none' : `up to ${((100 * far) / most).toFixed(0)} % of full colour`}
            </>
          }
        />
      </div>
      <div className="row" style={{ gap: 22, flexWrap: 'nowrap', alignItems: 'center' }}>
        <Grid label="The 5x5 kernel that two 3x3 make" plane={kernel} most={largest(kernel)} />
        <p className="tell" aria-live="polite">
          {far < 1e-5
            ? between === 'relu'
              ? 'The first convolution gives no value below zero here, so the ReLU changes nothing. Take an edge first.'
              : 'Without a ReLU in between two 3x3 are exactly this 5x5: depth alone adds nothing.'
            : 'With a ReLU in between no 5x5 does the same. That is what depth buys: fewer weights, the same view, and a bend in between.'}
        </p>
      </div>
    </div>
  );
}

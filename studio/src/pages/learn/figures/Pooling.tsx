import { useMemo, useState } from 'react';
import { brief } from '../compute/kernels.js';
import { difference, largest, meanAbsolute, type PoolKind, resize, shifted } from '../compute/ops.js';
import { PICTURES, type PictureName } from '../compute/pictures.js';
import { changes, LEVELS, levels } from '../compute/pooling.js';
import { Bar, Choice, Slider } from '../parts/controls.js';
import { ARROWS, Pixels } from '../parts/Pixels.js';

const SIDE = 32;

export default function Pooling() {
  const [name, setName] = useState<PictureName>('seven');
  const [kind, setKind] = useState<PoolKind>('max');
  const [level, setLevel] = useState(1);
  const [shift, setShift] = useState(1);
  const [place, setPlace] = useState({ y: 4, x: 9 });

  const picture = useMemo(() => PICTURES[name](SIDE), [name]);
  const maps = useMemo(() => levels(picture, kind), [picture, kind]);
  const back = useMemo(() => resize(maps[level]!, SIDE, SIDE, 'nearest'), [maps, level]);
  const lost = useMemo(() => difference(picture, back), [picture, back]);
  const moved = useMemo(
    () => ({
      max: changes(levels(picture, 'max'), levels(shifted(picture, 0, shift), 'max')),
      average: changes(levels(picture, 'average'), levels(shifted(picture, 0, shift), 'average')),
    }),
    [picture, shift],
  );

  const scale = 2 ** level;
  const map = maps[level]!;
  const below = maps[level - 1]!;
  const y = Math.min(place.y, map.height - 1);
  const x = Math.min(place.x, map.width - 1);
  const four = [0, 1].flatMap((r) => [0, 1].map((c) => below.data[(2 * y + r) * below.width + 2 * x + c]!));
  const visit = (to: { y: number; x: number }) =>
    setPlace({
      y: Math.min(map.height - 1, Math.max(0, to.y)),
      x: Math.min(map.width - 1, Math.max(0, to.x)),
    });
  const key = (pressed: string): boolean => {
    const move = ARROWS[pressed];
    if (move) visit({ y: y + move[0], x: x + move[1] });
    return move !== undefined;
  };
  const value = map.data[y * map.width + x]!;
  const most = Math.max(...moved.max, ...moved.average);
  return (
    <div className="stack">
      <p className="lead">
        Each 2x2 square becomes one value. What was there is kept, where exactly it stood is not: put back at full size,
        the picture is made of blocks.
      </p>
      <div className="controls">
        <Choice
          label="Picture"
          value={name}
          options={[
            ['seven', 'A seven'],
            ['pattern', 'A test pattern'],
            ['cells', 'Cells'],
          ]}
          onChange={setName}
        />
        <Choice
          label="Pooling"
          value={kind}
          options={[
            ['max', 'Largest value'],
            ['average', 'Mean'],
          ]}
          onChange={setKind}
        />
        <Slider
          label="Poolings"
          min={1}
          max={LEVELS}
          value={level}
          shown={`${level}: ${map.height}x${map.width} left of ${SIDE}x${SIDE}`}
          onChange={setLevel}
        />
      </div>
      <div className="pictures" style={{ '--count': 4 } as object}>
        <Pixels
          plane={picture}
          label="Picture. Arrow keys move the square that is looked at."
          marks={[{ y: y * scale, x: x * scale, height: scale, width: scale }]}
          onPoint={(at) => at && visit({ y: Math.floor(at.y / scale), x: Math.floor(at.x / scale) })}
          onKey={key}
          caption={<b>Picture, {SIDE * SIDE} values</b>}
        />
        <Pixels
          plane={map}
          label={`Map behind ${level} poolings. Arrow keys move the square that is looked at.`}
          marks={[{ y, x, height: 1, width: 1 }]}
          onPoint={(at) => at && visit(at)}
          onKey={key}
          caption={
            <b>
              Behind {level} pooling{level > 1 ? 's' : ''}, {map.data.length} values
            </b>
          }
        />
        <Pixels
          plane={back}
          label="The pooled map at the picture's size"
          marks={[{ y: y * scale, x: x * scale, height: scale, width: scale }]}
          caption={
            <>
              <b>Put back at full size</b>: {scale * scale} pixels share each value
            </>
          }
        />
        <Pixels
          plane={lost}
          scale={{ signed: Math.max(0.5, largest(lost)) }}
          label="Picture minus what was put back"
          caption={
            <>
              <b>Thrown away</b>: {(100 * meanAbsolute(lost)).toFixed(1)} % of full light a pixel, in the mean
            </>
          }
        />
      </div>
      <p className="tell" aria-live="polite">
        Here:{' '}
        <span className="formula">
          {kind === 'max' ? 'largest of' : 'mean of'} {four.map(brief).join(', ')} = <b>{brief(value)}</b>
        </span>{' '}
        <span className="muted">
          {kind === 'max'
            ? 'One value goes on and three are dropped; which of the four places it came from is forgotten.'
            : 'All four count a quarter; a thin bright line fades with every level.'}
        </span>
      </p>
      <div className="split">
        <div className="stack" style={{ gap: 10, alignContent: 'start' }}>
          <h3>And if the picture moves?</h3>
          <p className="tell muted">
            A digit written a little further right is the same digit. The longer a bar, the more of a level changes
            though nothing but the place did. Means mind less from level to level; a largest value stays as it is until
            it crosses into the next square, and then jumps.
          </p>
          <Slider
            label="Moved to the right by"
            min={0}
            max={4}
            value={shift}
            shown={`${shift} pixel${shift === 1 ? '' : 's'}`}
            onChange={setShift}
          />
        </div>
        <div className="stack" style={{ gap: 6, '--name': '150px', '--number': '52px' } as object}>
          {moved.max.map((v, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a level is its place
            <div key={i} className="pair">
              <Bar
                name={i === 0 ? 'the pixels' : `${SIDE / 2 ** i}x${SIDE / 2 ** i}, largest`}
                value={v}
                most={most}
                shown={`${Math.round(100 * v)} %`}
              />
              {i > 0 && (
                <Bar
                  name={`${SIDE / 2 ** i}x${SIDE / 2 ** i}, mean`}
                  value={moved.average[i]!}
                  most={most}
                  shown={`${Math.round(100 * moved.average[i]!)} %`}
                  colour="--valid"
                />
              )}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

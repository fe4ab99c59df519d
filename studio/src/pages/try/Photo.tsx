import type { Picture } from '../../lib/predict/index.js';
import { Canvas } from './Canvas.js';

/** The photo, and over it what the mask makes of it, up to a line that can be pushed to and fro. */
export function Photo({
  photo,
  result,
  label,
  wipe,
  onWipe,
}: {
  photo: Picture;
  result: Picture | undefined;
  label: string;
  /** Part of the width that shows the photo alone; undefined: nothing is compared. */
  wipe: number | undefined;
  onWipe: (wipe: number) => void;
}) {
  const { width, height } = photo;
  const at = `${100 * (wipe ?? 0)}%`;
  return (
    <div
      className="try-photo"
      style={{ aspectRatio: `${width} / ${height}`, width: `min(100%, calc(var(--tall) * ${width / height}))` }}
    >
      <Canvas picture={photo} label="The photo" />
      {result && (
        <Canvas
          picture={result}
          label={label}
          className="result"
          style={wipe === undefined ? {} : { clipPath: `inset(0 0 0 ${at})` }}
        />
      )}
      {result && wipe !== undefined && (
        <>
          <input
            type="range"
            min={0}
            max={100}
            step={0.5}
            value={100 * wipe}
            aria-label="Line between the photo and the result"
            onChange={({ target }) => onWipe(Number(target.value) / 100)}
          />
          <div className="line" style={{ left: at }} aria-hidden="true">
            <i className="knob" />
          </div>
        </>
      )}
    </div>
  );
}

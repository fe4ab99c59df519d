import { useId } from 'react';

/** A named slider with its value. */
export function Slider({
  name,
  value,
  min,
  max,
  shown,
  ends,
  disabled = false,
  onChange,
}: {
  name: string;
  value: number;
  min: number;
  max: number;
  /** The value in words. */
  shown: string;
  /** What lies at its ends. */
  ends?: readonly [string, string];
  disabled?: boolean;
  onChange: (value: number) => void;
}) {
  const id = useId();
  return (
    <div className="try-slider">
      <div>
        <label className="name" htmlFor={id}>
          {name}
        </label>
        <output htmlFor={id}>{shown}</output>
      </div>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={0.01}
        value={value}
        disabled={disabled}
        onChange={({ target }) => onChange(Number(target.value))}
      />
      {ends && (
        <div className="muted" aria-hidden="true">
          <span>{ends[0]}</span>
          <span>{ends[1]}</span>
        </div>
      )}
    </div>
  );
}

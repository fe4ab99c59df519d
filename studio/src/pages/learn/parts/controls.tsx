import { type ReactNode, useId } from 'react';
import { Segmented } from '../../../ui/index.js';

/** A number that is set with a slider. */
export function Slider({
  label,
  value,
  shown = String(value),
  min,
  max,
  step = 1,
  onChange,
}: {
  label: string;
  value: number;
  /** The value in words. */
  shown?: string;
  min: number;
  max: number;
  step?: number;
  onChange: (value: number) => void;
}) {
  const id = useId();
  return (
    <div className="slider">
      <label htmlFor={id}>{label}</label>
      <output htmlFor={id}>{shown}</output>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        aria-valuetext={shown}
        onChange={(event) => onChange(Number(event.currentTarget.value))}
      />
    </div>
  );
}

/** One of a few, with its name beside it. */
export function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly (readonly [value: T, text: ReactNode])[];
  onChange: (value: T) => void;
}) {
  return (
    <div className="choice">
      <span aria-hidden="true">{props.label}</span>
      <Segmented {...props} />
    </div>
  );
}

/** A bar whose length is a share of the longest, with its number. */
export function Bar({
  name,
  value,
  most,
  shown,
  colour = '--train',
}: {
  name: ReactNode;
  value: number;
  most: number;
  shown: string;
  colour?: string;
}) {
  return (
    <div className="amount">
      <span>{name}</span>
      <div className="track">
        <i style={{ width: `${most > 0 ? (100 * value) / most : 0}%`, background: `var(${colour})` }} />
      </div>
      <b>{shown}</b>
    </div>
  );
}

import { type FormEvent, useId, useState } from 'react';

/** Input size and classes of a registered network; all numbers follow. */
export function Settings({
  inputShape,
  classes,
  error,
  onChange,
}: {
  inputShape: readonly [number, number, number];
  classes: number;
  error: string | undefined;
  onChange: (input: string, classes: string) => void;
}) {
  const id = useId();
  const [values, setValues] = useState(() => [...inputShape, classes].map(String));
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (values.every((v) => /^[1-9]\d*$/.test(v))) onChange(values.slice(0, 3).join('x'), values[3]!);
  };
  const changed = values.join() !== [...inputShape, classes].join();
  return (
    <form className="net-settings" onSubmit={submit} aria-describedby={error ? `${id}-error` : undefined}>
      {(['Channels', 'Height', 'Width', 'Classes'] as const).map((label, i) => (
        <label key={label}>
          <span>{label}</span>
          <input
            className="input numbers"
            type="number"
            min={1}
            max={i === 3 ? 100_000 : 4096}
            required
            value={values[i]}
            aria-invalid={error !== undefined}
            onChange={(e) => setValues(values.map((v, n) => (n === i ? e.target.value : v)))}
          />
        </label>
      ))}
      <button type="submit" className="button" disabled={!changed && !error}>
        Apply
      </button>
      {error && (
        <p id={`${id}-error`} className="says-bad" role="alert">
          {error}
        </p>
      )}
    </form>
  );
}

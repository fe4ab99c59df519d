import { useEffect, useState } from 'react';
import { brief } from '../compute/kernels.js';
import type { Plane } from '../compute/ops.js';

/** Numbers of a small plane, coloured as pictures and maps are; with `onChange` they can be written over. */
export function Grid({
  label,
  plane,
  scale = 'signed',
  most = 1,
  onChange,
}: {
  label: string;
  plane: Plane;
  scale?: 'grey' | 'signed';
  /** The value of full colour. */
  most?: number;
  onChange?: ((index: number, value: number) => void) | undefined;
}) {
  const { height, width, data } = plane;
  return (
    <table className="cells" aria-label={label}>
      <tbody>
        {Array.from({ length: height }, (_, y) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: places stay
          <tr key={y}>
            {Array.from({ length: width }, (_, x) => {
              const i = y * width + x;
              const v = data[i]!;
              return (
                // biome-ignore lint/suspicious/noArrayIndexKey: places stay
                <td key={x} style={shade(v, scale, most)}>
                  {onChange ? (
                    <NumberCell
                      label={`Row ${y + 1}, column ${x + 1} of the kernel`}
                      value={v}
                      onChange={(next) => onChange(i, next)}
                    />
                  ) : (
                    brief(v)
                  )}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function shade(v: number, scale: 'grey' | 'signed', most: number) {
  if (scale === 'grey') {
    const part = Math.round(255 * Math.min(1, Math.max(0, v)));
    return { background: `rgb(${part} ${part} ${part})`, color: v > 0.5 ? '#000' : '#fff' };
  }
  const part = most > 0 ? Math.min(1, Math.abs(v) / most) : 0;
  // Below half of the full colour, so that the numbers stay legible in both themes.
  return {
    background: `color-mix(in srgb, var(${v < 0 ? '--valid' : '--train'}) ${Math.round(38 * part)}%, var(--surface))`,
  };
}

/** A number that is taken over as soon as it is one. */
function NumberCell({ label, value, onChange }: { label: string; value: number; onChange: (value: number) => void }) {
  const [text, setText] = useState(brief(value));
  const parsed = text.trim() === '' ? Number.NaN : Number(text.replace(',', '.'));
  useEffect(() => {
    setText((before) => (Number(before) === Math.round(value * 100) / 100 ? before : brief(value)));
  }, [value]);
  return (
    <input
      inputMode="decimal"
      aria-label={label}
      aria-invalid={!Number.isFinite(parsed)}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        const next = Number(event.currentTarget.value.replace(',', '.'));
        if (event.currentTarget.value.trim() !== '' && Number.isFinite(next)) onChange(next);
      }}
      onFocus={(event) => event.currentTarget.select()}
      onBlur={() => setText(brief(value))}
    />
  );
}

/** How the side of a map follows from the window, in words. */
export const composedLabel = (side: number, kernel: number, stride: number, padding: number, out: number): string =>
  `= (${side}${padding > 0 ? ` + 2·${padding}` : ''} − ${kernel})${stride > 1 ? ` / ${stride}` : ''} + 1 = ${out} a side`;

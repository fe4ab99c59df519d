import { useId } from 'react';

interface Series {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly number[];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [360, 190, 34, 24, 8];

/** Losses by step. Each line is the mean of the last five steps: single batches of four images jump. */
export function LossChart({ steps, series }: { steps: number; series: readonly Series[] }) {
  const id = useId();
  const top = Math.max(0.5, Math.ceil(2 * Math.max(1.5, ...series.flatMap((s) => s.values.slice(0, 8)))) / 2);
  const x = (step: number) => LEFT + ((WIDTH - LEFT - 6) * step) / steps;
  const y = (loss: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.min(loss, top) / top);
  const path = (values: readonly number[]) =>
    smooth(values)
      .map((v, i) => `${i === 0 ? 'M' : 'L'}${x(i + 1).toFixed(1)} ${y(v).toFixed(1)}`)
      .join('');
  const ticks = Array.from({ length: Math.round(top / 0.5) + 1 }, (_, i) => i * 0.5);
  const said = series.map((s) => `${s.name} ${smooth(s.values).at(-1)?.toFixed(2) ?? 'not yet'}`).join(', ');
  return (
    <figure style={{ margin: 0 }}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className="loss-chart" role="img" aria-labelledby={id}>
        <title id={id}>{`Loss: ${said}`}</title>
        {ticks.map((v) => (
          <g key={v}>
            <path d={`M${LEFT} ${y(v)}H${WIDTH - 6}`} stroke="var(--line)" />
            <text x={LEFT - 7} y={y(v) + 4} textAnchor="end">
              {v}
            </text>
          </g>
        ))}
        {[0, steps / 2, steps].map((v, i) => (
          <text key={v} x={x(v)} y={HEIGHT - 6} textAnchor={(['start', 'middle', 'end'] as const)[i]}>
            {i === 2 ? `${v} steps` : v}
          </text>
        ))}
        {series.map((s) => (
          <path
            key={s.name}
            d={path(s.values)}
            fill="none"
            stroke={`var(${s.colour})`}
            strokeWidth="2.2"
            strokeLinejoin="round"
          />
        ))}
      </svg>
      <figcaption className="small muted row" style={{ gap: 14 }}>
        Loss
        {series.map((s) => (
          <span key={s.name} className="key">
            <i style={{ background: `var(${s.colour})` }} />
            {s.name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

/** Mean of the last five values, or of as many as there are. */
export const smooth = (values: readonly number[]): number[] =>
  values.map((_, i) => {
    const last = values.slice(Math.max(0, i - 4), i + 1);
    return last.reduce((sum, v) => sum + v, 0) / last.length;
  });

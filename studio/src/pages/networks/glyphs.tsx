import type { GraphStep } from '../../../../src/server/studio/api.js';
import { BAR_GAP, LEAN, type Look, type Part, SHIFT, seamBefore } from './model/looks.js';

/** Gives a step's colour; the whole node has one where a measure is shown. `grown`: what came from below, beside a copy. */
export type Paint = (step: GraphStep, grown?: boolean) => string;

interface Props {
  readonly look: Look;
  readonly width: number;
  readonly height: number;
  readonly paint: Paint;
  readonly first: GraphStep;
  readonly copy: string;
}

/** The drawing of a node that is no box: stacks of maps, layers of units, bodies and bars. */
export function Glyph({ look, width, height, paint, first, copy }: Props) {
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" className="net-glyph">
      {look.type === 'maps' && <Maps look={look} colour={paint(first)} />}
      {look.type === 'units' && (
        <polygon points={`0,0 12,0 ${width},${height} ${width - 12},${height}`} fill={paint(first)} />
      )}
      {look.type === 'slabs' && <Slabs parts={look.parts} height={height} paint={paint} />}
      {look.type === 'bars' && <Bars parts={look.parts} height={height} paint={paint} copy={copy} />}
    </svg>
  );
}

function Maps({ look, colour }: { look: Extract<Look, { type: 'maps' }>; colour: string }) {
  return Array.from({ length: look.maps }, (_, i) => (
    <rect
      // biome-ignore lint/suspicious/noArrayIndexKey: maps have no other name
      key={i}
      x={SHIFT * i + 0.7}
      y={SHIFT * i + 0.7}
      width={look.side - 1.4}
      height={look.side - 1.4}
      rx={2.5}
      fill={colour}
      stroke="var(--surface)"
      strokeWidth={1.4}
    />
  ));
}

function Slabs({ parts, height, paint }: { parts: readonly Part[]; height: number; paint: Paint }) {
  let x = 0;
  return parts.map((part, i) => {
    x += seamBefore(parts, i);
    const left = x;
    x += part.width;
    const [dx, dy] = [part.height * LEAN[0], part.height * LEAN[1]];
    const [right, top] = [left + part.width, height - part.height];
    const colour = paint(part.step);
    const lid = `${left},${top} ${left + dx},${top - dy} ${right + dx},${top - dy} ${right},${top}`;
    const side = `${right},${top} ${right + dx},${top - dy} ${right + dx},${height - dy} ${right},${height}`;
    // The next body of the same height hides the side.
    const hidden = parts[i + 1]?.height === part.height;
    return (
      <g key={part.step.id}>
        {!hidden && <polygon points={side} fill={colour} />}
        {!hidden && <polygon points={side} fill="#0b1730" opacity={0.24} />}
        <polygon points={lid} fill={colour} />
        <polygon points={lid} fill="#fff" opacity={0.34} />
        <rect x={left} y={top} width={part.width} height={part.height} fill={colour} />
        {hidden && (
          <path
            d={`M${right} ${height}V${top}l${dx} ${-dy}`}
            fill="none"
            stroke="#fff"
            strokeWidth={1.2}
            opacity={0.75}
          />
        )}
      </g>
    );
  });
}

function Bars({ parts, height, paint, copy }: { parts: readonly Part[]; height: number; paint: Paint; copy: string }) {
  let x = 0;
  return parts.map((part) => {
    const left = x;
    x += part.width + BAR_GAP;
    const top = (height - part.height) / 2;
    const copied = part.copied ?? 0;
    return (
      <g key={part.step.id}>
        <rect x={left} y={top} width={part.width} height={part.height} rx={2.5} fill={paint(part.step, copied > 0)} />
        {copied > 0 && <rect x={left} y={top} width={copied} height={part.height} rx={2.5} fill={copy} />}
      </g>
    );
  });
}

/** The branches of a folded block, small: a line each, a dash for each layer. */
export function Branches({ branches, ink }: { branches: readonly (readonly GraphStep[])[]; ink: string }) {
  const lines = branches.slice(0, 6);
  return (
    <svg width={96} height={34} viewBox="0 0 96 34" aria-hidden="true">
      {lines.map((steps, i) => {
        const y = 17 + (i - (lines.length - 1) / 2) * (30 / Math.max(3, lines.length));
        return (
          <g key={steps[0]?.id ?? i} stroke={ink} fill="none" strokeWidth={1.2}>
            <path d={`M2 17C10 17 8 ${y} 16 ${y}H80C88 ${y} 86 17 94 17`} opacity={0.55} />
            {steps.slice(0, 3).map((s, n) => (
              <rect
                key={s.id}
                x={48 - (Math.min(3, steps.length) * 27 - 5) / 2 + n * 27}
                y={y - 3}
                width={22}
                height={6}
                rx={2}
                fill={ink}
                stroke="none"
              />
            ))}
          </g>
        );
      })}
    </svg>
  );
}

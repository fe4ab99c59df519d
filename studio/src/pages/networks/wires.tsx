import { memo } from 'react';
import type { Layout } from './model/layout.js';
import type { Point, Wire } from './model/wires.js';

/** All wires as one picture below the nodes: it is moved as a whole when the drawing is panned. */
export const Wires = memo(function Wires({ layout, lit }: { layout: Layout; lit: string | undefined }) {
  const pad = 60;
  const [w, h] = [layout.width + 2 * pad, layout.height + 2 * pad];
  return (
    <svg
      className="net-wires"
      width={w}
      height={h}
      viewBox={`${-pad} ${-pad} ${w} ${h}`}
      style={{ left: -pad, top: -pad }}
      aria-hidden="true"
    >
      {layout.wires.map((wire) => (
        <g key={wire.id} className={`net-wire ${wire.kind} ${wire.from === lit || wire.to === lit ? 'lit' : ''}`}>
          <path d={path(wire.points)} fill="none" />
          <polygon points={head(wire)} />
        </g>
      ))}
      {layout.wires.flatMap((wire) =>
        wire.labels.map((l) => (
          <text
            key={`${wire.id}${l.y}`}
            x={l.x}
            y={l.y}
            textAnchor={l.anchor}
            className={l.strong ? 'strong' : undefined}
          >
            {l.text}
          </text>
        )),
      )}
    </svg>
  );
});

const HEAD = 7;

/** Corners are rounded, and the line ends where its head begins. */
function path(points: readonly Point[]): string {
  const ends = [...points];
  const [a, b] = [ends.at(-2)!, ends.at(-1)!];
  ends[ends.length - 1] = toward(b, a, HEAD - 1);
  let d = `M${ends[0]!.join(' ')}`;
  for (let i = 1; i < ends.length - 1; i++) {
    const [before, corner, after] = [ends[i - 1]!, ends[i]!, ends[i + 1]!];
    const into = toward(corner, before, 7);
    const out = toward(corner, after, 7);
    d += `L${into.join(' ')}Q${corner.join(' ')} ${out.join(' ')}`;
  }
  return `${d}L${ends.at(-1)!.join(' ')}`;
}

/** A point `by` away from `from` on the way to `to`, at most half way. */
function toward(from: Point, to: Point, by: number): Point {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  const t = Math.min(by, length / 2) / length;
  return [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t];
}

function head({ points }: Wire): string {
  const [from, to] = [points.at(-2)!, points.at(-1)!];
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  const [ux, uy] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
  const at = (back: number, side: number) => `${to[0] - ux * back - uy * side},${to[1] - uy * back + ux * side}`;
  return `${to.join(',')} ${at(HEAD, 3.8)} ${at(HEAD, -3.8)}`;
}

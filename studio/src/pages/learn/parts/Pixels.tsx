import { type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useRef } from 'react';
import type { Plane } from '../compute/ops.js';
import { rgbOf, useShownTheme } from './theme.js';

/** A place that is marked: a rectangle in pixels of the plane. */
export interface Mark {
  readonly y: number;
  readonly x: number;
  readonly height: number;
  readonly width: number;
  /** Colour of the frame, of the theme; default the accent. */
  readonly colour?: string;
}

interface Props {
  /** One grey plane, or red, green and blue. */
  readonly plane: Plane | readonly [Plane, Plane, Plane];
  /** What it shows, for people who do not see it. */
  readonly label: string;
  readonly caption?: ReactNode;
  /** Grey from 0 to 1 (default), or signed: blue above 0, orange below, and what is full colour. */
  readonly scale?: 'grey' | { readonly signed: number } | { readonly most: number };
  /** Rows and columns of nothing around it. */
  readonly border?: number;
  readonly marks?: readonly Mark[];
  /** Lines between the pixels. */
  readonly lines?: boolean;
  /** Places that have a value yet; default all. */
  readonly known?: ReadonlySet<number>;
  /** A place is pointed at, or was left (undefined); `pressed` while a button is held. */
  readonly onPoint?: (place: { y: number; x: number } | undefined, pressed: boolean) => void;
  /** A key was pressed while the picture had the focus. Return true for keys that were used. */
  readonly onKey?: (key: string) => boolean;
}

/** A small picture drawn large: its pixels are seen, may be pointed at and reached with the arrow keys. */
export function Pixels({
  plane,
  label,
  caption,
  scale = 'grey',
  border = 0,
  marks = [],
  lines = false,
  known,
  onPoint,
  onKey,
}: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useShownTheme();
  const one = 'data' in plane ? plane : plane[0];
  const height = one.height + 2 * border;
  const width = one.width + 2 * border;
  const most = scale === 'grey' ? 0 : 'signed' in scale ? scale.signed : scale.most;
  const kind = scale === 'grey' ? 'grey' : 'signed' in scale ? 'signed' : 'most';
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other colours
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    context.clearRect(0, 0, width, height);
    context.putImageData(paint(plane, kind, most, known), border, border);
  }, [plane, kind, most, known, theme, border, width, height]);

  const point = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = (part: number, of: number, size: number) =>
      Math.min(size - 1, Math.max(0, Math.floor((part / of) * size))) - border;
    onPoint?.(
      { y: at(event.clientY - box.top, box.height, height), x: at(event.clientX - box.left, box.width, width) },
      event.buttons > 0,
    );
  };
  const key = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !onKey?.(event.key)) return;
    event.preventDefault();
  };
  const active = onPoint !== undefined || onKey !== undefined;
  const drawing = (
    <>
      <canvas ref={canvas} width={width} height={height} />
      <svg viewBox={`${-border} ${-border} ${width} ${height}`} aria-hidden="true">
        {border > 0 && (
          <rect x={0} y={0} width={one.width} height={one.height} className="edge" vectorEffect="non-scaling-stroke" />
        )}
        {lines && (
          <path
            d={Array.from({ length: width }, (_, i) => `M${i - border} ${-border}v${height}`)
              .concat(Array.from({ length: height }, (_, i) => `M${-border} ${i - border}h${width}`))
              .join('')}
            className="line"
            vectorEffect="non-scaling-stroke"
          />
        )}
        {marks.map((m) => (
          <rect
            key={`${m.colour}${m.y},${m.x},${m.height}`}
            x={m.x}
            y={m.y}
            width={m.width}
            height={m.height}
            className="mark"
            style={{ stroke: `var(${m.colour ?? '--accent'})` }}
            vectorEffect="non-scaling-stroke"
          />
        ))}
      </svg>
    </>
  );
  const style = { aspectRatio: `${width} / ${height}` };
  return (
    <figure className="pixels">
      {active ? (
        <div
          className="sheet active"
          style={style}
          role="application"
          aria-label={label}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes keys
          tabIndex={0}
          onPointerMove={point}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            point(event);
          }}
          onPointerLeave={() => onPoint?.(undefined, false)}
          onKeyDown={key}
        >
          {drawing}
        </div>
      ) : (
        <div className="sheet" style={style} role="img" aria-label={label}>
          {drawing}
        </div>
      )}
      {caption !== undefined && <figcaption>{caption}</figcaption>}
    </figure>
  );
}

function paint(
  plane: Plane | readonly [Plane, Plane, Plane],
  kind: 'grey' | 'signed' | 'most',
  most: number,
  known: ReadonlySet<number> | undefined,
): ImageData {
  const channels = 'data' in plane ? [plane] : plane;
  const { height, width } = channels[0]!;
  const out = new ImageData(width, height);
  const [zero, plus, minus] = [rgbOf('--soft'), rgbOf('--train'), rgbOf('--valid')];
  for (let i = 0; i < height * width; i++) {
    if (known && !known.has(i)) continue;
    const v = channels[0]!.data[i]!;
    const part = most > 0 ? Math.min(1, Math.abs(v) / most) : 0;
    for (let c = 0; c < 3; c++) {
      if (kind === 'signed') out.data[4 * i + c] = zero[c]! + ((v < 0 ? minus : plus)[c]! - zero[c]!) * part;
      else {
        const value = (channels[c] ?? channels[0]!).data[i]!;
        out.data[4 * i + c] = 255 * Math.min(1, Math.max(0, kind === 'most' && most > 0 ? value / most : value));
      }
    }
    out.data[4 * i + 3] = 255;
  }
  return out;
}

/** What the arrow keys move a place by. */
export const ARROWS: Readonly<Record<string, readonly [dy: number, dx: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

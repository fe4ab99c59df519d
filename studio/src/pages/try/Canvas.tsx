import { type CSSProperties, useEffect, useRef } from 'react';
import { createPad } from '../../../../src/export/page/pad.js';
import { type Picture, paint } from '../../lib/predict/index.js';

/** A picture at its own number of pixels; its size on the page is the style's. */
export function Canvas({
  picture,
  label,
  className = '',
  style,
}: {
  picture: Picture | undefined;
  label: string;
  className?: string;
  style?: CSSProperties;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (picture && canvas.current) paint(canvas.current, picture);
  }, [picture]);
  return <canvas ref={canvas} className={className} style={style} role="img" aria-label={label} />;
}

/** The drawing field of exported pages. */
export function Pad({
  light,
  turn,
  onDraw,
}: {
  light: boolean;
  /** Another number clears it. */
  turn: number;
  onDraw: (drawing: Picture | undefined) => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const pad = useRef<ReturnType<typeof createPad>>(undefined);
  const draw = useRef(onDraw);
  draw.current = onDraw;
  useEffect(() => {
    pad.current = createPad(light, (drawing) => draw.current(drawing));
    const { element } = pad.current;
    host.current!.append(element);
    return () => element.remove();
  }, [light]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another turn clears it
  useEffect(() => pad.current?.clear(), [turn]);
  return <div ref={host} />;
}

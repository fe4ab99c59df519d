import type { Line } from './line.js';
import { thin, visible } from './thin.js';

/** How values become pixels of the canvas. */
export interface Mapping {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly log: boolean;
  /** Pixels of the canvas for one of the page. */
  readonly ratio: number;
}

/** Pixel of a value, from the top. */
export function yPixel(map: Mapping, value: number): number {
  const [low, high] = map.y;
  const share = map.log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return map.top + map.height * (1 - share);
}

export const xPixel = (map: Mapping, x: number): number =>
  map.left + (map.width * (x - map.x[0])) / (map.x[1] - map.x[0]);

let indices = new Int32Array(1 << 13);

/** Draws a line; lines of tens of thousands of points cost no more than the width of the chart. */
export function paintLine(ctx: CanvasRenderingContext2D, line: Line, colour: string, map: Mapping): void {
  const { x, y } = line;
  const [from, to] = visible(x, map.x[0], map.x[1]);
  const column = ((map.x[1] - map.x[0]) / map.width) * map.ratio;
  const room = Math.min(to - from, 4 * (Math.ceil(map.width / map.ratio) + 4));
  if (indices.length < room) indices = new Int32Array(2 * room);
  // Single values closer together than pixels are a band: as seen, and drawn in a fraction of the time.
  if (line.faint && (to - from) * map.ratio > 3 * map.width) {
    paintBand(ctx, line, colour, map, from, to, column);
    return;
  }
  const count = thin(x, y, from, to, column, indices);
  ctx.lineJoin = 'bevel';
  ctx.lineWidth = (line.faint ? 1 : 1.8) * map.ratio;
  ctx.strokeStyle = colour;
  ctx.globalAlpha = line.faint ? 0.28 : 1;
  ctx.setLineDash(line.dashed ? [5 * map.ratio, 4 * map.ratio] : []);
  ctx.beginPath();
  let drawing = false;
  let lastX = 0;
  let lastY = 0;
  for (let i = 0; i < count; i++) {
    const at = indices[i]!;
    const value = y[at]!;
    if (!Number.isFinite(value) || (map.log && value <= 0)) {
      drawing = false;
      continue;
    }
    const px = xPixel(map, x[at]!);
    // A spike far outside must not make coordinates that canvases round badly.
    const py = Math.max(map.top - map.height, Math.min(map.top + 2 * map.height, yPixel(map, value)));
    // What ends in the same pixel is not seen.
    if (drawing && i < count - 1 && Math.abs(px - lastX) < 0.8 && Math.abs(py - lastY) < 0.8) continue;
    if (drawing) ctx.lineTo(px, py);
    else ctx.moveTo(px, py);
    drawing = true;
    lastX = px;
    lastY = py;
  }
  ctx.stroke();
  ctx.setLineDash([]);
  if (line.dots && count < map.width / (14 * map.ratio)) paintDots(ctx, line, colour, map, count);
  ctx.globalAlpha = 1;
}

/** From the lowest to the highest value of each column of pixels. */
function paintBand(
  ctx: CanvasRenderingContext2D,
  { x, y }: Line,
  colour: string,
  map: Mapping,
  from: number,
  to: number,
  column: number,
): void {
  const lows: [x: number, y: number][] = [];
  ctx.beginPath();
  for (let at = from; at < to; ) {
    const bucket = Math.floor(x[at]! / column);
    let low = Infinity;
    let high = -Infinity;
    for (; at < to && Math.floor(x[at]! / column) === bucket; at++) {
      const value = y[at]!;
      if (!Number.isFinite(value) || (map.log && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (low > high) continue;
    const px = xPixel(map, (bucket + 0.5) * column);
    ctx.lineTo(px, Math.max(map.top - 4, yPixel(map, high) - map.ratio / 2));
    lows.push([px, Math.min(map.top + map.height + 4, yPixel(map, low) + map.ratio / 2)]);
  }
  for (let i = lows.length - 1; i >= 0; i--) ctx.lineTo(...lows[i]!);
  ctx.globalAlpha = 0.24;
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.globalAlpha = 1;
}

function paintDots(ctx: CanvasRenderingContext2D, { x, y }: Line, colour: string, map: Mapping, count: number): void {
  ctx.fillStyle = colour;
  ctx.beginPath();
  for (let i = 0; i < count; i++) {
    const at = indices[i]!;
    const value = y[at]!;
    if (!Number.isFinite(value) || (map.log && value <= 0)) continue;
    const px = xPixel(map, x[at]!);
    const py = yPixel(map, value);
    ctx.moveTo(px + 2.6 * map.ratio, py);
    ctx.arc(px, py, 2.6 * map.ratio, 0, 2 * Math.PI);
  }
  ctx.fill();
}

import type { Image } from '../dataset.js';

/** What lies outside an image: a constant, its edge pixels drawn out, or its mirror image (edge pixels not doubled). */
export type Border = 'fill' | 'edge' | 'reflect';

export const BORDERS: readonly Border[] = ['fill', 'edge', 'reflect'];

/** Gives back `border` if it is one. */
export function checkBorder(what: string, border: unknown): Border {
  if (!BORDERS.includes(border as Border))
    throw new RangeError(`the border of ${what} must be ${BORDERS.join(', ')}, got ${JSON.stringify(border)}`);
  return border as Border;
}

export interface SampleOptions {
  /** Nearest pixel instead of bilinear: for masks. */
  readonly nearest?: boolean;
  /** Default 'fill'. */
  readonly border?: Border;
  /** Default 0. */
  readonly fill?: number;
}

/** Writes where the pixels of output row `y` come from: pixel coordinates, whole numbers being centres. */
export type Coordinates = (y: number, xs: Float64Array, ys: Float64Array) => void;

/** An image of the same size whose pixels are taken from the given places of another. */
export function sample({ data, shape }: Image, coordinates: Coordinates, options: SampleOptions = {}): Image {
  const { nearest = false, border = 'fill', fill = 0 } = options;
  const [channels, h, w] = shape;
  const area = h * w;
  const out = new Uint8Array(data.length);
  const xs = new Float64Array(w);
  const ys = new Float64Array(w);
  for (let y = 0; y < h; y++) {
    coordinates(y, xs, ys);
    if (border !== 'fill') {
      inside(xs, w, border);
      inside(ys, h, border);
    }
    for (let x = 0; x < w; x++) {
      const to = y * w + x;
      const px = xs[x]!;
      const py = ys[x]!;
      if (nearest) {
        const x0 = Math.floor(px + 0.5);
        const y0 = Math.floor(py + 0.5);
        const there = x0 >= 0 && x0 < w && y0 >= 0 && y0 < h;
        for (let c = 0; c < channels; c++) out[c * area + to] = there ? data[c * area + y0 * w + x0]! : fill;
        continue;
      }
      const x0 = Math.floor(px);
      const y0 = Math.floor(py);
      const fx = px - x0;
      const fy = py - y0;
      if (x0 >= 0 && x0 < w - 1 && y0 >= 0 && y0 < h - 1) {
        for (let c = 0, at = y0 * w + x0; c < channels; c++, at += area) {
          const left = data[at]!;
          const below = data[at + w]!;
          const top = left + (data[at + 1]! - left) * fx;
          const bottom = below + (data[at + w + 1]! - below) * fx;
          // Bytes are not negative: adding a half and cutting rounds.
          out[c * area + to] = top + (bottom - top) * fy + 0.5;
        }
        continue;
      }
      const hasLeft = x0 >= 0 && x0 < w;
      const hasRight = x0 >= -1 && x0 < w - 1;
      const hasTop = y0 >= 0 && y0 < h;
      const hasBottom = y0 >= -1 && y0 < h - 1;
      for (let c = 0, at = y0 * w + x0; c < channels; c++, at += area) {
        const p00 = hasLeft && hasTop ? data[at]! : fill;
        const p01 = hasRight && hasTop ? data[at + 1]! : fill;
        const p10 = hasLeft && hasBottom ? data[at + w]! : fill;
        const p11 = hasRight && hasBottom ? data[at + w + 1]! : fill;
        const top = p00 + (p01 - p00) * fx;
        const bottom = p10 + (p11 - p10) * fx;
        out[c * area + to] = top + (bottom - top) * fy + 0.5;
      }
    }
  }
  return { data: out, shape };
}

/** Moves coordinates into 0..n-1, to the edge or by reflection. */
function inside(values: Float64Array, n: number, border: Border): void {
  const last = n - 1;
  const period = 2 * last;
  for (let i = 0; i < values.length; i++) {
    let v = values[i]!;
    if (v >= 0 && v <= last) continue;
    if (border === 'edge' || last === 0) v = v < 0 ? 0 : last;
    else {
      v = Math.abs(v) % period;
      if (v > last) v = period - v;
    }
    values[i] = v;
  }
}

import type { Planes } from '../../train/tiling.js';

/** Weights of one output value: source values `first..first + weights.length - 1`. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** What each of `to` values of an axis is made of: a triangle of `support` on each side about `i * factor + offset`. */
function taps(to: number, factor: number, offset: number): Taps[] {
  const support = Math.max(1, factor);
  return Array.from({ length: to }, (_, i) => {
    const at = i * factor + offset;
    const first = Math.ceil(at - support);
    const weights = Float64Array.from({ length: Math.floor(at + support) - first + 1 }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k - at) / support),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((w) => w / sum) };
  });
}

/** Shrinking: by a whole number first, as means, then by less than three with a triangle that sees every pixel, centred. */
function shrinking(from: number, to: number, factor: number): Taps[][] {
  if (factor <= 1) return [];
  const whole = Math.max(1, Math.floor(factor / 2));
  const mean = new Float64Array(whole).fill(1 / whole);
  const means = Array.from({ length: Math.ceil(from / whole) }, (_, i) => ({ first: i * whole, weights: mean }));
  const rest = factor / whole;
  const triangle = taps(to, rest, ((from - to * factor) / whole + rest - 1) / 2);
  return whole > 1 ? [means, triangle] : [triangle];
}

/** Enlarging is bilinear, from half a pixel before the first one on. */
const enlarging = (to: number, factor: number): Taps[] => taps(to, Math.min(1, factor), -0.5);

/**
 * An image scaled to height x width the way the command line's image library (libvips) does, whose bytes it meets to
 * within rounding. It shrinks first, then enlarges: where one axis is enlarged, the other is shifted with it by half a pixel.
 *
 * @param down source pixels of each row of the output
 * @param across source pixels of each column
 */
export function scale(image: Planes, height: number, width: number, down: number, across: number): Planes {
  const [, h, w] = image.shape;
  if (h === height && w === width) return { data: image.data.slice(), shape: image.shape };
  let out = image;
  for (const step of shrinking(h, height, down)) out = alongHeight(out, step);
  for (const step of shrinking(w, width, across)) out = alongWidth(out, step);
  if (down >= 1 && across >= 1) return out;
  return alongWidth(alongHeight(out, enlarging(height, down)), enlarging(width, across));
}

/** Beyond the edge the edge is repeated. */
const inside = (i: number, n: number) => Math.min(n - 1, Math.max(0, i));

function alongHeight({ data, shape: [c, h, w] }: Planes, taps: readonly Taps[]): Planes {
  const out = new Uint8Array(c * taps.length * w);
  const sums = new Float64Array(w);
  for (let plane = 0, to = 0; plane < c; plane++)
    for (const { first, weights } of taps) {
      sums.fill(0);
      for (const [k, weight] of weights.entries()) {
        const line = (plane * h + inside(first + k, h)) * w;
        for (let x = 0; x < w; x++) sums[x]! += weight * data[line + x]!;
      }
      for (let x = 0; x < w; x++) out[to++] = Math.round(sums[x]!);
    }
  return { data: out, shape: [c, taps.length, w] };
}

function alongWidth({ data, shape: [c, h, w] }: Planes, taps: readonly Taps[]): Planes {
  const width = taps.length;
  const out = new Uint8Array(c * h * width);
  for (const [x, { first, weights }] of taps.entries()) {
    const at = Int32Array.from(weights, (_, k) => inside(first + k, w));
    for (let line = 0; line < c * h; line++) {
      let sum = 0;
      for (let k = 0; k < at.length; k++) sum += weights[k]! * data[line * w + at[k]!]!;
      out[line * width + x] = Math.round(sum);
    }
  }
  return { data: out, shape: [c, h, width] };
}

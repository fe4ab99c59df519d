/** Planes of bytes, CHW. */
export interface Planes {
  readonly data: Uint8Array;
  readonly shape: readonly [number, number, number];
}

/** What cutting an image into tiles has to know about a network. */
export interface TileGeometry {
  /** Channels of the output. */
  readonly outputs: number;
  /** Sides of tiles and distances between them are multiples of this: pixels between values of the coarsest map. */
  readonly multiple: number;
  /** Pixels at an inner edge of a tile whose outputs depend on what lies outside of it. */
  readonly margin: number;
  /** Pixels on each side of an image that get no output: valid convolutions. */
  readonly border: readonly [number, number];
}

/** Tiles along one axis: all of one length, at multiples of the network's stride, with a weight for each pixel. */
export interface AxisTiles {
  /** Length of the axis with its padding. */
  readonly padded: number;
  readonly tile: number;
  readonly starts: readonly number[];
  /**
   * Weights of tile `k`: 0 within the margin of an inner edge, then rising to 1. Over all tiles they sum to 1 at each
   * pixel.
   */
  readonly weights: readonly Float64Array[];
}

/** The smallest multiple of `of` that is at least `n`. */
const roundUp = (n: number, of: number): number => Math.ceil(n / of) * of;

/** Pixels over which one tile fades into the next, at least. */
const FADE = 32;

/** Cuts an axis of `length` pixels into overlapping tiles of about `tile`. */
export function axisTiles(length: number, tile: number, { multiple, margin }: TileGeometry): AxisTiles {
  const overlap = roundUp(2 * margin + FADE, multiple);
  // Less than half of a tile of its own, and work grows quickly.
  const side = roundUp(Math.max(tile, 2 * overlap), multiple);
  const padded = roundUp(length, multiple);
  if (padded <= side) return { padded, tile: padded, starts: [0], weights: [new Float64Array(padded).fill(1)] };
  const starts: number[] = [];
  for (let at = 0; at + side < padded; at += side - overlap) starts.push(at);
  starts.push(padded - side);
  const fade = overlap - 2 * margin;
  const rise = (distance: number) => Math.min(1, Math.max(0, (distance - margin + 0.5) / fade));
  const weights = starts.map((start) =>
    Float64Array.from({ length: side }, (_, i) => {
      const low = start === 0 ? 1 : rise(i);
      const high = start + side === padded ? 1 : rise(side - 1 - i);
      return Math.min(low, high);
    }),
  );
  const sums = new Float64Array(padded);
  for (const [k, start] of starts.entries()) for (const [i, w] of weights[k]!.entries()) sums[start + i]! += w;
  for (const [k, start] of starts.entries()) for (let i = 0; i < side; i++) weights[k]![i]! /= sums[start + i]!;
  return { padded, tile: side, starts, weights };
}

/** Gives the output [K, h, w] of a network for one tile [C, h, w]. */
export type TileRunner = (tile: Uint8Array, height: number, width: number) => Promise<Float32Array>;

/** Takes finished rows: `rows` [K, count, width] from row `y` on. They are valid until it returns. */
export type RowSink = (y: number, count: number, rows: Float32Array) => void;

/**
 * Runs a network over an image of any size in overlapping tiles and hands the blended output on row by row, so that
 * neither the network nor the output needs memory for the whole image. Borders are mirrored up to a multiple of the
 * network's stride. Where a tile fades into the next, both see all that the network looks at: the result is that of the
 * whole image at once.
 */
export async function predictTiled(
  run: TileRunner,
  image: Planes,
  geometry: TileGeometry,
  tile: number,
  sink: RowSink,
): Promise<void> {
  const [channels, height, width] = image.shape;
  const { outputs } = geometry;
  const down = axisTiles(height, tile, geometry);
  const across = axisTiles(width, tile, geometry);
  if (down.starts.length === 1 && across.starts.length === 1 && down.tile === height && across.tile === width) {
    sink(0, height, await run(image.data, height, width));
    return;
  }
  // A band of rows that tiles add to; its finished top goes out, the rest moves up.
  const band = new Float32Array(outputs * down.tile * width);
  const cut = new Uint8Array(channels * down.tile * across.tile);
  for (const [r, top] of down.starts.entries()) {
    for (const [c, left] of across.starts.entries()) {
      cutOut(image, top, left, down.tile, across.tile, cut);
      const output = await run(cut, down.tile, across.tile);
      const columns = Math.min(across.tile, width - left);
      for (let k = 0; k < outputs; k++)
        for (let y = 0; y < down.tile; y++) {
          const vertical = down.weights[r]![y]!;
          if (vertical === 0) continue;
          const from = (k * down.tile + y) * across.tile;
          const to = (k * down.tile + y) * width + left;
          for (let x = 0; x < columns; x++) band[to + x]! += output[from + x]! * vertical * across.weights[c]![x]!;
        }
    }
    const next = down.starts[r + 1];
    const done = Math.min(next === undefined ? height : next, height) - top;
    sink(top, done, rowsOf(band, outputs, down.tile, width, done));
    moveUp(band, outputs, down.tile, width, done);
  }
}

function rowsOf(band: Float32Array, planes: number, rows: number, width: number, count: number): Float32Array {
  if (planes === 1) return band.subarray(0, count * width);
  const out = new Float32Array(planes * count * width);
  for (let k = 0; k < planes; k++)
    out.set(band.subarray(k * rows * width, (k * rows + count) * width), k * count * width);
  return out;
}

function moveUp(band: Float32Array, planes: number, rows: number, width: number, count: number): void {
  for (let k = 0; k < planes; k++) {
    band.copyWithin(k * rows * width, (k * rows + count) * width, (k + 1) * rows * width);
    band.fill(0, ((k + 1) * rows - count) * width, (k + 1) * rows * width);
  }
}

/** Copies a part of an image; what lies outside is mirrored at the border. */
function cutOut({ data, shape }: Planes, top: number, left: number, h: number, w: number, to: Uint8Array): void {
  const [channels, height, width] = shape;
  const columns = Int32Array.from({ length: w }, (_, x) => mirrored(left + x, width));
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < h; y++) {
      const from = (c * height + mirrored(top + y, height)) * width;
      const at = (c * h + y) * w;
      for (let x = 0; x < w; x++) to[at + x] = data[from + columns[x]!]!;
    }
}

/** Position `i` of an axis of `n` pixels continued by mirroring, without repeating the last pixel. */
function mirrored(i: number, n: number): number {
  if (n === 1) return 0;
  const period = 2 * n - 2;
  const at = i % period;
  return at < n ? at : period - at;
}

/**
 * Enlarges (or shrinks) planes [K, h, w] to height x width by bilinear interpolation with half-pixel centres, row by row.
 */
export function resizeRows(
  map: Float32Array,
  [planes, h, w]: readonly [number, number, number],
  height: number,
  width: number,
  sink: RowSink,
): void {
  const at = (i: number, from: number, to: number) => {
    const p = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(p);
    return { low, high: Math.min(from - 1, low + 1), part: p - low };
  };
  // Every pixel of a photo comes by here: columns are looked up, and rows are blended before they are stretched.
  const columns = Array.from({ length: width }, (_, x) => at(x, w, width));
  const lows = Int32Array.from(columns, (c) => c.low);
  const highs = Int32Array.from(columns, (c) => c.high);
  const parts = Float64Array.from(columns, (c) => c.part);
  const row = new Float32Array(planes * width);
  const blended = new Float64Array(w);
  for (let y = 0; y < height; y++) {
    const { low, high, part } = at(y, h, height);
    for (let k = 0; k < planes; k++) {
      const a = (k * h + low) * w;
      const b = (k * h + high) * w;
      for (let x = 0; x < w; x++) blended[x] = map[a + x]! * (1 - part) + map[b + x]! * part;
      const to = k * width;
      for (let x = 0; x < width; x++) {
        const left = blended[lows[x]!]!;
        row[to + x] = left + (blended[highs[x]!]! - left) * parts[x]!;
      }
    }
    sink(y, 1, row);
  }
}

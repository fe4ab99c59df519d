import type { Image } from '../data/dataset.js';
import { formatShape, type HostTensor } from '../tensor/shape.js';

type Rgb = readonly [number, number, number];

/** From low to high: dark violet over blue and green to yellow, even in lightness (the stops of matplotlib's viridis). */
const VIRIDIS: readonly Rgb[] = [
  [68, 1, 84],
  [71, 45, 123],
  [59, 82, 139],
  [44, 114, 142],
  [33, 145, 140],
  [40, 174, 128],
  [94, 201, 98],
  [173, 220, 48],
  [253, 231, 37],
];
/** For evidence over a photograph: nothing, then red to yellow. */
const HEAT: readonly Rgb[] = [
  [20, 20, 90],
  [120, 20, 130],
  [220, 40, 60],
  [250, 150, 30],
  [255, 240, 110],
];
const BACKGROUND: Rgb = [24, 28, 36];

/** Values that are no numbers are shown in a colour that the scales do not have. */
const NOT_FINITE: Rgb = [255, 0, 255];

function colourAt(stops: readonly Rgb[], value: number): Rgb {
  if (!Number.isFinite(value)) return NOT_FINITE;
  const at = Math.min(Math.max(value, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const mix = (c: 0 | 1 | 2) => stops[i]![c] + (stops[i + 1]![c] - stops[i]![c]) * (at - i);
  return [mix(0), mix(1), mix(2)];
}

/** A picture that is painted pixel by pixel, RGB in planes. */
class Canvas {
  readonly data: Uint8Array;
  constructor(
    readonly height: number,
    readonly width: number,
  ) {
    this.data = new Uint8Array(3 * height * width);
    for (const c of [0, 1, 2] as const) this.data.fill(BACKGROUND[c], c * height * width, (c + 1) * height * width);
  }
  set(y: number, x: number, colour: Rgb): void {
    for (const c of [0, 1, 2] as const) this.data[(c * this.height + y) * this.width + x] = Math.round(colour[c]);
  }
  /** Paints a tile of `h` x `w` values, each as a square of `zoom` pixels. */
  tile(top: number, left: number, h: number, w: number, zoom: number, colour: (y: number, x: number) => Rgb): void {
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const rgb = colour(y, x);
        for (let dy = 0; dy < zoom; dy++)
          for (let dx = 0; dx < zoom; dx++) this.set(top + y * zoom + dy, left + x * zoom + dx, rgb);
      }
  }
  image(): Image {
    return { data: this.data, shape: [3, this.height, this.width] };
  }
}

/** How the tiles of a picture lie. */
export interface TileLayout {
  /** Tiles side by side. Default: as many as make the picture about as wide as 16 to 9. */
  readonly columns?: number;
  /** Pixels between tiles, and around them. Default 4. */
  readonly gap?: number;
  /** How often a value is repeated along each axis. Default: until a tile is wide enough to be seen. */
  readonly zoom?: number;
}

/** Where the tiles of a grid lie. */
function grid(count: number, height: number, width: number, { gap = 4, columns: asked }: TileLayout = {}) {
  const wide = Math.round(Math.sqrt((count * (height + gap) * 16) / ((width + gap) * 9)));
  const columns = Math.max(1, Math.min(count, asked ?? wide));
  const rows = Math.ceil(count / columns);
  const canvas = new Canvas(rows * (height + gap) + gap, columns * (width + gap) + gap);
  const at = (i: number) =>
    [gap + Math.floor(i / columns) * (height + gap), gap + (i % columns) * (width + gap)] as const;
  return { canvas, at };
}

/** Tiles are shown at least this many pixels wide, larger ones as they are. */
const TILE = 56;

/**
 * Feature maps side by side, each in its own range from dark to light, so that weak ones can be seen too. A map of one
 * value a channel (a linear layer) is shown in the common range.
 * @param maps [N, C, H, W] or [N, features]
 * @param index which of the N images
 */
export function featureGrid(maps: HostTensor, index = 0, layout: TileLayout = {}): Image {
  const [n, c, h = 1, w = 1] = maps.shape;
  if (maps.shape.length !== 4 && maps.shape.length !== 2)
    throw new Error(`feature maps are [N, C, H, W] or [N, features], got ${formatShape(maps.shape)}`);
  if (!(index >= 0 && index < n!)) throw new RangeError(`there is no image ${index}: there are ${n}, counted from 0`);
  const area = h * w;
  const { gap = area === 1 ? 2 : 4, zoom = area === 1 ? 14 : Math.max(1, Math.ceil(TILE / w)) } = layout;
  const { canvas, at } = grid(c!, h * zoom, w * zoom, { ...layout, gap });
  const all = rangeOf(maps.data, index * c! * area, c! * area);
  for (let k = 0; k < c!; k++) {
    const start = (index * c! + k) * area;
    const [low, high] = area === 1 ? all : rangeOf(maps.data, start, area);
    const scale = high > low ? 1 / (high - low) : 1;
    const [top, left] = at(k);
    canvas.tile(top, left, h, w, zoom, (y, x) => colourAt(VIRIDIS, (maps.data[start + y * w + x]! - low) * scale));
  }
  return canvas.image();
}

/**
 * The filters of a convolution side by side: in colour where it looks at RGB images, else grey, one tile for each pair
 * of channels. Grey in the middle is zero, and the largest absolute weight of a filter is black or white.
 * @param weight [O, I, kH, kW]
 */
export function filterGrid(weight: HostTensor, layout: TileLayout = {}): Image {
  const [o, i, h, w] = weight.shape;
  if (weight.shape.length !== 4) throw new Error(`filters are [O, I, kH, kW], got ${formatShape(weight.shape)}`);
  const inColour = i === 3;
  const tiles = inColour ? o! : o! * i!;
  const values = inColour ? 3 * h! * w! : h! * w!;
  const { zoom = Math.max(1, Math.ceil(TILE / w!)) } = layout;
  const { canvas, at } = grid(tiles, h! * zoom, w! * zoom, layout);
  for (let t = 0; t < tiles; t++) {
    const start = t * values;
    const [low, high] = rangeOf(weight.data, start, values);
    const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
    const grey = (v: number) => 127.5 * (1 + v / most);
    const [top, left] = at(t);
    canvas.tile(top, left, h!, w!, zoom, (y, x) => {
      const value = (c: number) => grey(weight.data[start + (c * h! + y) * w! + x]!);
      return inColour ? [value(0), value(1), value(2)] : [value(0), value(0), value(0)];
    });
  }
  return canvas.image();
}

/**
 * An image and beside it the same under a map of evidence, stretched over it: what counts is bright.
 * @param image CHW bytes, 1 or 3 channels
 * @param map [N, H', W'] or [H', W'], 0 or above (Grad-CAM)
 */
export function heatOverlay({ data, shape: [channels, height, width] }: Image, map: HostTensor, index = 0): Image {
  const [h, w] = map.shape.slice(-2) as [number, number];
  const values = map.data.subarray(index * h * w, (index + 1) * h * w);
  const [, high] = rangeOf(values, 0, values.length);
  const zoom = Math.max(1, Math.round(224 / Math.max(height, width)));
  const gap = 6;
  const canvas = new Canvas(height * zoom + 2 * gap, 2 * width * zoom + 3 * gap);
  const pixel = (y: number, x: number): Rgb => {
    const at = (c: number) => data[(Math.min(c, channels - 1) * height + y) * width + x]!;
    return [at(0), at(1), at(2)];
  };
  canvas.tile(gap, gap, height, width, zoom, pixel);
  const [H, W] = [height * zoom, width * zoom];
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      const strength = high > 0 ? sample(values, h, w, ((y + 0.5) * h) / H - 0.5, ((x + 0.5) * w) / W - 0.5) / high : 0;
      const below = pixel(Math.floor(y / zoom), Math.floor(x / zoom));
      const above = colourAt(HEAT, strength);
      const alpha = 0.25 + 0.5 * strength;
      const mix = (c: 0 | 1 | 2) => below[c] * (1 - alpha) + above[c] * alpha;
      canvas.set(gap + y, 2 * gap + W + x, [mix(0), mix(1), mix(2)]);
    }
  return canvas.image();
}

/** Bilinear; beyond the border the border's value. */
function sample(values: ArrayLike<number>, h: number, w: number, y: number, x: number): number {
  const clampTo = (v: number, n: number) => Math.min(Math.max(v, 0), n - 1);
  const [y0, x0] = [clampTo(Math.floor(y), h), clampTo(Math.floor(x), w)];
  const [y1, x1] = [clampTo(Math.floor(y) + 1, h), clampTo(Math.floor(x) + 1, w)];
  const [fy, fx] = [clampTo(y, h) - y0, clampTo(x, w) - x0];
  const at = (a: number, b: number) => values[a * w + b]!;
  return (at(y0, x0) * (1 - fx) + at(y0, x1) * fx) * (1 - fy) + (at(y1, x0) * (1 - fx) + at(y1, x1) * fx) * fy;
}

function rangeOf(data: ArrayLike<number>, start: number, length: number): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + length; i++) {
    const v = data[i]!;
    if (!Number.isFinite(v)) continue;
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return low <= high ? [low, high] : [0, 0];
}

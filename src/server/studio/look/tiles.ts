import { featureGrid, filterGrid } from '../../../inspect/pictures.js';
import { encodePng } from '../../../node/image.js';
import { type HostTensor, hostTensor } from '../../../tensor/shape.js';
import type { Features } from '../api.js';

/** Maps that are shown of a layer, and values of one without maps. */
const MOST_MAPS = 64;
const MOST_VALUES = 1024;
/** Maps are shown with sides of so many pixels. */
const LARGEST = 128;
const SMALLEST = 32;

/** Filters that are shown, and for each of them inputs. */
const MOST_FILTERS = 64;
const MOST_INPUTS = 16;
const FILTER_SIDE = 40;

/** The first maps of a layer as a picture: [1, C, H, W], or [1, features]. */
export async function featurePicture(layer: string, value: HostTensor): Promise<Features> {
  const [, channels, height = 1, width = 1] = value.shape as [number, number, number?, number?];
  const single = height === 1 && width === 1;
  const shown = Math.min(channels, single ? MOST_VALUES : MOST_MAPS);
  const area = height * width;
  const first = hostTensor((value.data as Float32Array).slice(0, shown * area), [1, shown, height, width]);
  const maps = shrunk(first, Math.ceil(Math.max(height, width) / LARGEST));
  const [, , h, w] = maps.shape as [number, number, number, number];
  const zoom = single ? 12 : Math.max(1, Math.ceil(SMALLEST / Math.max(h, w)));
  const columns = single ? filling(shown, 40, 25, 32) : filling(shown, 10, 6, 8);
  const png = await encodePng(featureGrid(maps, 0, { columns, gap: 1, zoom }));
  return {
    layer,
    channels,
    height,
    width,
    picture: `data:image/png;base64,${Buffer.from(png).toString('base64')}`,
    columns,
    shown,
    tile: [h * zoom, w * zoom],
  };
}

/** Columns that fill all lines, from `most` down to `least`; else `usual`. */
function filling(tiles: number, most: number, least: number, usual: number): number {
  if (tiles <= most) return tiles;
  for (let columns = most; columns >= least; columns--) if (tiles % columns === 0) return columns;
  return usual;
}

/** Maps [1, C, H, W] of which `by` x `by` values become their mean. */
function shrunk(maps: HostTensor, by: number): HostTensor {
  if (by <= 1) return maps;
  const [, channels, height, width] = maps.shape as [number, number, number, number];
  const [h, w] = [Math.ceil(height / by), Math.ceil(width / by)];
  const out = new Float32Array(channels * h * w);
  for (let c = 0, to = 0; c < channels; c++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const [bottom, right] = [Math.min(height, (y + 1) * by), Math.min(width, (x + 1) * by)];
        let sum = 0;
        for (let i = y * by; i < bottom; i++)
          for (let j = x * by; j < right; j++) sum += maps.data[(c * height + i) * width + j]!;
        out[to++] = sum / ((bottom - y * by) * (right - x * by));
      }
  return hostTensor(out, [1, channels, h, w]);
}

export interface FilterPicture {
  readonly png: Uint8Array;
  /** `16x16 of 64x32`: filters and inputs. */
  readonly shown: string;
}

/**
 * Filters [O, I, kH, kW] as a picture: those that look at colours in colour, side by side; others a line for each, with a
 * tile for each input.
 */
export async function filterPicture(weight: HostTensor): Promise<FilterPicture> {
  const [outputs, inputs, h, w] = weight.shape as [number, number, number, number];
  const coloured = inputs === 3;
  const o = Math.min(outputs, coloured || inputs === 1 ? MOST_FILTERS : MOST_INPUTS);
  const i = coloured ? 3 : Math.min(inputs, MOST_INPUTS);
  const part = i * h * w;
  const data = new Float32Array(o * part);
  for (let k = 0; k < o; k++)
    data.set((weight.data as Float32Array).subarray(k * inputs * h * w, k * inputs * h * w + part), k * part);
  const zoom = Math.max(1, Math.ceil(FILTER_SIDE / Math.max(h, w)));
  const columns = coloured || inputs === 1 ? filling(o, 10, 6, 8) : i;
  const png = await encodePng(filterGrid(hostTensor(data, [o, i, h, w]), { columns, gap: 2, zoom }));
  return { png, shown: `${o}x${i} of ${outputs}x${inputs}` };
}

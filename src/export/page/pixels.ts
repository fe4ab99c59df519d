import type { Fit } from '../../data/open.js';
import { crop } from '../../data/transforms/crop.js';
import { resizeImage } from '../../data/transforms/resize.js';
import type { Planes } from '../../train/tiling.js';
import { scale } from './scale.js';

/** Colours as a canvas gives them: red, green, blue and opacity of each pixel. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly rgba: Uint8ClampedArray;
}

/** Red, green and blue as planes. */
export function rgbPlanes({ height, width, rgba }: Picture): Planes {
  const area = height * width;
  const data = new Uint8Array(3 * area);
  for (let c = 0; c < 3; c++) for (let i = 0, at = c; i < area; i++, at += 4) data[c * area + i] = rgba[at]!;
  return { data, shape: [3, height, width] };
}

/**
 * Pixels as a network takes them, by the steps of the command line: scaled, then grey where it takes one channel, then
 * inverted where that is asked for.
 */
export function prepare(picture: Picture, scaled: (image: Planes) => Planes, channels: number, invert = false): Planes {
  const image = scaled(rgbPlanes(picture));
  const planes = channels === 1 ? grey(image) : image;
  if (invert) for (let i = 0; i < planes.data.length; i++) planes.data[i] = 255 - planes.data[i]!;
  return planes;
}

/** Makes an image one of a size. */
export type Scaler = (height: number, width: number) => (image: Planes) => Planes;

/** Scaled to exactly that size. */
export const fill: Scaler = (height, width) => (image) => {
  const [, h, w] = image.shape;
  return scale(image, height, width, h / height, w / width);
};

/** Scaled until it covers that size, then the middle is taken. */
export const cover: Scaler = (height, width) => (image) => {
  const [, h, w] = image.shape;
  const shrink = Math.min(h / height, w / width);
  const [tall, wide] = [Math.max(height, Math.round(h / shrink)), Math.max(width, Math.round(w / shrink))];
  const large = scale(image, tall, wide, shrink, shrink);
  return crop(large, (tall - height + 1) >> 1, (wide - width + 1) >> 1, height, width);
};

/** Scaled until it fits inside, then put in the middle of black. */
export const contain: Scaler = (height, width) => (image) => {
  const [, h, w] = image.shape;
  const shrink = Math.max(h / height, w / width);
  const [tall, wide] = [Math.max(1, Math.round(h / shrink)), Math.max(1, Math.round(w / shrink))];
  const small = scale(image, tall, wide, shrink, shrink);
  return crop(small, -((height - tall) >> 1), -((width - wide) >> 1), height, width);
};

/** How images of files get their size, by the names of the command line. */
export const SCALERS: Readonly<Record<Fit, Scaler>> = { fill, cover, contain };

/** The light of a byte of sRGB, 0..1. */
const LINEAR = Float64Array.from({ length: 256 }, (_, i) => {
  const v = i / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
});

/** The byte of sRGB for a light of i / 255. */
const BYTE = Float64Array.from({ length: 257 }, (_, i) => {
  const v = Math.min(1, i / 255);
  return Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055));
});

/** Grey as libvips makes it, which the command line reads images with: the sum of light, its bytes in between interpolated. */
function grey({ data, shape: [, height, width] }: Planes): Planes {
  const area = height * width;
  const out = new Uint8Array(area);
  for (let i = 0; i < area; i++) {
    const [r, g, b] = [data[i]!, data[area + i]!, data[2 * area + i]!];
    if (r === g && g === b) {
      out[i] = r;
      continue;
    }
    const light = 255 * (0.2126 * LINEAR[r]! + 0.7152 * LINEAR[g]! + 0.0722 * LINEAR[b]!);
    const low = Math.floor(light);
    out[i] = Math.round(BYTE[low]! + (BYTE[low + 1]! - BYTE[low]!) * (light - low));
  }
  return { data: out, shape: [1, height, width] };
}

/** Planes of one or three channels as a canvas takes them. */
export function toPicture({ data, shape: [channels, height, width] }: Planes): Picture {
  const area = height * width;
  const rgba = new Uint8ClampedArray(4 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = data[Math.min(c, channels - 1) * area + i]!;
    rgba[4 * i + 3] = 255;
  }
  return { height, width, rgba };
}

/**
 * A drawing the way MNIST's digits are: what is drawn fits a box of 20/28 of the side, and its centre of weight lies in
 * the middle.
 * @param image one plane, drawn light on dark
 */
export function centred(image: Planes, side: number): Planes {
  const [, h, w] = image.shape;
  let [top, bottom, left, right] = [h, -1, w, -1];
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      if (image.data[y * w + x]! > 16) {
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
        [left, right] = [Math.min(left, x), Math.max(right, x)];
      }
  if (bottom < 0) return { data: new Uint8Array(side * side), shape: [1, side, side] };
  const [tall, wide] = [bottom - top + 1, right - left + 1];
  const scale = (side * 20) / 28 / Math.max(tall, wide);
  const [rows, columns] = [Math.max(1, Math.round(tall * scale)), Math.max(1, Math.round(wide * scale))];
  const small = resizeImage(crop(image, top, left, tall, wide), rows, columns);
  let [sum, sumY, sumX] = [0, 0, 0];
  for (const [i, v] of small.data.entries()) {
    sum += v;
    sumY += v * Math.floor(i / columns);
    sumX += v * (i % columns);
  }
  const place = (moment: number, length: number) =>
    Math.min(side - length, Math.max(0, Math.round((side - 1) / 2 - moment / sum)));
  return crop(small, -place(sumY, rows), -place(sumX, columns), side, side);
}

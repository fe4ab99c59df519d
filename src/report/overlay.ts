import type { Image } from '../data/dataset.js';

/** Colours of classes from 1 on, far apart in hue and lightness; the background has none. */
const COLOURS = [0xff7a1a, 0x1fa8ff, 0x3ddc84, 0xe5399b, 0xffd23f, 0x8f6bff, 0x00c2b8, 0xd64545, 0x9bc53d, 0x5f7fff];

/** The colour of a class (not of the background, 0) as 0xrrggbb; classes beyond the tenth take turns. */
export const classRgb = (index: number): number => COLOURS[(index - 1 + COLOURS.length) % COLOURS.length]!;

/** The colour of a class in overlays, `#rrggbb`. */
export const classColour = (index: number): string => `#${classRgb(index).toString(16).padStart(6, '0')}`;

/** Width of borders that are seen in a whole photo of that size. */
export const photoReach = (height: number, width: number): number =>
  Math.max(1, Math.round(Math.max(height, width) / 400));

/** How a mask is laid over an image. */
export interface OverlayStyle {
  /** How much of the class colour covers the image, 0..1. Default 0.35. */
  readonly opacity?: number;
  /** Draw the border of each class in full colour. Default true. */
  readonly contour?: boolean;
  /** Width of the border in pixels, inside of the class. Default 1. */
  readonly reach?: number;
  /** Class number of pixels that are ignored: they are shown dark. */
  readonly ignoreIndex?: number;
}

/**
 * An image with its mask over it, RGB [3, H, W]: each class but 0 tinted in its colour, its border in full colour.
 *
 * @param mask class numbers, H x W
 */
export function overlay(image: Image, mask: Uint8Array, style: OverlayStyle = {}): Image {
  const { opacity = 0.35, contour = true, reach = 1, ignoreIndex } = style;
  const [channels, h, w] = image.shape;
  const area = h * w;
  const out = new Uint8Array(3 * area);
  for (let c = 0; c < 3; c++) {
    const from = (channels === 3 ? c : 0) * area;
    out.set(image.data.subarray(from, from + area), c * area);
  }
  const isOther = (y: number, x: number, value: number) =>
    y >= 0 && y < h && x >= 0 && x < w && mask[y * w + x] !== value;
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const at = y * w + x;
      const value = mask[at]!;
      if (value === 0) continue;
      const ignored = value === ignoreIndex;
      const colour = ignored ? 0x101010 : classRgb(value);
      const edge =
        contour &&
        !ignored &&
        (isOther(y - reach, x, value) ||
          isOther(y + reach, x, value) ||
          isOther(y, x - reach, value) ||
          isOther(y, x + reach, value));
      const part = edge ? 1 : ignored ? 0.7 : opacity;
      for (let c = 0; c < 3; c++) {
        const i = c * area + at;
        out[i] = out[i]! + (((colour >> (16 - 8 * c)) & 255) - out[i]!) * part;
      }
    }
  }
  return { data: out, shape: [3, h, w] };
}

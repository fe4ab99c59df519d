import { checkNumber, checkPair } from '../../util/check.js';
import type { Image, ImageShape } from '../dataset.js';
import type { RandomStream } from '../rng.js';
import type { Transform } from './types.js';

/** The part that begins at (top, left). What lies outside the image is `fill`. */
export function crop(image: Image, top: number, left: number, height: number, width: number, fill = 0): Image {
  const [c, h, w] = image.shape;
  const out = new Uint8Array(c * height * width);
  if (fill !== 0) out.fill(fill);
  const x0 = Math.max(0, left);
  const x1 = Math.min(w, left + width);
  for (let plane = 0; plane < c; plane++) {
    for (let y = 0; y < height && x1 > x0; y++) {
      const from = y + top;
      if (from < 0 || from >= h) continue;
      const line = (plane * h + from) * w;
      out.set(image.data.subarray(line + x0, line + x1), (plane * height + y) * width + x0 - left);
    }
  }
  return { data: out, shape: [c, height, width] };
}

const byte = { integer: true, min: 0, max: 255 } as const;

/** Margins: all sides, [horizontal, vertical] or [left, top, right, bottom] (PyTorch's order). */
export type Padding = number | readonly [number, number] | readonly [number, number, number, number];

function margins(padding: Padding): [left: number, top: number, right: number, bottom: number] {
  const p = typeof padding === 'number' ? [padding] : padding;
  for (const n of p) checkNumber('padding', n, { integer: true, min: 0, max: 65536 });
  const [a, b = a!, c = a!, d = b!] = p;
  return [a!, b!, c!, d!];
}

/** Adds a border of `fill`. */
export function pad(padding: Padding, { fill = 0 }: { fill?: number } = {}): Transform {
  const [left, top, right, bottom] = margins(padding);
  checkNumber('fill', fill, byte);
  const outputShape = ([c, h, w]: ImageShape): ImageShape => [c, h + top + bottom, w + left + right];
  const widen = (image: Image, value: number): Image => {
    const [, height, width] = outputShape(image.shape);
    return crop(image, -top, -left, height, width, value);
  };
  return {
    spec: { name: 'pad', padding, fill },
    outputShape,
    apply: (image) => widen(image, fill),
    applyMask: (mask, _, outside) => widen(mask, outside),
  };
}

/** The centre; an image that is smaller is padded with black (PyTorch's `CenterCrop`). */
export function centerCrop(size: number | readonly [number, number]): Transform {
  const [height, width] = checkPair('the size of centerCrop', size, { integer: true, min: 1 });
  return {
    spec: { name: 'centerCrop', size },
    outputShape: ([c]) => [c, height, width],
    apply: (image) => cropCentre(image, height, width),
    applyMask: (mask, _, outside) => cropCentre(mask, height, width, outside),
  };
}

function cropCentre(image: Image, height: number, width: number, fill = 0): Image {
  const [, h, w] = image.shape;
  return crop(image, centred(h, height), centred(w, width), height, width, fill);
}

/** Where the middle `wanted` of `size` pixels begin; torchvision rounds half a pixel to even, and down in padding. */
function centred(size: number, wanted: number): number {
  if (wanted > size) return -Math.floor((wanted - size) / 2);
  const half = (size - wanted) / 2;
  return Number.isInteger(half) ? half : 2 * Math.round(half / 2);
}

/** A side, [height, width], or the image's own size. */
export type CropSize = number | readonly [number, number] | 'same';

/** Checks a size given by the user and says how it becomes [height, width] for an image. */
export function sizeOf(what: string, size: CropSize): (shape: ImageShape) => readonly [number, number] {
  if (size === 'same') return ([, h, w]) => [h, w];
  const pair = checkPair(what, size, { integer: true, min: 1, max: 65536 });
  return () => pair;
}

/**
 * A part of `size` at a random place of the image with a border of `padding` pixels of `fill` around it
 * (the usual augmentation of CIFAR: `randomCrop(32, { padding: 4 })`). Without random numbers: the centre.
 */
export function randomCrop(
  size: CropSize = 'same',
  { padding = 0, fill = 0 }: { padding?: Padding; fill?: number } = {},
): Transform {
  const wanted = sizeOf('the size of randomCrop', size);
  const [left, top, right, bottom] = margins(padding);
  checkNumber('fill', fill, byte);
  const take = (image: Image, random: RandomStream | undefined, outside: number): Image => {
    const [, h, w] = image.shape;
    const [height, width] = wanted(image.shape);
    if (!random) return cropCentre(image, height, width, outside);
    const y = random.below(h + top + bottom - height + 1) - top;
    const x = random.below(w + left + right - width + 1) - left;
    return crop(image, y, x, height, width, outside);
  };
  return {
    spec: { name: 'randomCrop', size, padding, fill },
    outputShape(shape) {
      const [c, h, w] = shape;
      const [height, width] = wanted(shape);
      if (h + top + bottom < height || w + left + right < width)
        throw new RangeError(
          `randomCrop cannot take ${height} x ${width} out of images of ${h} x ${w} with padding [${[left, top, right, bottom]}]`,
        );
      return [c, height, width];
    },
    apply: (image, random) => take(image, random, fill),
    applyMask: take,
  };
}

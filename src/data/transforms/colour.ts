import { checkNumber } from '../../util/check.js';
import type { Image } from '../dataset.js';
import type { Transform } from './types.js';

/** ITU-R 601-2 luma, cut to a byte as torchvision does. */
const luma = (r: number, g: number, b: number): number => Math.trunc(0.2989 * r + 0.587 * g + 0.114 * b);

const toByte = (value: number): number => (value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value));

/** Brightness of each pixel: H x W bytes. */
export function toGray({ data, shape: [c, h, w] }: Image): Uint8Array {
  const n = h * w;
  if (c === 1) return data.slice();
  const out = new Uint8Array(n);
  for (let i = 0; i < n; i++) out[i] = luma(data[i]!, data[n + i]!, data[2 * n + i]!);
  return out;
}

/** Changes each byte by a table of 256. */
function look({ data, shape }: Image, change: (v: number) => number): Image {
  const table = Uint8Array.from({ length: 256 }, (_, v) => toByte(change(v)));
  const out = new Uint8Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = table[data[i]!]!;
  return { data: out, shape };
}

/** Scales all values: 0 is black, 1 changes nothing. */
export function adjustBrightness(image: Image, factor: number): Image {
  return look(image, (v) => v * factor);
}

/** Moves values away from (or towards) the mean brightness: 0 is grey, 1 changes nothing. */
export function adjustContrast(image: Image, factor: number): Image {
  const gray = toGray(image);
  let sum = 0;
  for (let i = 0; i < gray.length; i++) sum += gray[i]!;
  const mean = sum / gray.length;
  return look(image, (v) => factor * v + (1 - factor) * mean);
}

/** Moves colours away from (or towards) grey: 0 is grey, 1 changes nothing. Grey images stay as they are. */
export function adjustSaturation(image: Image, factor: number): Image {
  if (image.shape[0] === 1) return { data: image.data.slice(), shape: image.shape };
  const gray = toGray(image);
  const { data } = image;
  const n = gray.length;
  const out = new Uint8Array(data.length);
  for (let c = 0, at = 0; c < image.shape[0]; c++)
    for (let i = 0; i < n; i++, at++) out[at] = toByte(factor * data[at]! + (1 - factor) * gray[i]!);
  return { data: out, shape: image.shape };
}

/** Turns the colour wheel by `shift` of a full turn (-0.5 to 0.5). Grey images stay as they are. */
export function adjustHue(image: Image, shift: number): Image {
  const out = image.data.slice();
  if (image.shape[0] === 1) return { data: out, shape: image.shape };
  const n = out.length / 3;
  for (let i = 0; i < n; i++) {
    const r = out[i]! / 255;
    const g = out[n + i]! / 255;
    const b = out[2 * n + i]! / 255;
    const value = Math.max(r, g, b);
    const chroma = value - Math.min(r, g, b);
    if (chroma === 0) continue;
    let hue: number;
    if (value === r) hue = (g - b) / chroma;
    else if (value === g) hue = 2 + (b - r) / chroma;
    else hue = 4 + (r - g) / chroma;
    const part = hue / 6 + shift;
    const turned = 6 * (part - Math.floor(part));
    // Each channel falls from the value by the chroma in the part of the wheel that lies opposite to it.
    for (let c = 0; c < 3; c++) {
      let k = 5 - 2 * c + turned;
      if (k >= 6) k -= 6;
      const level = value - chroma * Math.max(0, Math.min(k, 4 - k, 1));
      out[c * n + i] = level * 255.999;
    }
  }
  return { data: out, shape: image.shape };
}

/** Strengths of {@link colourJitter}: factors from 1 - s to 1 + s, hue from -s to s (at most 0.5). */
export interface JitterOptions {
  readonly brightness?: number;
  readonly contrast?: number;
  readonly saturation?: number;
  readonly hue?: number;
}

/** Random brightness, contrast, saturation and hue, in random order (PyTorch's `ColorJitter`). Without random numbers: nothing. */
export function colourJitter({ brightness = 0, contrast = 0, saturation = 0, hue = 0 }: JitterOptions = {}): Transform {
  for (const [name, s] of Object.entries({ brightness, contrast, saturation }))
    checkNumber(`the ${name} of colourJitter`, s, { min: 0 });
  checkNumber('the hue of colourJitter', hue, { min: 0, max: 0.5 });
  const factors: [number, (image: Image, factor: number) => Image][] = [
    [brightness, adjustBrightness],
    [contrast, adjustContrast],
    [saturation, adjustSaturation],
  ];
  return {
    spec: { name: 'colourJitter', brightness, contrast, saturation, hue },
    outputShape: (shape) => shape,
    applyMask: 'keep',
    apply(image, random) {
      let out: Image = { data: image.data.slice(), shape: image.shape };
      if (!random) return out;
      const steps: ((image: Image) => Image)[] = [];
      for (const [strength, adjust] of factors) {
        const factor = random.between(Math.max(0, 1 - strength), 1 + strength);
        if (strength > 0) steps.push((i) => adjust(i, factor));
      }
      const shift = random.between(-hue, hue);
      if (hue > 0) steps.push((i) => adjustHue(i, shift));
      while (steps.length > 0) out = steps.splice(random.below(steps.length), 1)[0]!(out);
      return out;
    },
  };
}

/** Grey, in one channel or in three equal ones. Images of one channel can be spread to three. */
export function grayscale({ channels = 1 }: { channels?: 1 | 3 } = {}): Transform {
  if (channels !== 1 && channels !== 3) throw new RangeError(`grayscale makes 1 or 3 channels, got ${channels}`);
  return {
    spec: { name: 'grayscale', channels },
    outputShape: ([, h, w]) => [channels, h, w],
    applyMask: 'keep',
    apply(image) {
      const gray = toGray(image);
      const [, h, w] = image.shape;
      if (channels === 1) return { data: gray, shape: [1, h, w] };
      const out = new Uint8Array(3 * gray.length);
      for (let c = 0; c < 3; c++) out.set(gray, c * gray.length);
      return { data: out, shape: [3, h, w] };
    },
  };
}

/** Grey with probability `p`; the channels stay as many as they are. Without random numbers: nothing. */
export function randomGrayscale({ p = 0.1 }: { p?: number } = {}): Transform {
  checkNumber('the probability of randomGrayscale', p, { min: 0, max: 1 });
  return {
    spec: { name: 'randomGrayscale', p },
    outputShape: (shape) => shape,
    applyMask: 'keep',
    apply(image, random) {
      const out = image.data.slice();
      if (!random?.chance(p)) return { data: out, shape: image.shape };
      const gray = toGray(image);
      for (let at = 0; at < out.length; at += gray.length) out.set(gray, at);
      return { data: out, shape: image.shape };
    },
  };
}

import { checkOptions } from '../../util/registry.js';
import { normaliseName, unknownName } from '../../util/suggest.js';
import { blur, noise } from './blur.js';
import { colourJitter, grayscale, randomGrayscale } from './colour.js';
import { type CropSize, centerCrop, pad, randomCrop } from './crop.js';
import { registerTransformed } from './dataset.js';
import { elastic } from './elastic.js';
import { hflip, vflip } from './flip.js';
import { copyPaste, cutMix } from './mix.js';
import { randomResizedCrop, resize } from './resize.js';
import type { Transform, TransformSpec } from './types.js';
import { affine, rotate, scale } from './warp.js';

export { blur, noise } from './blur.js';
export { colourJitter, grayscale, type JitterOptions, randomGrayscale } from './colour.js';
export { type CropSize, centerCrop, type Padding, pad, randomCrop } from './crop.js';
export { transformed } from './dataset.js';
export { type ElasticOptions, elastic } from './elastic.js';
export { hflip, vflip } from './flip.js';
export { type CopyPasteOptions, type CutMixOptions, copyPaste, cutMix } from './mix.js';
export { randomResizedCrop, resize, resizeImage, resizeNearest } from './resize.js';
export type { Border } from './sample.js';
export type { MaskedImage, Mix, Transform, TransformSpec } from './types.js';
export { type AffineOptions, affine, type BorderOptions, rotate, scale } from './warp.js';

type Size = number | readonly [number, number];
type Options = Record<string, unknown>;

interface Entry {
  readonly options: readonly string[];
  make(options: Options): Transform;
}

/** Each transform by name. Factories check the values. */
const TABLE: Record<string, Entry> = {
  resize: { options: ['size'], make: (o) => resize(o.size as Size) },
  centerCrop: { options: ['size'], make: (o) => centerCrop(o.size as Size) },
  randomCrop: {
    options: ['size', 'padding', 'fill'],

    make: (o) => randomCrop(o.size as CropSize, o as object),
  },
  randomResizedCrop: {
    options: ['size', 'scale', 'ratio'],

    make: (o) => randomResizedCrop(o.size as CropSize, o as object),
  },
  pad: { options: ['padding', 'fill'], make: (o) => pad(o.padding as number, o as object) },
  hflip: { options: ['p'], make: (o) => hflip(o) },
  vflip: { options: ['p'], make: (o) => vflip(o) },
  rotate: { options: ['degrees', 'fill', 'border'], make: (o) => rotate((o.degrees ?? 15) as number, o as object) },
  affine: {
    options: ['degrees', 'translate', 'scale', 'shear', 'fill', 'border'],

    make: (o) => affine(o as object),
  },
  colourJitter: {
    options: ['brightness', 'contrast', 'saturation', 'hue'],

    make: (o) => colourJitter(o as object),
  },
  grayscale: { options: ['channels'], make: (o) => grayscale(o as object) },
  randomGrayscale: { options: ['p'], make: (o) => randomGrayscale(o) },
  scale: {
    options: ['factor', 'fill', 'border'],
    make: (o) => scale((o.factor ?? 0.2) as number, o as object),
  },
  elastic: { options: ['alpha', 'grid', 'p', 'fill', 'border'], make: (o) => elastic(o as object) },
  blur: { options: ['sigma', 'p'], make: (o) => blur(o as object) },
  noise: { options: ['std', 'p'], make: (o) => noise(o as object) },
  copyPaste: { options: ['p', 'scale', 'shift'], make: (o) => copyPaste(o as object) },
  cutMix: { options: ['p', 'area', 'ratio'], make: (o) => cutMix(o as object) },
};

/** What may be written in short, and which option the number after the colon is (`rotate:15`). */
const SHORT: Record<string, string> = {
  hflip: 'p',
  vflip: 'p',
  rotate: 'degrees',
  affine: 'degrees',
  scale: 'factor',
  elastic: 'alpha',
  blur: 'p',
  noise: 'std',
  randomGrayscale: 'p',
  pad: 'padding',
  copyPaste: 'p',
  cutMix: 'p',
};

/** Sets of augmentations with a name. Geometry comes first, and in one move, since each move softens the picture. */
const PRESETS: Record<string, readonly TransformSpec[]> = {
  light: [
    { name: 'hflip' },
    { name: 'affine', degrees: 10, translate: [0.05, 0.05], scale: [0.9, 1.1], border: 'reflect' },
    { name: 'colourJitter', brightness: 0.2, contrast: 0.2, saturation: 0.2 },
  ],
  strong: [
    { name: 'hflip' },
    { name: 'affine', degrees: 20, translate: [0.1, 0.1], scale: [0.7, 1.4], shear: 8, border: 'reflect' },
    { name: 'elastic', alpha: 0.03, grid: 4, p: 0.3 },
    { name: 'colourJitter', brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.05 },
    { name: 'randomGrayscale', p: 0.1 },
    { name: 'blur', sigma: [0.3, 1.5], p: 0.2 },
    { name: 'noise', std: 0.05, p: 0.2 },
  ],
};

/** Names of ready-made augmentations. */
export const presetNames = (): string[] => Object.keys(PRESETS);

/** Names of all transforms. */
export const transformNames = (): string[] => Object.keys(TABLE);

function find(name: string): [string, Entry] {
  const wanted = normaliseName(name).replace('color', 'colour');
  for (const [known, entry] of Object.entries(TABLE)) if (normaliseName(known) === wanted) return [known, entry];
  throw new Error(unknownName('transform', name, transformNames()));
}

/** Makes a transform from its JSON form. Throws one sentence for an unknown name, option or value. */
export function transform(spec: TransformSpec): Transform {
  const { name, ...options } = spec;
  const [known, entry] = find(name);
  checkOptions(known, options, entry.options);
  return entry.make(options);
}

/**
 * An augmentation in short words: `hflip`, `vflip:0.3`, `rotate:15` (degrees), `crop:4` (random crop of the image's own
 * size with a border of 4), `jitter:0.2` (brightness, contrast, saturation by that much), `scale:0.2` (zoom from 0.8 to 1.2),
 * `elastic:0.03`, `blur:0.3`, `noise:0.05`, `copypaste:0.5` and `cutmix:0.5` (how often),
 * or a full specification.
 */
export function augmentation(given: string | TransformSpec): Transform {
  if (typeof given !== 'string') return transform(given);
  const [name = '', value, ...more] = given.split(':');
  const number = value === undefined ? undefined : Number(value);
  if (more.length > 0 || (number !== undefined && (value!.trim() === '' || !Number.isFinite(number))))
    throw new Error(`the augmentation "${given}" is not understood; write a name or NAME:NUMBER, such as rotate:15`);
  if (normaliseName(name) === 'crop') return randomCrop('same', { padding: number ?? 4 });
  if (normaliseName(name) === 'jitter') {
    const s = number ?? 0.2;
    return colourJitter({ brightness: s, contrast: s, saturation: s });
  }
  const option = Object.entries(SHORT).find(([known]) => normaliseName(known) === normaliseName(name));
  if (!option)
    throw new Error(unknownName('augmentation', name, [...presetNames(), 'crop', 'jitter', ...Object.keys(SHORT)]));
  return transform({ name: option[0], ...(number === undefined ? {} : { [option[1]]: number }) });
}

/** The transforms of a list of {@link augmentation}s, in which a preset (`light`, `strong`) stands for several. */
export function augmentations(given: readonly (string | TransformSpec)[]): Transform[] {
  return given.flatMap((entry) => {
    const preset = typeof entry === 'string' ? PRESETS[normaliseName(entry)] : undefined;
    return preset ? preset.map(transform) : [augmentation(entry)];
  });
}

registerTransformed(transform, import.meta.url);

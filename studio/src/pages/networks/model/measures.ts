import { formatBytes, formatPercent } from '../../../../../src/report/format.js';
import type { GraphStep } from '../../../../../src/server/studio/api.js';
import type { Shown } from './tree.js';

export type Measure = 'kind' | 'parameters' | 'multiplyAdds' | 'activationBytes' | 'receptiveField';

export const MEASURES: readonly (readonly [Measure, string])[] = [
  ['kind', 'Kind'],
  ['parameters', 'Parameters'],
  ['multiplyAdds', 'Multiply-adds'],
  ['activationBytes', 'Activations'],
  ['receptiveField', 'Receptive field'],
];

/** Of an item, its steps taken together; the receptive field is that of what it gives. */
export function amountOf({ steps }: { steps: readonly GraphStep[] }, measure: Measure): number {
  if (measure === 'kind') return 0;
  if (measure === 'receptiveField') return Math.max(...steps.map((s) => Math.max(...s.receptiveField)));
  return steps.reduce((sum, s) => sum + s[measure], 0);
}

const FOLLOWERS: Readonly<Record<string, string>> = {
  batchNorm: 'batch norm',
  relu: 'ReLU',
  logSoftmax: 'log softmax',
};
/** What follows a step, in words. */
export const followerWords = (names: readonly string[]): string => names.map((n) => FOLLOWERS[n] ?? n).join(', ');

/** 1234567 -> `1.23 M`. */
export function shortNumber(n: number): string {
  if (n < 10_000) return Math.round(n).toLocaleString('en-US');
  const [unit, by] = n < 1e6 ? ['K', 1e3] : n < 1e9 ? ['M', 1e6] : ['G', 1e9];
  return `${(n / Number(by)).toPrecision(3)} ${unit}`;
}

export function measureWords(measure: Measure, value: number, item?: Shown): string {
  if (measure === 'activationBytes') return value < 1e6 ? `${(value / 1e3).toPrecision(3)} KB` : formatBytes(value);
  if (measure === 'receptiveField') return item?.steps.at(-1)?.wholeImage ? 'whole image' : `${Math.round(value)} px`;
  return shortNumber(value);
}

export const share = (value: number, total: number): string =>
  total > 0 ? formatPercent(value / total, value / total < 0.0995 ? 1 : 0) : '0 %';

/** Colours of kinds, those of the figures in `src/inspect/draw/palette.ts`: light, dark. */
const KINDS: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  input: ['#c9d2de', '#46505f'],
  conv: ['#3f72d6', '#4a7de0'],
  upconv: ['#2b9468', '#2f9d70'],
  resize: ['#2b9468', '#2f9d70'],
  maxpool: ['#d9701e', '#cf7326'],
  avgpool: ['#d9701e', '#cf7326'],
  globalpool: ['#d9701e', '#cf7326'],
  linear: ['#7d55c7', '#9370dc'],
  concat: ['#44546b', '#5f6f89'],
  add: ['#44546b', '#5f6f89'],
};
const OTHER = ['#7b8798', '#697587'] as const;
export const COPY = ['#b9ccf3', '#38496d'] as const;

export const kindColour = (kind: string, dark: boolean): string => (KINDS[kind] ?? OTHER)[dark ? 1 : 0];

/** What the colours of kinds mean, in the order of a legend. */
export const KIND_WORDS: readonly (readonly [kinds: readonly string[], words: string])[] = [
  [['conv'], 'convolution'],
  [['maxpool', 'avgpool', 'globalpool'], 'pooling'],
  [['upconv', 'resize'], 'upsampling'],
  [['linear'], 'linear'],
  [['concat', 'add'], 'concatenation, sum'],
  [['norm', 'other', 'crop'], 'other'],
];

type Rgb = readonly [number, number, number];
const RAMPS: Readonly<Record<'light' | 'dark', readonly Rgb[]>> = {
  light: [
    [233, 239, 250],
    [164, 190, 240],
    [83, 128, 219],
    [35, 70, 150],
    [16, 34, 86],
  ],
  dark: [
    [31, 42, 66],
    [42, 76, 146],
    [74, 125, 224],
    [142, 182, 255],
    [226, 236, 255],
  ],
};

/** Small values are told apart by the root: half of the scale is a quarter of the largest. */
export const onScale = (value: number, most: number): number => (most > 0 ? Math.sqrt(Math.max(0, value) / most) : 0);

export function rampColour(position: number, dark: boolean): string {
  const stops = RAMPS[dark ? 'dark' : 'light'];
  const at = Math.min(1, Math.max(0, position)) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const [low, high] = [stops[i]!, stops[i + 1]!];
  const hex = (c: 0 | 1 | 2) =>
    Math.round(low[c] + (high[c] - low[c]) * (at - i))
      .toString(16)
      .padStart(2, '0');
  return `#${hex(0)}${hex(1)}${hex(2)}`;
}

/** Black or white, whichever is read better on a colour `#rrggbb`. */
export function inkOn(colour: string): string {
  const part = (from: number) => {
    const v = Number.parseInt(colour.slice(from, from + 2), 16) / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  return luminance > 0.19 ? '#0b0f15' : '#ffffff';
}

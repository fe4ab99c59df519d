import type { StepKind } from '../steps.js';

/** Colours of drawings: light as plain attributes, so that every viewer shows them, dark through a style sheet. */
const COLOURS = {
  surface: ['#ffffff', '#14181f'],
  ink: ['#1c2430', '#e7eaf0'],
  muted: ['#5b6577', '#a3adbd'],
  line: ['#8d98a9', '#6b7686'],
  frame: ['#f4f6f9', '#1b212a'],
  frameLine: ['#dfe4eb', '#303946'],
  onFill: ['#fefefe', '#fdfdfd'],
  conv: ['#3f72d6', '#4a7de0'],
  upconv: ['#2b9468', '#2f9d70'],
  pool: ['#d9701e', '#cf7326'],
  linear: ['#7d55c7', '#8a64d6'],
  norm: ['#7b8798', '#697587'],
  join: ['#44546b', '#5f6f89'],
  image: ['#c9d2de', '#46505f'],
  copy: ['#b9ccf3', '#38496d'],
  edge: ['#16315f', '#0c1422'],
} as const;

export type Colour = keyof typeof COLOURS;

/** Attributes that paint with a colour: literal for viewers without style sheets, a class for the dark scheme. */
export const fill = (name: Colour): string => `fill="${COLOURS[name][0]}" class="f-${name}"`;
export const stroke = (name: Colour): string => `stroke="${COLOURS[name][0]}" class="s-${name}"`;

const rules = (Object.keys(COLOURS) as Colour[])
  .map((name) => `.f-${name}{fill:${COLOURS[name][1]}}.s-${name}{stroke:${COLOURS[name][1]}}`)
  .join('');

export const darkRules = `<style>@media (prefers-color-scheme:dark){${rules}}</style>`;

/** What each kind of step is painted with. */
export const colourOf = (kind: StepKind): Colour =>
  (
    ({
      input: 'image',
      conv: 'conv',
      upconv: 'upconv',
      resize: 'upconv',
      maxpool: 'pool',
      avgpool: 'pool',
      globalpool: 'pool',
      linear: 'linear',
      norm: 'norm',
      concat: 'join',
      add: 'join',
      crop: 'norm',
      other: 'norm',
    }) satisfies Record<StepKind, Colour>
  )[kind];

/** What the colours mean, for legends. */
export const MEANINGS: Partial<Record<Colour, string>> = {
  conv: 'convolution',
  upconv: 'upsampling',
  pool: 'pooling',
  linear: 'linear',
  norm: 'normalisation, other',
  join: 'concatenation, sum',
  copy: 'copied (skip)',
};

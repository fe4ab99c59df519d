/**
 * Letters as strokes, for pictures that must look the same on machines without any fonts. Units: capitals are 7 high
 * (from 0 down to the baseline at 7), small letters begin at 2.2, tails end at 9. Each glyph: width, then an SVG path.
 */
const BOWL = 'C3.4 3.1 2.7 2.2 1.7 2.2S0 3.1 0 4.6S.7 7 1.7 7S3.4 6.1 3.4 4.6';
const ROUND = 'M2.6 0C1 0 0 1.4 0 3.5S1 7 2.6 7S5.2 5.6 5.2 3.5S4.2 0 2.6 0Z';
const ARCH = 'M0 4C.2 2.9 .8 2.2 1.7 2.2C2.6 2.2 3.1 2.9 3.1 4V7';

const GLYPHS: Readonly<Record<string, readonly [width: number, path: string]>> = {
  ' ': [1.4, ''],
  '0': [4, 'M2 0C.5 0 0 1.5 0 3.5S.5 7 2 7S4 5.5 4 3.5S3.5 0 2 0Z'],
  '1': [3, 'M.5 1.5L2.2 0V7'],
  '2': [4, 'M.1 1.7C.3 .6 1.1 0 2 0C3.2 0 3.9 .8 3.9 1.9C3.9 3.6 1.4 4.7 0 7H4'],
  '3': [
    4,
    'M.2 .9C.7 .3 1.3 0 2 0C3.1 0 3.8 .7 3.8 1.7C3.8 2.7 3.1 3.3 1.6 3.3C3.2 3.3 4 4 4 5.1C4 6.3 3.1 7 1.9 7C1.1 7 .4 6.7 0 6',
  ],
  '4': [4.2, 'M3 7V0L0 4.9H4.2'],
  '5': [4, 'M3.7 0H.7L.4 3.1C.9 2.7 1.4 2.5 2 2.5C3.2 2.5 4 3.4 4 4.7C4 6.1 3.1 7 1.9 7C1.1 7 .4 6.7 0 6'],
  '6': [
    4,
    'M3.6 .8C3.2 .3 2.7 0 2.1 0C.7 0 0 1.6 0 3.8C0 5.9 .7 7 2 7C3.2 7 4 6.1 4 4.8C4 3.5 3.2 2.7 2.1 2.7C1 2.7 .2 3.4 0 4.4',
  ],
  '7': [4, 'M0 0H4L1.4 7'],
  '8': [
    4,
    'M2 0C.9 0 .3 .7 .3 1.7C.3 2.7 1 3.3 2 3.3S3.7 2.7 3.7 1.7C3.7 .7 3.1 0 2 0ZM2 3.3C.8 3.3 0 4 0 5.1C0 6.3 .8 7 2 7S4 6.3 4 5.1C4 4 3.2 3.3 2 3.3Z',
  ],
  '9': [
    4,
    'M.4 6.2C.8 6.7 1.3 7 1.9 7C3.3 7 4 5.4 4 3.2C4 1.1 3.3 0 2 0C.8 0 0 .9 0 2.2C0 3.5 .8 4.3 1.9 4.3C3 4.3 3.8 3.6 4 2.6',
  ],
  A: [4.6, 'M0 7L2.3 0L4.6 7M.8 4.7H3.8'],
  B: [4.2, 'M0 0V7H2.2C3.5 7 4.2 6.2 4.2 5.1C4.2 4 3.5 3.3 2.2 3.3H0M0 0H2C3.2 0 3.8 .7 3.8 1.7C3.8 2.7 3.2 3.3 2 3.3'],
  C: [4.5, 'M4.5 1.3C4 .5 3.3 0 2.5 0C1 0 0 1.4 0 3.5S1 7 2.5 7C3.3 7 4 6.5 4.5 5.7'],
  D: [4.4, 'M0 0V7H1.7C3.5 7 4.4 5.6 4.4 3.5S3.5 0 1.7 0Z'],
  E: [3.8, 'M3.8 0H0V7H3.8M0 3.4H3.3'],
  F: [3.7, 'M3.7 0H0V7M0 3.5H3.2'],
  G: [4.6, 'M4.5 1.3C4 .5 3.3 0 2.5 0C1 0 0 1.4 0 3.5S1 7 2.5 7C3.7 7 4.5 6.3 4.6 5V3.8H2.7'],
  H: [4.3, 'M0 0V7M4.3 0V7M0 3.4H4.3'],
  I: [0, 'M0 0V7'],
  J: [2.6, 'M2.6 0V5C2.6 6.3 2.1 7 1.2 7C.6 7 .2 6.7 0 6.2'],
  K: [4.2, 'M0 0V7M4 0L0 4.4M1.4 2.9L4.2 7'],
  L: [3.5, 'M0 0V7H3.5'],
  M: [5.2, 'M0 7V0L2.6 4.6L5.2 0V7'],
  N: [4.3, 'M0 7V0L4.3 7V0'],
  O: [5.2, ROUND],
  P: [4.1, 'M0 7V0H2.2C3.4 0 4.1 .8 4.1 2S3.4 4 2.2 4H0'],
  Q: [5.2, `${ROUND}M3.4 5.3L5.2 7.4`],
  R: [4.2, 'M0 7V0H2.2C3.4 0 4.1 .8 4.1 2S3.4 4 2.2 4H0M2.2 4L4.2 7'],
  S: [
    4.1,
    'M3.9 1.1C3.5 .4 2.9 0 2.1 0C.9 0 .2 .7 .2 1.7C.2 4.2 4.1 2.6 4.1 5.2C4.1 6.3 3.2 7 2.1 7C1.2 7 .4 6.6 0 5.8',
  ],
  T: [4.4, 'M0 0H4.4M2.2 0V7'],
  U: [4.2, 'M0 0V4.4C0 6.1 .8 7 2.1 7S4.2 6.1 4.2 4.4V0'],
  V: [4.6, 'M0 0L2.3 7L4.6 0'],
  W: [6.6, 'M0 0L1.6 7L3.3 0L5 7L6.6 0'],
  X: [4.2, 'M0 0L4.2 7M4.2 0L0 7'],
  Y: [4.4, 'M0 0L2.2 3.6L4.4 0M2.2 3.6V7'],
  Z: [4.2, 'M0 0H4.2L0 7H4.2'],
  a: [3.4, `M3.4 2.2V7M3.4 4.6${BOWL}`],
  b: [3.4, `M0 0V7M3.4 4.6${BOWL}`],
  c: [3.1, 'M3.1 3.1C2.8 2.5 2.3 2.2 1.7 2.2C.7 2.2 0 3.1 0 4.6S.7 7 1.7 7C2.3 7 2.8 6.7 3.1 6.1'],
  d: [3.4, `M3.4 0V7M3.4 4.6${BOWL}`],
  e: [3.4, 'M0 4.5H3.4C3.4 3.1 2.8 2.2 1.7 2.2C.7 2.2 0 3.1 0 4.6C0 6.1 .7 7 1.8 7C2.4 7 2.9 6.7 3.2 6.1'],
  f: [2.1, 'M2.1 .1C1.2 -.2 .8 .4 .8 1.4V7M0 2.3H2'],
  g: [3.4, `M3.4 2.2V7.1C3.4 8.4 2.8 9 1.7 9C1.1 9 .6 8.8 .3 8.4M3.4 4.6${BOWL}`],
  h: [3.1, `M0 0V7${ARCH}`],
  i: [0, 'M0 2.2V7M0 .4V.5'],
  j: [1, 'M1 2.2V7.6C1 8.6 .7 9 0 9M1 .4V.5'],
  k: [3.2, 'M0 0V7M3 2.2L0 5.2M1.2 4.1L3.2 7'],
  l: [0.8, 'M0 0V6C0 6.7 .3 7 .8 7'],
  m: [5.4, 'M0 2.2V7M0 4C.2 2.9 .7 2.2 1.5 2.2S2.7 2.9 2.7 4V7M2.7 4C2.9 2.9 3.4 2.2 4.2 2.2S5.4 2.9 5.4 4V7'],
  n: [3.1, `M0 2.2V7${ARCH}`],
  o: [3.6, 'M1.8 2.2C.7 2.2 0 3.1 0 4.6S.7 7 1.8 7S3.6 6.1 3.6 4.6S2.9 2.2 1.8 2.2Z'],
  p: [3.4, `M0 2.2V9M3.4 4.6${BOWL}`],
  q: [3.4, `M3.4 2.2V9M3.4 4.6${BOWL}`],
  r: [2, 'M0 2.2V7M0 4C.2 2.9 .9 2.2 2 2.3'],
  s: [3, 'M2.8 2.9C2.5 2.4 2 2.2 1.5 2.2C.7 2.2 .2 2.6 .2 3.3C.2 5 3 4.1 3 5.8C3 6.6 2.4 7 1.6 7C.9 7 .3 6.7 0 6.2'],
  t: [2.2, 'M.9 .7V5.7C.9 6.6 1.3 7 2.2 6.9M0 2.3H2.1'],
  u: [3.1, 'M0 2.2V5.2C0 6.3 .5 7 1.4 7C2.3 7 2.9 6.3 3.1 5.2M3.1 2.2V7'],
  v: [3.4, 'M0 2.2L1.7 7L3.4 2.2'],
  w: [5.2, 'M0 2.2L1.3 7L2.6 2.2L3.9 7L5.2 2.2'],
  x: [3.2, 'M0 2.2L3.2 7M3.2 2.2L0 7'],
  y: [3.4, 'M0 2.2L1.7 7M3.4 2.2L1.4 7.8C1.1 8.6 .7 9 0 9'],
  z: [3.1, 'M0 2.2H3.1L0 7H3.1'],
  '.': [0, 'M0 6.9V7'],
  ',': [0.5, 'M.5 6.8L0 8.2'],
  ':': [0, 'M0 3V3.1M0 6.9V7'],
  ';': [0.5, 'M.5 3V3.1M.5 6.8L0 8.2'],
  '!': [0, 'M0 0V4.8M0 6.9V7'],
  '?': [3, 'M0 1.2C.2 .5 .8 0 1.5 0C2.4 0 3 .6 3 1.5C3 2.8 1.5 3 1.5 4.8M1.5 6.9V7'],
  '-': [2, 'M0 4.4H2'],
  _: [3.6, 'M0 8H3.6'],
  '+': [3.6, 'M0 4H3.6M1.8 2.2V5.8'],
  '=': [3.6, 'M0 3.2H3.6M0 5H3.6'],
  '*': [2.6, 'M1.3 0V3M0 .8L2.6 2.3M2.6 .8L0 2.3'],
  '/': [2.6, 'M0 7.8L2.6 -.4'],
  '\\': [2.6, 'M2.6 7.8L0 -.4'],
  '|': [0, 'M0 -.4V8.2'],
  '(': [1.2, 'M1.2 -.6C-.4 2 -.4 5.6 1.2 8.2'],
  ')': [1.2, 'M0 -.6C1.6 2 1.6 5.6 0 8.2'],
  '[': [1.2, 'M1.2 -.6H0V8.2H1.2'],
  ']': [1.2, 'M0 -.6H1.2V8.2H0'],
  '<': [3, 'M3 2L0 4L3 6'],
  '>': [3, 'M0 2L3 4L0 6'],
  '#': [4.2, 'M1.4 0L.6 7M3.6 0L2.8 7M.2 2.2H4.2M0 4.8H4'],
  "'": [0, 'M0 0V1.6'],
  '"': [1.3, 'M0 0V1.6M1.3 0V1.6'],
  '%': [
    5.6,
    'M4.6 0L1 7M1.2 0C.4 0 0 .6 0 1.6S.4 3.2 1.2 3.2S2.4 2.6 2.4 1.6S2 0 1.2 0ZM4.4 3.8C3.6 3.8 3.2 4.4 3.2 5.4S3.6 7 4.4 7S5.6 6.4 5.6 5.4S5.2 3.8 4.4 3.8Z',
  ],
  '&': [
    4.8,
    'M4.8 7L1 2.4C.5 1.2 1 0 2.1 0C3 0 3.5 .6 3.5 1.3C3.5 2.9 0 3.2 0 5.2C0 6.3 .8 7 1.9 7C3.4 7 4.3 5.8 4.5 4',
  ],
  '…': [3.2, 'M0 6.9V7M1.6 6.9V7M3.2 6.9V7'],
};
/** For what has no glyph. */
const BOX: readonly [number, string] = [3.4, 'M0 0H3.4V7H0Z'];
const GAP = 1.5;

/** Letters that do not fall apart into a plain one and its accents. */
const SPELLED: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  Æ: 'AE',
  ø: 'o',
  Ø: 'O',
  œ: 'oe',
  Œ: 'OE',
  ł: 'l',
  Ł: 'L',
};

/** Letters that have glyphs: accents are left off. */
const plain = (text: string): string[] => [
  ...[...text.normalize('NFD').replace(/\p{M}/gu, '')].map((c) => SPELLED[c] ?? c).join(''),
];

/** Whether a character has a glyph of its own. */
export const hasGlyph = (c: string): boolean => c in GLYPHS;

export interface LetteringStyle {
  /** Left end of the baseline. */
  readonly x: number;
  readonly y: number;
  /** As of a font: capitals are 0.7 of it. */
  readonly size: number;
  readonly colour: string;
  readonly bold?: boolean;
}

/** Width of a line of letters. */
export function letteringWidth(text: string, size: number): number {
  const units = plain(text).reduce((sum, c) => sum + (GLYPHS[c] ?? BOX)[0] + GAP, -GAP);
  return (Math.max(0, units) * size) / 10;
}

/** The text, or as much of its beginning as fits with three dots. */
export function fitLettering(text: string, size: number, width: number): string {
  if (letteringWidth(text, size) <= width) return text;
  const letters = plain(text);
  while (letters.length > 0 && letteringWidth(`${letters.join('')}…`, size) > width) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}

/** A line of letters as an SVG element. */
export function lettering(text: string, { x, y, size, colour, bold = false }: LetteringStyle): string {
  const scale = size / 10;
  let at = 0;
  const parts: string[] = [];
  for (const c of plain(text)) {
    const [width, path] = GLYPHS[c] ?? BOX;
    if (path) parts.push(`<path transform="translate(${at.toFixed(2)},0)" d="${path}"/>`);
    at += width + GAP;
  }
  return `<g transform="translate(${x},${(y - 7 * scale).toFixed(2)}) scale(${scale})" fill="none" stroke="${colour}" stroke-width="${bold ? 1.15 : 0.8}" stroke-linecap="round" stroke-linejoin="round">${parts.join('')}</g>`;
}

import type { ReactNode } from 'react';

/** Each family in a few strokes: how wide the maps are, from left to right. */
const glyph = (content: ReactNode) => () => (
  <svg
    viewBox="0 0 64 36"
    className="start-glyph"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.6"
    strokeLinejoin="round"
    aria-hidden="true"
  >
    {content}
  </svg>
);

const bars = (all: readonly (readonly [x: number, height: number])[], width = 5) =>
  all.map(([x, height]) => (
    <rect key={x} x={x} y={18 - height / 2} width={width} height={height} rx="1.2" fill="currentColor" stroke="none" />
  ));

const LeNet = glyph(
  bars([
    [6, 28],
    [18, 22],
    [30, 14],
    [42, 9],
    [53, 5],
  ]),
);
const Vgg = glyph(
  bars(
    [
      [2, 34],
      [8, 34],
      [17, 25],
      [23, 25],
      [32, 17],
      [38, 17],
      [47, 10],
      [53, 10],
      [60, 5],
    ],
    4,
  ),
);
const GoogLeNet = glyph(
  <>
    <path d="M4 18h8M12 18 22 5h6M12 18l10-5h6M12 18l10 5h6M12 18l10 13h6M36 5h6l10 13M36 13h6l10 5M36 23h6l10-5M36 31h6l10-13M52 18h8" />
    {[5, 13, 23, 31].map((y) => (
      <rect key={y} x="28" y={y - 2.5} width="8" height="5" rx="1.2" fill="currentColor" stroke="none" />
    ))}
  </>,
);
const UNet = glyph(
  <>
    <path d="M13 8h36M22 19h18" strokeDasharray="2.5 2.5" />
    {(
      [
        [8, 2, 12],
        [17, 14, 10],
        [29, 26, 8],
        [41, 14, 10],
        [50, 2, 12],
      ] as const
    ).map(([x, y, h]) => (
      <rect key={x} x={x} y={y} width="6" height={h} rx="1.2" fill="currentColor" stroke="none" />
    ))}
  </>,
);
const Recipe = glyph(
  <>
    <rect x="19" y="3" width="26" height="30" rx="3" />
    <path d="M25 11h14M25 18h14M25 25h8" strokeLinecap="round" />
  </>,
);

/** What can be trained, by what people know it as. */
export const FAMILIES = [
  { key: 'lenet', title: 'LeNet', word: 'small pictures, in seconds', Glyph: LeNet },
  { key: 'vgg', title: 'VGG', word: 'plain stacks of 3x3 layers', Glyph: Vgg },
  { key: 'googlenet', title: 'GoogLeNet', word: 'wide modules, few weights', Glyph: GoogLeNet },
  { key: 'unet', title: 'U-Net', word: 'masks: what belongs to it', Glyph: UNet },
  { key: 'recipe', title: 'Recipes', word: 'settings that work well', Glyph: Recipe },
] as const;

export type Family = (typeof FAMILIES)[number]['key'];

export const familyOf = (network: string): Family =>
  FAMILIES.find(({ key }) => network.toLowerCase().startsWith(key))?.key ?? 'lenet';

/** The four pages, in the order in which the networks came. */
export const NETWORKS = ['lenet', 'vgg', 'googlenet', 'unet'] as const;
export type NetworkName = (typeof NETWORKS)[number];

/** What a card says of a page. */
export interface Card {
  readonly title: string;
  readonly year: number;
  readonly paper: string;
  /** What it taught the world, in one sentence. */
  readonly about: string;
  readonly try: readonly string[];
}

export const CARDS: Readonly<Record<NetworkName, Card>> = {
  lenet: {
    title: 'LeNet',
    year: 1998,
    paper: 'LeCun, Bottou, Bengio & Haffner',
    about: 'One small detector, slid over the whole picture: the convolution.',
    try: ['Slide a convolution over a picture', 'See what pooling throws away'],
  },
  vgg: {
    title: 'VGG',
    year: 2014,
    paper: 'Simonyan & Zisserman',
    about: 'Nothing but 3x3 windows, many layers deep.',
    try: ['Compare one 5x5 with two 3x3', 'Grow a receptive field'],
  },
  googlenet: {
    title: 'GoogLeNet',
    year: 2014,
    paper: 'Szegedy et al.',
    about: 'Four windows side by side, and 1x1 convolutions that make them cheap.',
    try: ['Take an inception block apart', 'Mix the channels of a picture'],
  },
  unet: {
    title: 'U-Net',
    year: 2015,
    paper: 'Ronneberger, Fischer & Brox',
    about: 'Down to know what it is, up to know where, and skips across.',
    try: ['Switch the skips off', 'Double a map without a pattern', 'Draw the line of a mask'],
  },
};

/** A live figure's place: at the end of the section under this heading. */
export interface Place {
  readonly id: string;
  readonly title: string;
  readonly after: string;
}

export const PLACES: Readonly<Record<NetworkName, readonly Place[]>> = {
  lenet: [
    { id: 'slide', title: 'Slide a convolution over a picture', after: 'the-idea' },
    { id: 'pooling', title: 'What pooling throws away', after: 'a-walk-through-our-code' },
  ],
  vgg: [
    { id: 'five-or-three', title: 'One 5x5 against two 3x3', after: 'the-idea' },
    { id: 'receptive', title: 'Grow a receptive field', after: 'shapes-through-the-network' },
  ],
  googlenet: [
    { id: 'branches', title: 'An inception block, branch by branch', after: 'the-idea' },
    { id: 'mixing', title: 'A 1x1 convolution mixes channels', after: 'a-walk-through-our-code' },
  ],
  unet: [
    { id: 'skips', title: 'Switch the skips off', after: 'the-idea' },
    { id: 'upsampling', title: 'Doubling a map', after: 'a-walk-through-our-code' },
    { id: 'threshold', title: 'Where to draw the line of a mask', after: 'train-it' },
  ],
};

const TEXTS = import.meta.glob<string>('../../../../docs/networks/*.md', { query: '?raw', import: 'default' });
const FIGURES = import.meta.glob<string>('../../../../docs/networks/*.svg', {
  query: '?raw',
  import: 'default',
});

/** The page's text in Markdown. */
export const loadText = (name: NetworkName): Promise<string> => TEXTS[`../../../../docs/networks/${name}.md`]!();

/** A drawing of the docs, an SVG; undefined where there is none of this name. */
export const loadDrawing = (file: string): Promise<string> | undefined =>
  FIGURES[`../../../../docs/networks/${file}`]?.();

/** A link of a page as the studio has it: another page, an address outside, or nothing. */
export function resolveLink(target: string): { page: NetworkName } | { outside: string } | undefined {
  if (/^https:\/\//.test(target)) return { outside: target };
  const name = /^(?:\.\/)?([a-z]+)\.md(?:#.*)?$/.exec(target)?.[1];
  const page = NETWORKS.find((n) => n === name);
  return page && { page };
}

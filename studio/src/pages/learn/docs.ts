import type { NetworkName } from './places.js';

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

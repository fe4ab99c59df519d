/** The four pages, in the order in which the networks came. */
export const NETWORKS = ['lenet', 'vgg', 'googlenet', 'unet'] as const;
export type NetworkName = (typeof NETWORKS)[number];

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

/** A link of a page as the studio has it: another page, an address outside, or nothing. */
export function resolveLink(target: string): { page: NetworkName } | { outside: string } | undefined {
  if (/^https:\/\//.test(target)) return { outside: target };
  const name = /^(?:\.\/)?([a-z]+)\.md(?:#.*)?$/.exec(target)?.[1];
  const page = NETWORKS.find((n) => n === name);
  return page && { page };
}

import type { GraphStep } from '../../../../../src/server/studio/api.js';
import { followerWords } from './measures.js';
import { channelsOf, isUp, type Shown, type Style, sideOf, type Tree, wordsOf } from './tree.js';

/** A body or bar of a compound drawing. */
export interface Part {
  readonly width: number;
  readonly height: number;
  readonly step: GraphStep;
  /** Width of the part at its left that is a copy of a skip. */
  readonly copied?: number;
}

/** What a node looks like; sizes are those of the drawing. */
export type Look =
  | { readonly type: 'box'; readonly branches?: readonly (readonly GraphStep[])[] }
  | { readonly type: 'maps'; readonly side: number; readonly maps: number }
  | { readonly type: 'units'; readonly height: number }
  | { readonly type: 'slabs'; readonly parts: readonly Part[] }
  | { readonly type: 'bars'; readonly parts: readonly Part[] };

export interface Sized {
  readonly look: Look;
  readonly width: number;
  readonly height: number;
  /** The first is bold. */
  readonly lines: readonly string[];
}

/** Depth of a body along x and y as parts of its height. */
export const LEAN = [0.26, 0.17] as const;
/** How far each map is shifted from the one behind it. */
export const SHIFT = 6;
const SEAM = 6;
export const BAR_GAP = 7;

/** Sizes nodes by the largest map and the most channels of their network. */
export function sizer(tree: Tree): (item: Shown, inner: boolean) => Sized {
  const all = tree.items.flatMap((i) => i.steps);
  const byId = new Map(all.map((s) => [s.id, s]));
  const maps = all.filter((s) => s.shape.length === 3);
  const largest = Math.max(...all.map(sideOf));
  const most = Math.max(1, ...maps.map(channelsOf));
  const style: Style = tree.style;
  return (item, inner) => {
    if (style === 'stack') return stackOf(item, largest);
    if (style === 'tower') return towerOf(item, largest, most);
    if (style === 'u') return uOf(item, byId, largest, most);
    return boxOf(item, inner);
  };
}

const nameOf = (item: Shown): string => (item.type === 'block' ? item.title : wordsOf(item.step));
const units = (s: GraphStep): string => channelsOf(s).toLocaleString('en-US');

function boxOf(item: Shown, inner: boolean): Sized {
  const last = item.steps.at(-1)!;
  if (item.type === 'block') {
    const fork = item.items.find((i) => i.type === 'fork');
    const branches = fork?.branches.map((b) => b.flatMap((i) => [...i.steps]));
    const look: Look = { type: 'box', ...(branches ? { branches } : {}) };
    const about = last.trainingOnly ? 'in training only' : item.about;
    return { look, width: 124, height: branches ? 96 : 52, lines: [item.title, about] };
  }
  const follow = followerWords(last.followedBy.filter((f) => f !== 'batchNorm'));
  const second = last.shape.length === 1 ? `${units(last)} units` : follow || (last.kind === 'input' ? 'input' : '');
  const lines = inner ? [nameOf(item)] : [nameOf(item), second].filter(Boolean);
  return { look: { type: 'box' }, width: inner ? 84 : 96, height: inner ? 36 : 52, lines };
}

/** Stacks of maps, in the manner of LeCun et al. (1998). */
function stackOf(item: Shown, largest: number): Sized {
  const step = item.steps.at(-1)!;
  const lines = [nameOf(item), step.shape.length === 3 ? countOf(step) : `${units(step)} units`];
  if (step.shape.length !== 3) {
    const height = 60 + 26 * Math.log10(channelsOf(step));
    return { look: { type: 'units', height }, width: 38, height, lines };
  }
  const side = Math.max(18, 150 * (sideOf(step) / largest) ** 0.85);
  const maps = Math.min(14, channelsOf(step));
  const size = side + SHIFT * (maps - 1);
  return { look: { type: 'maps', side, maps }, width: size, height: size, lines };
}

const countOf = (s: GraphStep): string => {
  const word = s.kind === 'input' ? 'channel' : 'map';
  return `${units(s)} ${word}${channelsOf(s) === 1 ? '' : 's'}`;
};

/** Bodies on one ground line, as VGG is drawn. */
function towerOf(item: Shown, largest: number, most: number): Sized {
  const partOf = (step: GraphStep): Part => {
    if (step.shape.length !== 3)
      return {
        step,
        height: 44 + 16 * Math.log10(channelsOf(step) + 1),
        width: Math.min(24, Math.max(9, 22 * (channelsOf(step) / 4096) ** 0.5)),
      };
    const height = Math.max(30, 290 * (sideOf(step) / largest) ** 0.6);
    if (step.kind === 'input' || step.kind.endsWith('pool')) return { step, height, width: 6 };
    return { step, height, width: Math.max(7, 28 * (channelsOf(step) / most) ** 0.65) };
  };
  const parts = item.steps.map(partOf);
  const highest = Math.max(...parts.map((p) => p.height));
  const width = towerWidth(parts);
  const step = item.steps.find((s) => s.kind === 'conv') ?? item.steps[0]!;
  const second =
    item.type === 'block'
      ? item.about
      : step.shape.length === 1
        ? `${units(step)} units`
        : step.kind === 'input'
          ? countOf(step)
          : '';
  const height = highest * (1 + LEAN[1]);
  return { look: { type: 'slabs', parts }, width, height, lines: [nameOf(item), second].filter(Boolean) };
}

/** Bodies of one height touch, others stand a seam apart; the last one leans out. */
export const towerWidth = (parts: readonly Part[]): number => {
  let x = 0;
  for (const [i, p] of parts.entries()) x += p.width + (i > 0 && parts[i - 1]!.height !== p.height ? SEAM : 0);
  return x + Math.max(...parts.map((p) => p.height * LEAN[0]));
};
/** Where a wire `low` above the ground leaves the last body: on its side, which leans away. */
export const exitOf = (parts: readonly Part[], low: number): number => {
  const { height } = parts.at(-1)!;
  let x = 0;
  for (const [i, p] of parts.entries()) x += p.width + seamBefore(parts, i);
  return x + Math.min(1, low / (height * LEAN[1])) * height * LEAN[0];
};
export const seamBefore = (parts: readonly Part[], i: number): number =>
  i > 0 && parts[i - 1]!.height !== parts[i]!.height ? SEAM : 0;

/** Maps as bars, as wide as they have channels and as high as they have rows: Ronneberger et al. (2015). */
function uOf(item: Shown, byId: ReadonlyMap<number, GraphStep>, largest: number, most: number): Sized {
  const wide = (channels: number) => 8 + 38 * (channels / most) ** 0.7;
  const partOf = (step: GraphStep): Part => {
    const height = Math.max(20, 120 * (sideOf(step) / largest) ** 0.62);
    if (step.kind === 'concat') {
      const below = step.inputs.flatMap((i) => byId.get(i) ?? []).find(isUp);
      const share = below ? 1 - channelsOf(below) / channelsOf(step) : 0;
      return { step, height, width: wide(channelsOf(step)), copied: share * wide(channelsOf(step)) };
    }
    if (step.kind.endsWith('pool')) return { step, height, width: 7 };
    return { step, height, width: wide(channelsOf(step)) };
  };
  // Folded, the pool is the arrow that leads down, and what comes from below is part of the joined map.
  const whole = item.type === 'block' && item.steps.some((s) => s.kind === 'conv');
  const joins = item.steps.some((s) => s.kind === 'concat');
  const inception = item.type === 'block' && item.items.some((i) => i.type === 'fork');
  const parts = item.steps
    .map(partOf)
    .filter(({ step }) =>
      inception
        ? step.kind === 'concat'
        : !whole || !(step.kind.endsWith('pool') || step.kind === 'crop' || (joins && isUp(step))),
    );
  const width = parts.reduce((sum, p) => sum + p.width + BAR_GAP, -BAR_GAP);
  const height = Math.max(...parts.map((p) => p.height));
  const last = item.steps.at(-1)!;
  return {
    look: { type: 'bars', parts },
    width,
    height,
    lines: uLines(item, last),
  };
}

/** Short lines, so that the parts of an open block stand close. */
function uLines(item: Shown, last: GraphStep): string[] {
  if (item.type === 'block') return [item.title, item.about];
  if (last.kind === 'input') return [nameOf(item), countOf(last)];
  const [, name, window] = /^(.*?)(?: (\d.*))?$/.exec(nameOf(item))!;
  return window ? [name!, window] : [name!];
}

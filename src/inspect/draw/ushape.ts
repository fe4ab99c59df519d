import type { Step } from '../steps.js';
import { allSteps, type Fork, isFork, type Part, type Series } from '../structure.js';
import { type Colour, fill } from './palette.js';
import { type Point, type Rectangle, round, type Scene } from './scene.js';
import { sideOf } from './words.js';

/** A feature map as a bar: as wide as it has channels, as high as it has rows. */
interface Bar extends Rectangle {
  readonly shape: readonly number[];
  /** 0 is the top. */
  readonly level: number;
  readonly colour: Colour;
  /** How the way comes to it from the bar before. */
  readonly by: 'conv' | 'stride' | 'pool' | 'up' | 'last' | 'none';
  /** Where it is joined with a copy: the bar that is copied, and how. */
  readonly copied?: { readonly from: Bar; readonly cropped: boolean };
}

const TALLEST = 150;
const GAP = 46;
const ROW_GAP = 58;
const ARROWS: Record<Bar['by'], Colour> = {
  conv: 'conv',
  stride: 'conv',
  pool: 'pool',
  up: 'upconv',
  last: 'linear',
  none: 'line',
};

/** Whether a branch only passes a value on. */
const isSkip = (branch: Series) => branch.every((p) => !isFork(p) && p.kind === 'crop');
const ends = (branch: Series): Part | undefined => branch.at(-1);

/** A fork of which one branch is a skip and another goes down and comes up again. */
const isBridge = (fork: Fork) =>
  fork.branches.some(isSkip) &&
  fork.branches.some((b) => {
    const last = ends(b);
    const steps = [...allSteps(b)];
    return (
      last !== undefined &&
      !isFork(last) &&
      isUp(last) &&
      steps.some((s) => s.kind.endsWith('pool') || s.kind === 'conv')
    );
  });
const isUp = (s: Step) => s.kind === 'upconv' || s.kind === 'resize';

/** Whether a network has skips around a bottleneck, and a drawing as a U suits it. */
export const isU = (series: Series): boolean => series.some((p) => isFork(p) && isBridge(p));

/**
 * A U: down on the left, up on the right, copies straight across, in the manner of the figure in Ronneberger, Fischer
 * & Brox (2015). A joined map shows in two colours what was copied and what came from below.
 */
export function drawU(scene: Scene, series: Series, left: number, top: number): void {
  const bars = place(collect(series), left + 62, top);
  for (const [i, bar] of bars.entries()) {
    drawBar(scene, bar, `map ${i}`);
    label(scene, bars, i);
    if (i > 0) arrow(scene, bars[i - 1]!, bar);
    if (bar.copied) copy(scene, bar.copied.from, bar, bar.copied.cropped);
  }
  for (const [colour, words] of [
    ['conv', 'convolution'],
    ['pool', 'max pooling'],
    ['upconv', 'upsampling'],
    ['linear', 'last 1×1 convolution'],
    ['join', 'inception block'],
    ['copy', bars.some((b) => b.copied?.cropped) ? 'cropped and copied' : 'copied'],
  ] as const)
    scene.meanings.set(colour, words);
  const bottom = Math.max(...bars.map((b) => b.y + b.height));
  scene.width = Math.max(...bars.map((b) => b.x + b.width)) + 72 + left;
  scene.height = bottom + 64;
}

type Draft = Omit<Bar, keyof Rectangle | 'copied'> & { copied?: { from: Draft; cropped: boolean }; step: Step };

/** Bars in the order of the way through the U. */
function collect(series: Series): Draft[] {
  const bars: Draft[] = [];
  const sources: { bar: Draft; cropped: boolean }[] = [];
  let level = 0;
  let by: Bar['by'] = 'none';
  const all = [...allSteps(series)];
  const last = all.at(-1)!;
  const add = (step: Step, colour: Colour, copied?: Draft['copied']) => {
    bars.push({
      shape: step.shape,
      level,
      colour,
      by: step === last && step.kernel?.[0] === 1 ? 'last' : by,
      copied,
      step,
    });
    by = 'conv';
  };
  const walk = (parts: Series, after: Part | undefined) => {
    for (const [i, part] of parts.entries()) {
      const next = parts[i + 1] ?? after;
      if (isFork(part)) {
        const join = parts[i + 1] as Step;
        if (!isBridge(part)) continue;
        const skip = part.branches.find(isSkip)!;
        sources.push({ bar: bars.at(-1)!, cropped: skip.length > 0 });
        walk(part.branches.find((b) => !isSkip(b))!, join);
        continue;
      }
      const before = part.inputs[0];
      const ratio = before ? sideOf(part) / sideOf(before) : 1;
      const shrinks = ratio <= 0.67;
      const grows = ratio >= 1.5;
      if (shrinks) level++;
      if (grows) level--;
      if (shrinks) by = part.kind === 'conv' ? 'stride' : 'pool';
      if (grows) by = 'up';
      if (part.kind === 'input') {
        add(part, 'image');
        by = 'conv';
      } else if (part.kind === 'conv') add(part, 'conv');
      else if (part.kind === 'concat' || part.kind === 'add') {
        const inner = parts[i - 1];
        const bridged = inner && isFork(inner) && isBridge(inner);
        const source = bridged ? sources.pop() : undefined;
        add(part, bridged ? 'upconv' : 'join', source && { from: source.bar, cropped: source.cropped });
      } else if (isUp(part) && !(next && !isFork(next) && next.kind === 'concat') && grows) add(part, 'upconv');
      else if (part.kind === 'linear') add(part, 'linear');
    }
  };
  walk(series, undefined);
  return bars;
}

/** Gives every bar its place: levels below each other, each level beginning under the bar that leads down to it. */
function place(drafts: readonly Draft[], left: number, top: number): Bar[] {
  const largest = Math.max(...drafts.map((d) => d.shape[1]!));
  const most = Math.max(...drafts.map((d) => d.shape[0]!));
  const height = (d: Draft) => Math.max(20, TALLEST * (d.shape[1]! / largest) ** 0.62);
  const wide = (channels: number) => 9 + 44 * (channels / most) ** 0.7;
  const highest = Math.min(...drafts.map((d) => d.level));
  const rows: number[] = [];
  for (const d of drafts) rows[d.level - highest] = Math.max(rows[d.level - highest] ?? 0, height(d));
  const tops = rows.map((_, i) => top + 16 + rows.slice(0, i).reduce((sum, h) => sum + h + ROW_GAP, 0));
  const done = new Map<Draft, Bar>();
  let before: (Bar & { x: number }) | undefined;
  for (const d of drafts) {
    const level = d.level - highest;
    const copied = d.copied && { from: done.get(d.copied.from)!, cropped: d.copied.cropped };
    const width = copied
      ? wide(copied.from.shape[0]!) + wide(Math.max(1, d.shape[0]! - copied.from.shape[0]!))
      : wide(d.shape[0]!);
    const h = height(d);
    let x = left;
    if (before) {
      const centre = before.x + before.width / 2;
      if (goesDown(d.by)) x = centre - width / 2;
      else if (d.by === 'up') x = centre - upPart(d.shape, copied?.from.shape, width).centre;
      else x = before.x + before.width + GAP;
      if (copied) {
        const least = copied.from.x + copied.from.width + 70;
        // The map that leads up stands below where it leads to, if it is free to move.
        if (x < least && before.by === 'conv') before.x += least - x;
        x = Math.max(x, least);
      }
    }
    before = {
      shape: d.shape,
      level,
      colour: d.colour,
      by: d.by,
      copied,
      x,
      y: tops[level]! + (rows[level]! - h) / 2,
      width,
      height: h,
    };
    done.set(d, before);
  }
  return [...done.values()];
}

const goesDown = (by: Bar['by']) => by === 'pool' || by === 'stride';

/** Where in a joined bar the part from below lies: behind the copied part, which takes room by its channels. */
function upPart(shape: readonly number[], copied: readonly number[] | undefined, width: number) {
  const share = copied ? copied[0]! / shape[0]! : 0;
  return { from: width * share, centre: width * (share + (1 - share) / 2) };
}

function drawBar(scene: Scene, bar: Bar, name: string): void {
  const at = (x: number, width: number, colour: Colour) =>
    `<rect x="${round(x)}" y="${round(bar.y)}" width="${round(width)}" height="${round(bar.height)}" rx="2.5" ${fill(colour)}/>`;
  scene.mark(bar.colour);
  if (!bar.copied) {
    scene.place(name, bar, at(bar.x, bar.width, bar.colour));
    return;
  }
  scene.mark('copy');
  const { from } = upPart(bar.shape, bar.copied.from.shape, bar.width);
  scene.place(name, bar, at(bar.x, from - 0.75, 'copy') + at(bar.x + from + 0.75, bar.width - from - 0.75, bar.colour));
}

/** Channels above (below at the bottom of the U), map size beside the ends of each level. */
function label(scene: Scene, bars: readonly Bar[], i: number): void {
  const bar = bars[i]!;
  const [before, next] = [bars[i - 1], bars[i + 1]];
  const deepest = Math.max(...bars.map((b) => b.level));
  const centre = bar.x + bar.width / 2;
  const channels = String(bar.shape[0]);
  // An arrow through the top of a bar pushes the number aside.
  const leaves = next !== undefined && next.by === 'up' && next.level < bar.level;
  if (bar.level === deepest) scene.text(channels, centre, bar.y + bar.height + 16, { size: 12, colour: 'muted' });
  else if (goesDown(bar.by))
    scene.text(channels, centre + 7, bar.y - 7, { size: 12, colour: 'muted', anchor: 'start' });
  else if (leaves) scene.text(channels, centre - 7, bar.y - 7, { size: 12, colour: 'muted', anchor: 'end' });
  else scene.text(channels, centre, bar.y - 7, { size: 12, colour: 'muted' });

  const size = bar.shape[1] === bar.shape[2] ? `${bar.shape[1]}²` : `${bar.shape[1]}×${bar.shape[2]}`;
  const middle = bar.y + bar.height / 2 + 4.5;
  const first = before === undefined || before.level !== bar.level;
  const last = next === undefined || next.level !== bar.level;
  const goesUp = next === undefined || next.level < bar.level;
  const begin = bars.slice(0, i).findLast((b, n) => b.level === bar.level && bars[n - 1]?.level !== bar.level);
  const same = bar.level === deepest && begin?.shape[1] === bar.shape[1];
  if (first && !bar.copied && bar.by !== 'up') scene.text(size, bar.x - 10, middle, { bold: true, anchor: 'end' });
  else if (last && goesUp && !same) scene.text(size, bar.x + bar.width + 10, middle, { bold: true, anchor: 'start' });
}

function arrow(scene: Scene, from: Bar, to: Bar): void {
  const colour = ARROWS[to.by];
  scene.mark(colour);
  const centre = from.x + from.width / 2;
  if (to.level === from.level) {
    const y = to.y + to.height / 2;
    scene.line(
      [
        [from.x + from.width + 4, y],
        [to.x - 4, y],
      ],
      { colour, width: 2 },
    );
    return;
  }
  const down = to.level > from.level;
  const target = to.copied ? to.x + upPart(to.shape, to.copied.from.shape, to.width).centre : to.x + to.width / 2;
  const start: Point = [centre, down ? from.y + from.height + 4 : from.y - 4];
  const end: Point = [target, down ? to.y - 4 : to.y + to.height + 4];
  const bend = down ? start[1] + 12 : end[1] + 24;
  const straight = Math.abs(centre - target) < 0.5;
  scene.line(straight ? [start, end] : [start, [centre, bend], [target, bend], end], { colour, width: 2.4 });
}

function copy(scene: Scene, from: Bar, to: Bar, cropped: boolean): void {
  const y = from.y + from.height / 2;
  const [x0, x1] = [from.x + from.width + 4, to.x - 4];
  scene.line(
    [
      [x0, y],
      [x1, y],
    ],
    { colour: 'line', width: 2, dashed: true },
  );
  const words = cropped ? 'crop and copy' : 'copy';
  if (from.level === 0) scene.text(words, (x0 + x1) / 2, y - 8, { size: 12, colour: 'muted' });
}

import type { Step, StepGraph } from '../steps.js';
import { allSteps, type Fork, isFork, type Part, type Series, stepsBefore } from '../structure.js';
import { colourOf } from './palette.js';
import type { Point, Scene } from './scene.js';
import { textWidth } from './text.js';
import { channelsOf, countWords, sideOf, sizeWords, stepWords, windowWords } from './words.js';

/** A step by itself, or branches with the step that joins them. */
interface Item {
  readonly steps: readonly Step[];
  readonly fork?: Fork;
  readonly join?: Step;
  readonly width: number;
  readonly height: number;
}

interface Placed extends Item {
  /** Where the way comes in and goes out. */
  readonly entry: Point;
  readonly exit: Point;
  /** Where something may leave downwards. */
  readonly below: Point;
}

const GAP = 30;
const ROW_GAP = 56;
const WIDEST = 1640;
const PAD = 12;
const CELL = { height: 38, gap: 18, margin: 6 };
const HEAD_HEIGHT = 92;

/**
 * Steps in rows from left to right, a new row where the maps shrink after a fork; branches stand side by side in a
 * frame, from top to bottom. Heads that run in training only hang below the step they look at.
 */
export function drawRows(scene: Scene, series: Series, training: StepGraph, left: number, top: number): void {
  const rows = breakRows(itemsOf(series));
  const heads = extraHeads(training, new Set([...allSteps(series)].map(keyOf)));
  let y = top;
  let widest = 0;
  let before: Placed | undefined;
  for (const row of rows) {
    const height = Math.max(...row.map((i) => i.height));
    const lane = y - ROW_GAP / 2;
    let x = left;
    let headX = left;
    let hanging = 0;
    for (const item of row) {
      const placed = drawItem(scene, item, x, y + (height - item.height) / 2);
      if (before) connect(scene, before, placed, x === left ? lane : undefined);
      before = placed;
      for (const head of heads.filter((h) => item.steps.some((s) => keyOf(s) === h.from))) {
        headX = drawHead(scene, head, Math.max(headX, item.width / 2 + x - 60), y + height + 34, placed.below);
        hanging = HEAD_HEIGHT + 34;
        widest = Math.max(widest, headX);
        headX += 24;
      }
      x += item.width + GAP;
    }
    widest = Math.max(widest, x - GAP);
    y += height + hanging + ROW_GAP;
  }
  scene.width = widest + left + 12;
  scene.height = y - ROW_GAP + 34;
}

const keyOf = (s: Step) => `${s.path}|${s.kind}`;

function itemsOf(series: Series): Item[] {
  const items: Item[] = [];
  for (let i = 0; i < series.length; i++) {
    const part = series[i]!;
    if (!isFork(part)) {
      const [a, b] = stepLines(part);
      const width = Math.max(textWidth(a, 13, true), textWidth(b, 12)) + 24;
      items.push({ steps: [part], width, height: 54 });
      continue;
    }
    const join = series[i + 1] as Step;
    i++;
    const columns = part.branches.map(columnWidth);
    const inner = columns.reduce((sum, w) => sum + w + CELL.margin, -CELL.margin);
    const title = titleOf([...allSteps([part]), join]);
    const width = Math.max(inner, textWidth(title, 13, true), textWidth(joinWords(join), 12)) + 2 * PAD;
    const deepest = Math.max(...part.branches.map((b) => b.length));
    const height = 26 + 26 + deepest * (CELL.height + CELL.gap) + 26 + PAD;
    items.push({ steps: [...allSteps([part]), join], fork: part, join, width, height });
  }
  return items;
}

function breakRows(items: readonly Item[]): Item[][] {
  const rows: Item[][] = [[]];
  let width = 0;
  for (const item of items) {
    const row = rows.at(-1)!;
    const last = row.at(-1)?.steps.at(-1);
    const step = item.steps[0]!;
    const map = (s: Step) => s.shape.length === 3 && sideOf(s) > 1;
    const shrinks = last !== undefined && !item.fork && map(last) && map(step) && sideOf(step) < sideOf(last);
    const full = width + item.width > WIDEST;
    if (row.length > 0 && (full || (shrinks && row.some((i) => i.fork)))) {
      // Blocks of one size stay together where that leaves something in the row before.
      const first = row.findIndex((i) => i.fork);
      const moved = full && item.fork && first > 0 ? row.splice(first) : [];
      rows.push([...moved, item]);
      width = moved.reduce((sum, i) => sum + i.width + GAP, 0);
    } else row.push(item);
    width += item.width + GAP;
  }
  return rows;
}

/** Name of the part of the network that all these steps lie in. */
function titleOf(steps: readonly Step[]): string {
  const paths = steps.map((s) => s.path.split('.'));
  const common: string[] = [];
  for (const [i, name] of paths[0]!.entries()) {
    if (!paths.every((p) => p[i] === name)) break;
    common.push(name);
  }
  return common.join('.') || `${steps.length} steps`;
}

const stepLines = (s: Step): [string, string] => [
  stepWords(s),
  [s.kind === 'linear' ? countWords(channelsOf(s)) : channelsOf(s), sizeWords(s.shape)].filter(Boolean).join(' · '),
];
const joinWords = (s: Step) => [stepWords(s), channelsOf(s), sizeWords(s.shape)].filter(Boolean).join(' · ');

/** Two short lines for a cell: `3×3` over `128`; of a pool, `pool` over `3×3`. */
function cellLines(part: Part): [string, string] {
  if (isFork(part)) return [`${part.branches.length} ways`, ''];
  if (part.kind === 'conv') return [windowWords(part), String(channelsOf(part))];
  if (part.kind === 'maxpool' || part.kind === 'avgpool') return ['pool', windowWords(part)];
  return [stepWords(part), String(channelsOf(part))];
}

function columnWidth(branch: Series): number {
  if (branch.length === 0) return 26;
  return Math.max(44, ...branch.map((p) => Math.max(...cellLines(p).map((l) => textWidth(l, 12, true))) + 12));
}

function drawItem(scene: Scene, item: Item, x: number, y: number): Placed {
  const { fork, join, width, height } = item;
  const middle = y + height / 2;
  if (!fork || !join) {
    const step = item.steps[0]!;
    scene.box(step.path || step.kind, { x, y, width, height }, colourOf(step.kind), { radius: 7 });
    const [a, b] = stepLines(step);
    const colour = step.kind === 'input' ? 'ink' : 'onFill';
    scene.text(a, x + width / 2, middle - 4, { bold: true, colour });
    scene.text(b, x + width / 2, middle + 15, { size: 12, colour });
    return { ...item, entry: [x, middle], exit: [x + width, middle], below: [x + width / 2, y + height] };
  }
  const title = titleOf(item.steps);
  scene.frame(title, { x, y, width, height });
  scene.text(title, x + width / 2, y + 20, { bold: true });
  const bus = y + 38;
  const bar = { x: x + PAD, y: y + height - PAD - 26, width: width - 2 * PAD, height: 26 };
  const columns = fork.branches.map(columnWidth);
  const inner = columns.reduce((sum, w) => sum + w + CELL.margin, -CELL.margin);
  let at = x + (width - inner) / 2;
  const centres: number[] = [];
  for (const [i, branch] of fork.branches.entries()) {
    const centre = at + columns[i]! / 2;
    centres.push(centre);
    // Branches end side by side at the bar, however long they are.
    let from = bus;
    for (const [n, part] of branch.entries()) {
      const cy = bar.y - (branch.length - n) * (CELL.height + CELL.gap);
      scene.line([
        [centre, from],
        [centre, cy],
      ]);
      const colour = isFork(part) ? 'norm' : colourOf(part.kind);
      scene.box(`${title} ${i}.${n}`, { x: at, y: cy, width: columns[i]!, height: CELL.height }, colour);
      const [a, b] = cellLines(part);
      scene.text(a, centre, cy + 16, { size: 12, bold: true, colour: 'onFill' });
      if (b) scene.text(b, centre, cy + 31, { size: 12, colour: 'onFill' });
      from = cy + CELL.height;
    }
    scene.line([
      [centre, from],
      [centre, bar.y],
    ]);
    at += columns[i]! + CELL.margin;
  }
  scene.line(
    [
      [x, bus],
      [centres.at(-1)!, bus],
    ],
    { arrow: false },
  );
  scene.box(`${title} join`, bar, colourOf(join.kind));
  scene.text(joinWords(join), x + width / 2, bar.y + 17.5, { size: 12, bold: false, colour: 'onFill' });
  return {
    ...item,
    entry: [x, bus],
    exit: [x + width - PAD, bar.y + bar.height / 2],
    below: [x + width / 2, bar.y + bar.height],
  };
}

/** The way from one item to the next; `lane` is the height at which it goes back to the beginning of a new row. */
function connect(scene: Scene, from: Placed, to: Placed, lane: number | undefined): void {
  const [x0, y0] = from.exit;
  const [x1, y1] = to.entry;
  // A frame takes the way in at its edge and leads it on inside; the arrow points there.
  const arrow = !to.fork;
  if (lane !== undefined) {
    const out = x0 + (from.fork ? PAD : 0) + 15;
    scene.line(
      [
        [x0, y0],
        [out, y0],
        [out, lane],
        [x1 - 16, lane],
        [x1 - 16, y1],
        [x1, y1],
      ],
      { arrow },
    );
    return;
  }
  const bend = x1 - GAP / 2;
  scene.line(
    Math.abs(y0 - y1) < 1
      ? [
          [x0, y0],
          [x1, y1],
        ]
      : [
          [x0, y0],
          [bend, y0],
          [bend, y1],
          [x1, y1],
        ],
    { arrow },
  );
}

/** A part of the network that only training runs, with the step that it takes its values from. */
interface Head {
  readonly name: string;
  readonly from: string;
  readonly steps: readonly Step[];
}

function extraHeads({ outputs }: StepGraph, known: ReadonlySet<string>): Head[] {
  const heads: Head[] = [];
  for (const [name, end] of [...outputs].slice(1)) {
    const steps = [...stepsBefore(end)].filter((s) => !known.has(keyOf(s))).sort((a, b) => a.id - b.id);
    const from = steps[0]?.inputs.find((s) => known.has(keyOf(s)));
    if (from) heads.push({ name, from: keyOf(from), steps });
  }
  return heads;
}

/** Draws a head at least at `x`; returns where it ends. */
function drawHead(scene: Scene, { name, steps }: Head, x: number, y: number, from: Point): number {
  const widths = steps.map((s) => Math.max(...stepLines(s).map((l) => textWidth(l, 12, true))) + 18);
  const width = widths.reduce((sum, w) => sum + w + 22, -22) + 2 * PAD;
  scene.frame(name, { x, y, width, height: HEAD_HEIGHT }, { dashed: true });
  scene.text(`${name}, in training only`, x + PAD, y + 20, {
    size: 12,
    bold: true,
    anchor: 'start',
    colour: 'muted',
  });
  let at = x + PAD;
  const middle = y + 56;
  for (const [i, step] of steps.entries()) {
    const w = widths[i]!;
    scene.box(`${name} ${i}`, { x: at, y: middle - 22, width: w, height: 44 }, colourOf(step.kind), { radius: 6 });
    const [a, b] = stepLines(step);
    scene.text(a, at + w / 2, middle - 3, { size: 12, bold: true, colour: 'onFill' });
    scene.text(b, at + w / 2, middle + 13, { size: 12, colour: 'onFill' });
    if (i > 0)
      scene.line([
        [at - 22, middle],
        [at, middle],
      ]);
    at += w + 22;
  }
  const drop = Math.min(Math.max(from[0], x + 24), x + width - 24);
  const bend = y - 16;
  scene.line(Math.abs(drop - from[0]) < 1 ? [from, [drop, y]] : [from, [from[0], bend], [drop, bend], [drop, y]], {
    dashed: true,
  });
  return x + width;
}

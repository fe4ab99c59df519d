import type { NetworkGraph } from '../../../../../src/server/studio/api.js';
import { FRAME, gapOf, type Measured, type Placed, Placer, sideAfter } from './place.js';
import type { Item, Tree } from './tree.js';
import { type Wire, wiresOf } from './wires.js';

export interface Layout {
  /** Frames come before what they hold. */
  readonly nodes: readonly Placed[];
  readonly wires: readonly Wire[];
  readonly width: number;
  readonly height: number;
  /** By the number of a step: the node that shows it. */
  readonly shownAt: ReadonlyMap<number, Placed>;
}

const ROW_GAP = 74;
const LEVEL_GAP = 38;
const HEAD_GAP = 40;

/** Gives everything its place; `open` are the blocks whose parts are shown. */
export function layOut(graph: NetworkGraph, tree: Tree, open: ReadonlySet<string>): Layout {
  const placer = new Placer(tree, open);
  const nodes: Placed[] = [];
  if (tree.style === 'u') placeU(tree, placer, nodes);
  else placeRows(tree, placer, nodes);
  const shownAt = new Map<number, Placed>();
  for (const node of nodes) if (!node.open) for (const s of node.item.steps) shownAt.set(s.id, node);
  for (const [crop, from] of tree.crops) {
    // A crop inside of a folded block is shown by it, one that is open by the wire that it is part of.
    const holder = shownAt.get(crop);
    if (!holder) shownAt.set(crop, shownAt.get(from)!);
  }
  const right = Math.max(...nodes.map((n) => n.x + n.width));
  const bottom = Math.max(...nodes.map((n) => n.y + n.height));
  return { nodes, shownAt, width: right, height: bottom, wires: wiresOf(graph, tree, nodes, shownAt) };
}

/** From left to right; where branches are about, a new row begins with the pool that shrinks the maps. */
function placeRows(tree: Tree, placer: Placer, out: Placed[]): void {
  let y = 0;
  for (const [number, row] of rowsOf(tree).entries()) {
    const parts = row.map((i) => placer.measure(i));
    const up = Math.max(...parts.map((p) => p.up));
    const down = Math.max(...parts.map((p) => p.down));
    let x = 0;
    for (const p of parts) {
      p.put(x, y + up, number, out);
      x += p.width + gapOf(tree.style);
    }
    y += up + down;
    const ids = new Map(row.flatMap((i) => i.steps.map((s) => [s.id, i] as const)));
    let headRight = 0;
    let hanging = 0;
    for (const { from, item } of tree.heads) {
      if (!ids.has(from)) continue;
      const head = placer.measure(item);
      const node = out.find((n) => !n.open && n.item.steps.some((s) => s.id === from))!;
      const left = Math.max(node.glyph.x + node.glyph.width / 2 + 36, headRight);
      head.put(left, y + HEAD_GAP + head.up, number, out);
      headRight = left + head.width + 60;
      hanging = Math.max(hanging, HEAD_GAP + head.up + head.down);
    }
    y += hanging + ROW_GAP;
  }
}

function rowsOf({ style, items }: Tree): Item[][] {
  if (style !== 'rows') return [[...items]];
  const rows: Item[][] = [[]];
  let before: number | undefined;
  for (const item of items) {
    const row = rows.at(-1)!;
    const side = sideAfter(item);
    const branched = row.some(
      (i) => i.type === 'fork' || (i.type === 'block' && i.items.some((x) => x.type === 'fork')),
    );
    const shrinks = before !== undefined && side > 1 && side <= 0.67 * before;
    if ((shrinks && branched) || row.length >= 10) rows.push([item]);
    else row.push(item);
    before = side;
  }
  return rows;
}

/** Down on the left and up on the right, a level for each resolution. */
function placeU(tree: Tree, placer: Placer, out: Placed[]): void {
  const levels = levelsOf(tree.items);
  const parts = tree.items.map((i) => placer.measure(i));
  const deepest = Math.max(...levels);
  const axes: number[] = [];
  let y = 0;
  for (let level = 0; level <= deepest; level++) {
    const here = parts.filter((_, i) => levels[i] === level);
    const up = Math.max(0, ...here.map((p) => p.up));
    axes[level] = y + up;
    y += up + Math.max(0, ...here.map((p) => p.down)) + LEVEL_GAP;
  }
  let before: { x: number; part: Measured; level: number } | undefined;
  for (const [i, part] of parts.entries()) {
    const level = levels[i]!;
    let x = 0;
    if (before) {
      const end = before.x + before.part.width;
      if (level > before.level) x = Math.max(before.x + before.part.last + 52, end - before.part.width / 2 + 10);
      else if (level < before.level) x = end + 44 - part.first;
      else x = end + gapOf('u') + FRAME.side;
    }
    part.put(x, axes[level]!, level, out);
    before = { x, part, level };
  }
}

/** A level down where the map has shrunk by more than a border, and up where it has grown. */
export function levelsOf(items: readonly Item[]): number[] {
  let level = 0;
  let side: number | undefined;
  const levels = items.map((item) => {
    const now = sideAfter(item);
    if (side !== undefined && now <= 0.67 * side) level++;
    else if (side !== undefined && now >= 1.5 * side) level--;
    side = now;
    return level;
  });
  const highest = Math.min(...levels);
  return levels.map((l) => l - highest);
}

import { textWidth } from '../../../../../src/inspect/draw/text.js';
import { exitOf, type Look, type Sized, sizer } from './looks.js';
import { type BlockItem, type Item, lastStep, type Shown, type Style, type Tree } from './tree.js';

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A thing that has its place. `glyph` is where wires end; a node takes in its caption too. */
export interface Placed extends Rect {
  readonly id: string;
  readonly item: Shown;
  /** An open block is the frame around its parts. */
  readonly open: boolean;
  readonly glyph: Rect;
  readonly look: Look;
  readonly lines: readonly string[];
  /** The height that wires come and go at, and where they leave. */
  readonly axis: number;
  readonly exit: number;
  /** Number of the row, or level of the U. */
  readonly row: number;
  readonly inner: boolean;
}

/** Something measured, which can be put anywhere: `up` and `down` reach from the axis that wires run along. */
export interface Measured {
  readonly width: number;
  readonly up: number;
  readonly down: number;
  /** Where the first and the last glyph have their middles. */
  readonly first: number;
  readonly last: number;
  put(x: number, axis: number, row: number, out: Placed[]): void;
}

/** Frames: room at the sides, for the title above, and below. */
export const FRAME = { side: 14, title: 34, bottom: 14 } as const;
/** Two lines below or above a drawn node, and a little air. */
export const CAPTION = 42;
const INNER_GAP = 44;
const BRANCH_GAP = 16;

/** Between neighbours, wide enough for the shape on the wire. */
export const gapOf = (style: Style): number => ({ stack: 62, tower: 46, rows: 68, u: 46 })[style];

export class Placer {
  private readonly size: (item: Shown, inner: boolean) => Sized;

  constructor(
    private readonly tree: Tree,
    private readonly open: ReadonlySet<string>,
  ) {
    this.size = sizer(tree);
  }

  measure(item: Item, inner = false): Measured {
    if (item.type === 'fork') return this.fork(item.branches);
    if (item.type === 'block' && this.open.has(item.id)) return this.frame(item);
    return this.node(item, inner);
  }

  private node(item: Shown, inner: boolean): Measured {
    const { look, width: glyphWidth, height: glyphHeight, lines } = this.size(item, inner);
    const { style } = this.tree;
    const inside = look.type === 'box';
    const text =
      Math.max(0, ...lines.map((l, i) => textWidth(l, i === 0 ? 13 : 12, i === 0))) +
      6 +
      (style === 'u' && item.type === 'block' ? 30 : 0);
    const width = inside ? Math.max(glyphWidth, text + 12) : Math.max(glyphWidth, text);
    // Two lines always: with a measure, its value is the second.
    const caption = inside ? 0 : CAPTION;
    const above = style === 'u';
    // Bodies of a tower stand on one ground; wires run along near it.
    const low = Math.min(18, glyphHeight / 2);
    const glyphUp = style === 'tower' ? glyphHeight - low : glyphHeight / 2;
    const glyphDown = glyphHeight - glyphUp;
    const up = glyphUp + (above ? caption : 0);
    const down = glyphDown + (above ? 0 : caption);
    const put = (x: number, axis: number, row: number, out: Placed[]) => {
      const shown = inside ? width : glyphWidth;
      const glyph = { x: x + (width - shown) / 2, y: axis - glyphUp, width: shown, height: glyphHeight };
      out.push({
        id: item.id,
        item,
        open: false,
        look,
        lines,
        axis,
        row,
        inner,
        glyph,
        exit: look.type === 'slabs' ? glyph.x + exitOf(look.parts, low) : glyph.x + shown,
        x,
        y: axis - up,
        width,
        height: up + down,
      });
    };
    return { width, up, down, first: width / 2, last: width / 2, put };
  }

  private frame(block: BlockItem): Measured {
    const inside = this.series(block.items, true);
    const title = textWidth(block.title, 13, true) + 62;
    const width = Math.max(inside.width + 2 * FRAME.side, title);
    const left = (width - inside.width) / 2;
    const up = inside.up + FRAME.title;
    const down = inside.down + FRAME.bottom;
    const put = (x: number, axis: number, row: number, out: Placed[]) => {
      const rect = { x, y: axis - up, width, height: up + down };
      const look: Look = { type: 'box' };
      out.push({
        ...rect,
        id: block.id,
        item: block,
        open: true,
        glyph: rect,
        exit: x + width,
        look,
        lines: [block.title],
        axis,
        row,
        inner: false,
      });
      inside.put(x + left, axis, row, out);
    };
    return { width, up, down, first: left + inside.first, last: left + inside.last, put };
  }

  series(items: readonly Item[], inner: boolean): Measured {
    const { style } = this.tree;
    const gap = inner ? (style === 'rows' ? INNER_GAP : style === 'u' ? 40 : 34) : gapOf(style);
    // A crop is part of its skip's wire.
    const parts = items
      .filter((i) => !(i.type === 'step' && this.tree.crops.has(i.step.id)))
      .map((i) => this.measure(i, inner && style === 'rows'));
    if (parts.length === 0) return { width: 0, up: 0, down: 0, first: 0, last: 0, put: () => {} };
    const width = parts.reduce((sum, p) => sum + p.width + gap, -gap);
    const put = (x: number, axis: number, row: number, out: Placed[]) => {
      let at = x;
      for (const p of parts) {
        p.put(at, axis, row, out);
        at += p.width + gap;
      }
    };
    const end = parts.at(-1)!;
    return {
      width,
      up: Math.max(...parts.map((p) => p.up)),
      down: Math.max(...parts.map((p) => p.down)),
      first: parts[0]!.first,
      last: width - end.width + end.last,
      put,
    };
  }

  private fork(branches: readonly (readonly Item[])[]): Measured {
    const lanes = branches.map((b) => this.series(b, true));
    const heights = lanes.map((l) => Math.max(l.up + l.down, 26));
    const height = heights.reduce((sum, h) => sum + h + BRANCH_GAP, -BRANCH_GAP);
    const width = Math.max(...lanes.map((l) => l.width));
    const put = (x: number, axis: number, row: number, out: Placed[]) => {
      let y = axis - height / 2;
      for (const [i, lane] of lanes.entries()) {
        lane.put(x, y + lane.up, row, out);
        y += heights[i]! + BRANCH_GAP;
      }
    };
    return { width, up: height / 2, down: height / 2, first: width / 2, last: width / 2, put };
  }
}

/** What an item hands on, for deciding where rows and levels begin. */
export const sideAfter = (item: Item): number => {
  const { shape } = lastStep(item);
  return shape.length === 3 ? Math.max(shape[1]!, shape[2]!) : 1;
};

import type { Step } from '../steps.js';
import { type Colour, colourOf, fill } from './palette.js';
import { type Point, polygon, type Scene } from './scene.js';
import { textWidth } from './text.js';
import { channelsOf, countWords, sideOf, sizeWords, stepWords, windowWords } from './words.js';

/** Layers drawn as one body: convolutions of one map size, one pool, one linear layer. */
interface Body {
  readonly name: string;
  readonly colour: Colour;
  readonly height: number;
  /** Thickness of each layer, from left to right. */
  readonly slabs: readonly number[];
}

/** Bodies that share a caption. */
interface Column {
  readonly bodies: Body[];
  /** The first line is bold. */
  readonly lines: string[];
}

const TALLEST = 290;
const GAP = 30;
/** Between a block and the pool behind it. */
const SEAM = 7;
/** Depth of a body along x and y as parts of its height. */
const LEAN = [0.26, 0.17] as const;
const SIZES = [14, 13, 13, 13];

/**
 * A plain chain of convolutions and pools as bodies that shrink in space and grow in channels, on one ground line.
 * Heights follow the map's side and thicknesses the channels, both as powers, so that the small ones can be seen.
 */
export function drawTower(scene: Scene, chain: readonly Step[], left: number, top: number): void {
  const ground = top + TALLEST * (1 + LEAN[1]);
  let x = left;
  for (const [i, { bodies, lines }] of columnsOf(chain).entries()) {
    const width = bodies.reduce((sum, b) => sum + widthOf(b), SEAM * (bodies.length - 1));
    const text = Math.max(0, ...lines.map((l, n) => textWidth(l, SIZES[n]!, n === 0)));
    const column = Math.max(width, text);
    let at = x + (column - width) / 2;
    for (const [n, body] of bodies.entries()) {
      drawBody(scene, `${body.name} ${i}.${n}`, body, at, ground);
      at += widthOf(body) + SEAM;
    }
    for (const [n, line] of lines.entries())
      scene.text(line, x + column / 2, ground + 30 + 19 * n, {
        size: SIZES[n]!,
        bold: n === 0,
        colour: n === 0 ? 'ink' : 'muted',
      });
    x += column + GAP;
  }
  scene.width = x - GAP + left;
  scene.height = ground + 30 + 19 * 2 + 30;
}

const widthOf = (b: Body) => b.slabs.reduce((sum, s) => sum + s, 0) + b.height * LEAN[0];

function columnsOf(chain: readonly Step[]): Column[] {
  const largest = Math.max(...chain.map(sideOf));
  const most = Math.max(...chain.filter((s) => s.shape.length === 3).map(channelsOf));
  const height = (step: Step) => Math.max(30, TALLEST * (sideOf(step) / largest) ** 0.6);
  const thickness = (step: Step) => Math.max(7, 32 * (channelsOf(step) / most) ** 0.65);
  const columns: Column[] = [];
  let block = 0;
  for (const [i, step] of chain.entries()) {
    const before = columns.at(-1);
    const previous = chain[i - 1];
    const colour = colourOf(step.kind);
    if (step.kind === 'input') {
      const body = { name: 'image', colour, height: height(step), slabs: [5] };
      columns.push({ bodies: [body], lines: ['image', sizeWords(step.shape), `${channelsOf(step)} channels`] });
    } else if (step.kind === 'conv' && previous?.kind === 'conv' && sideOf(previous) === sideOf(step)) {
      const body = before!.bodies.pop()!;
      before!.bodies.push({ ...body, slabs: [...body.slabs, thickness(step)] });
      before!.lines.splice(0, 3, ...blockLines(chain, i, block));
    } else if (step.kind === 'conv') {
      block++;
      const body = { name: 'block', colour, height: height(step), slabs: [thickness(step)] };
      columns.push({ bodies: [body], lines: blockLines(chain, i, block) });
    } else if (step.kind === 'linear') {
      const slab = Math.max(10, 26 * (channelsOf(step) / 4096) ** 0.5);
      const body = {
        name: 'linear',
        colour,
        height: 36 + 14 * Math.log10(channelsOf(step) + 1),
        slabs: [Math.min(26, slab)],
      };
      columns.push({ bodies: [body], lines: ['linear', countWords(channelsOf(step))] });
    } else if (before && step.shape.length === 3 && previous!.kind !== 'input') {
      // Adaptive pooling that changes nothing is no body of its own.
      if (step.kind === 'avgpool' && sideOf(previous!) === sideOf(step)) continue;
      before.bodies.push({ name: step.kind, colour, height: height(step), slabs: [6] });
    } else {
      const body = { name: step.kind, colour, height: height(step), slabs: [thickness(step)] };
      columns.push({ bodies: [body], lines: [stepWords(step), sizeWords(step.shape)] });
    }
  }
  return columns;
}

/** Caption of the convolutions that end with number `last` of the chain. */
function blockLines(chain: readonly Step[], last: number, block: number): string[] {
  const step = chain[last]!;
  let first = last;
  while (chain[first - 1]?.kind === 'conv' && sideOf(chain[first - 1]!) === sideOf(step)) first--;
  const steps = chain.slice(first, last + 1);
  const windows = [...new Set(steps.map(windowWords))];
  const channels = [...new Set(steps.map(channelsOf))];
  const count = steps.length > 1 ? `${steps.length} × ` : '';
  return [
    `block ${block}`,
    `${count}${windows.length === 1 ? windows[0] : 'conv'}, ${channels.join(' → ')}`,
    sizeWords(step.shape),
  ];
}

function drawBody(scene: Scene, name: string, body: Body, x: number, ground: number): void {
  const { height, slabs, colour } = body;
  const width = slabs.reduce((a, b) => a + b, 0);
  const [dx, dy] = [height * LEAN[0], height * LEAN[1]];
  const top = ground - height;
  const front: Point[] = [
    [x, top],
    [x + width, top],
    [x + width, ground],
    [x, ground],
  ];
  const lid: Point[] = [
    [x, top],
    [x + dx, top - dy],
    [x + width + dx, top - dy],
    [x + width, top],
  ];
  const side: Point[] = [
    [x + width, top],
    [x + width + dx, top - dy],
    [x + width + dx, ground - dy],
    [x + width, ground],
  ];
  const parts = [
    polygon(front, fill(colour)),
    polygon(lid, fill(colour)),
    polygon(lid, 'fill="#fff" opacity="0.34"'),
    polygon(side, fill(colour)),
    polygon(side, 'fill="#0b1730" opacity="0.22"'),
  ];
  let at = x;
  for (const slab of slabs.slice(0, -1)) {
    at += slab;
    parts.push(
      `<path d="M${at.toFixed(1)} ${ground.toFixed(1)}V${top.toFixed(1)}l${dx.toFixed(1)} ${(-dy).toFixed(1)}" fill="none" stroke="#fff" stroke-width="1.2" opacity="0.75"/>`,
    );
  }
  scene.mark(colour);
  scene.place(name, { x, y: top - dy, width: width + dx, height: height + dy }, parts.join(''));
}

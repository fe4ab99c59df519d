import { escapeXml } from '../../report/theme.js';
import { type Colour, darkRules, fill, MEANINGS, stroke } from './palette.js';
import { textWidth } from './text.js';

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A thing that takes its place in a drawing. A frame holds others. */
export interface Box extends Rectangle {
  readonly name: string;
  readonly frame: boolean;
}

export interface Label extends Rectangle {
  readonly text: string;
}

export type Point = readonly [x: number, y: number];

export interface TextOptions {
  readonly size?: number;
  readonly bold?: boolean;
  /** Which part of the text is at x. Default middle. */
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly colour?: Colour;
}

export interface LineOptions {
  readonly arrow?: boolean;
  readonly dashed?: boolean;
  readonly colour?: Colour;
  readonly width?: number;
  /** Corners are rounded. Default 6. */
  readonly radius?: number;
}

export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

/** A drawing as it grows: what is drawn, and the place that each thing takes, so that nothing covers anything. */
export class Scene {
  readonly boxes: Box[] = [];
  readonly labels: Label[] = [];
  readonly lines: Point[][] = [];
  private readonly layers = {
    frames: [] as string[],
    lines: [] as string[],
    boxes: [] as string[],
    over: [] as string[],
    texts: [] as string[],
  };
  private readonly used = new Set<Colour>();
  /** What the colours mean in this drawing. */
  readonly meanings = new Map(Object.entries(MEANINGS) as [Colour, string][]);
  width = 0;
  height = 0;

  /** Takes a place; `svg` is what is drawn there. */
  place(name: string, at: Rectangle, svg: string): void {
    this.boxes.push({ ...at, name, frame: false });
    this.layers.boxes.push(svg);
  }

  /** A rounded rectangle in a colour. */
  box(name: string, at: Rectangle, colour: Colour, { radius = 5 } = {}): void {
    this.mark(colour);
    this.place(name, at, `<rect ${rect(at)} rx="${radius}" ${fill(colour)}/>`);
  }

  /** A quiet surface behind others. */
  frame(name: string, at: Rectangle, { radius = 10, dashed = false } = {}): void {
    this.boxes.push({ ...at, name, frame: true });
    const dash = dashed ? ' stroke-dasharray="5 4"' : '';
    this.layers.frames.push(
      `<rect ${rect(at)} rx="${radius}" ${fill('frame')}/><rect ${rect(at)} rx="${radius}" fill="none" ${stroke('frameLine')}${dash}/>`,
    );
  }

  /** One line of text; `y` is its baseline. */
  text(text: string, x: number, y: number, options: TextOptions = {}): Label {
    const { size = 13, bold = false, anchor = 'middle', colour = 'ink' } = options;
    const width = textWidth(text, size, bold);
    const left = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2;
    const label = { text, x: left, y: y - 0.8 * size, width, height: 1.05 * size };
    this.labels.push(label);
    const weight = bold ? ' font-weight="600"' : '';
    this.layers.texts.push(
      `<text x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${anchor}"${weight} ${fill(colour)}>${escapeXml(text)}</text>`,
    );
    return label;
  }

  line(points: readonly Point[], options: LineOptions = {}): void {
    const { arrow = true, dashed = false, colour = 'line', width = 1.6, radius = 6 } = options;
    this.lines.push([...points]);
    const dash = dashed ? ' stroke-dasharray="5 4"' : '';
    const head = arrow ? arrowHead(points.at(-2)!, points.at(-1)!, colour) : '';
    const shaft = arrow ? [...points.slice(0, -1), shorten(points.at(-2)!, points.at(-1)!, 6)] : points;
    this.layers.lines.push(
      `<path d="${roundedPath(shaft, radius)}" fill="none" stroke-width="${width}"${dash} ${stroke(colour)}/>${head}`,
    );
  }

  /** Draws on top of boxes, where it takes no place of its own. */
  over(svg: string): void {
    this.layers.over.push(svg);
  }

  /** A colour is in use and belongs into the legend. */
  mark(colour: Colour): void {
    this.used.add(colour);
  }

  /** Colours with their meanings on one line that ends at `right`, or begins at `left`. */
  legend(at: { left?: number; right?: number; y: number }): void {
    const entries = this.entries();
    const widths = entries.map(([, words]) => 18 + textWidth(words, 12) + 16);
    let x = at.left ?? at.right! - widths.reduce((a, b) => a + b, 0) + 16;
    for (const [i, [colour, words]] of entries.entries()) {
      this.box(`legend ${colour}`, { x, y: at.y - 10, width: 12, height: 12 }, colour, { radius: 3 });
      this.text(words, x + 18, at.y, { size: 12, anchor: 'start', colour: 'muted' });
      x += widths[i]!;
    }
  }

  /** How wide the legend is. */
  legendWidth(): number {
    return this.entries().reduce((sum, [, words]) => sum + 34 + textWidth(words, 12), -16);
  }

  private entries(): [Colour, string][] {
    return [...this.meanings].filter(([colour]) => this.used.has(colour));
  }

  /** The whole drawing. `title` is what it is called for people who cannot see it. */
  toSvg(title: string): string {
    const { frames, lines, boxes, over, texts } = this.layers;
    const [w, h] = [Math.ceil(this.width), Math.ceil(this.height)];
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="${FONT}" role="img" aria-label="${escapeXml(title)}">`,
      darkRules,
      `<rect width="${w}" height="${h}" ${fill('surface')}/>`,
      ...frames,
      ...lines,
      ...boxes,
      ...over,
      ...texts,
      '</svg>\n',
    ].join('\n');
  }
}

export const round = (n: number): number => Math.round(n * 10) / 10;
export const polygon = (points: readonly Point[], attributes: string): string =>
  `<polygon points="${points.map((p) => p.map(round).join(',')).join(' ')}" ${attributes}/>`;

const rect = ({ x, y, width, height }: Rectangle) =>
  `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`;

function shorten(from: Point, to: Point, by: number): Point {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  const t = Math.max(0, 1 - by / length);
  return [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t];
}

function arrowHead(from: Point, to: Point, colour: Colour): string {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  const [ux, uy] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
  const at = (back: number, side: number): Point => [to[0] - ux * back - uy * side, to[1] - uy * back + ux * side];
  return polygon([to, at(8, 4.2), at(8, -4.2)], fill(colour));
}

function roundedPath(points: readonly Point[], radius: number): string {
  const text = ([x, y]: Point) => `${round(x)} ${round(y)}`;
  let d = `M${text(points[0]!)}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [before, corner, after] = [points[i - 1]!, points[i]!, points[i + 1]!];
    const room = (a: Point, b: Point) => Math.min(radius, Math.hypot(a[0] - b[0], a[1] - b[1]) / 2);
    const into = shorten(before, corner, room(before, corner));
    const out = shorten(after, corner, room(corner, after));
    d += `L${text(into)}Q${text(corner)} ${text(out)}`;
  }
  return `${d}L${text(points.at(-1)!)}`;
}

/**
 * What covers what in a drawing, one sentence each; empty where all is well. Boxes may lie inside frames and labels
 * inside boxes; nothing else may touch, and lines may not run through labels.
 */
export function findOverlaps({ boxes, labels, lines, width, height }: Scene): string[] {
  const found: string[] = [];
  const inside = (a: Rectangle, b: Rectangle) =>
    a.x >= b.x && a.y >= b.y && a.x + a.width <= b.x + b.width && a.y + a.height <= b.y + b.height;
  const touch = (a: Rectangle, b: Rectangle) =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
  const canvas = { x: 0, y: 0, width, height };
  for (const b of [...boxes, ...labels]) if (!inside(b, canvas)) found.push(`${nameOf(b)} leaves the canvas`);
  for (const [i, a] of boxes.entries())
    for (const b of boxes.slice(i + 1))
      if (touch(a, b) && !(a.frame && inside(b, a)) && !(b.frame && inside(a, b)))
        found.push(`${nameOf(a)} and ${nameOf(b)} overlap`);
  for (const [i, a] of labels.entries()) {
    for (const b of labels.slice(i + 1)) if (touch(a, b)) found.push(`${nameOf(a)} and ${nameOf(b)} overlap`);
    for (const b of boxes) if (touch(a, b) && !inside(a, b)) found.push(`${nameOf(a)} and ${nameOf(b)} overlap`);
    for (const line of lines)
      for (let p = 1; p < line.length; p++)
        if (crosses(line[p - 1]!, line[p]!, a)) found.push(`a line runs through ${nameOf(a)}`);
  }
  return found;
}

const nameOf = (thing: Box | Label) => ('text' in thing ? `the label "${thing.text}"` : `the box "${thing.name}"`);

/** Whether a segment meets the inside of a rectangle (Liang and Barsky's clipping). */
function crosses([x0, y0]: Point, [x1, y1]: Point, r: Rectangle): boolean {
  let from = 0;
  let to = 1;
  for (const [d, low, high] of [
    [x1 - x0, r.x - x0, r.x + r.width - x0],
    [y1 - y0, r.y - y0, r.y + r.height - y0],
  ] as const) {
    if (d === 0) {
      if (low >= 0 || high <= 0) return false;
      continue;
    }
    const [a, b] = [low / d, high / d];
    from = Math.max(from, Math.min(a, b));
    to = Math.min(to, Math.max(a, b));
  }
  return from < to;
}

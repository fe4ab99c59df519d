import type { GraphStep, NetworkGraph } from '../../../../../src/server/studio/api.js';
import type { Placed } from './place.js';
import { isPool, isUp, sideOf, type Tree } from './tree.js';

export type Point = readonly [x: number, y: number];

/** What leads from one node to another. */
export interface Wire {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly points: readonly Point[];
  readonly kind: 'plain' | 'pool' | 'up' | 'skip' | 'training';
  readonly labels: readonly Label[];
}

export interface Label {
  readonly text: string;
  readonly x: number;
  /** Baseline. */
  readonly y: number;
  readonly anchor: 'start' | 'middle' | 'end';
  readonly strong: boolean;
}

/** Wires between the nodes that are shown, each with the shape of what it carries where there is room. */
export function wiresOf(
  graph: NetworkGraph,
  tree: Tree,
  nodes: readonly Placed[],
  shownAt: ReadonlyMap<number, Placed>,
): Wire[] {
  const wires: Wire[] = [];
  const made = new Set<string>();
  const labelled = new Set<string>();
  const router = new Router(tree, nodes);
  const byId = new Map(graph.steps.map((s) => [s.id, s]));
  for (const step of graph.steps) {
    if (tree.crops.has(step.id)) continue;
    for (const given of step.inputs) {
      const source = tree.crops.get(given) ?? given;
      const [from, to] = [shownAt.get(source), shownAt.get(step.id)];
      if (!from || !to || from === to) continue;
      const id = `${from.id}-${to.id}`;
      if (made.has(id)) continue;
      made.add(id);
      const cropped = given !== source ? byId.get(given) : undefined;
      const { points, kind, labels } = router.route(from, to, byId.get(source)!, cropped, step);
      wires.push({
        id,
        from: from.id,
        to: to.id,
        points,
        kind,
        labels: labelled.has(from.id) && kind !== 'skip' ? [] : labels,
      });
      if (labels.length > 0 && kind !== 'skip') labelled.add(from.id);
    }
  }
  return wires;
}

interface Route {
  readonly points: readonly Point[];
  readonly kind: Wire['kind'];
  readonly labels: readonly Label[];
}

const whole = (s: GraphStep): string => s.shape.join(' × ');

class Router {
  constructor(
    private readonly tree: Tree,
    private readonly nodes: readonly Placed[],
  ) {}

  route(from: Placed, to: Placed, carries: GraphStep, cropped: GraphStep | undefined, step: GraphStep): Route {
    if (this.tree.style === 'u') return this.inU(from, to, carries, cropped, step);
    const [a, b] = [from.glyph, to.glyph];
    const training = step.trainingOnly;
    const kind = training ? 'training' : 'plain';
    if (training && !from.item.steps[0]!.trainingOnly) {
      const x = a.x + a.width / 2;
      const points: Point[] = [
        [x, a.y + a.height],
        [x, to.axis],
        [b.x, to.axis],
      ];
      return { points, kind, labels: [] };
    }
    const [x0, x1] = [from.exit, b.x];
    if (from.row !== to.row) {
      const lane = Math.min(...this.nodes.filter((n) => n.row === to.row).map((n) => n.y)) - 30;
      const points: Point[] = [
        [x0, from.axis],
        [x0 + 22, from.axis],
        [x0 + 22, lane],
        [x1 - 26, lane],
        [x1 - 26, to.axis],
        [x1, to.axis],
      ];
      return {
        points,
        kind,
        labels: [{ text: whole(carries), x: x1 - 14, y: lane - 7, anchor: 'start', strong: false }],
      };
    }
    if (Math.abs(from.axis - to.axis) < 1) {
      if (this.between(from, to)) return { points: this.around(from, to), kind, labels: [] };
      return {
        points: [
          [x0, from.axis],
          [x1, to.axis],
        ],
        kind,
        labels: this.straight(carries, from, to),
      };
    }
    const bend = x1 - 17;
    const points: Point[] = [
      [x0, from.axis],
      [bend, from.axis],
      [bend, to.axis],
      [x1, to.axis],
    ];
    return {
      points,
      kind,
      labels: onWire(carries, x0 + Math.min(bend - x0, 64) / 2, from.axis, Math.min(bend - x0, 62)),
    };
  }

  private inU(from: Placed, to: Placed, carries: GraphStep, cropped: GraphStep | undefined, step: GraphStep): Route {
    const [a, b] = [from.glyph, to.glyph];
    const centre = a.x + a.width / 2;
    const [x0, x1] = [from.exit, b.x];
    if (to.row > from.row) {
      const points: Point[] = [
        [centre, a.y + a.height],
        [centre, to.axis],
        [x1, to.axis],
      ];
      const label = { text: whole(carries), x: centre - 8, y: to.axis - 4, anchor: 'end', strong: false } as const;
      return { points, kind: isPool(step) ? 'pool' : 'plain', labels: [label] };
    }
    if (to.row < from.row) {
      const x = b.x + b.width / 2;
      const points: Point[] = [
        [x0, from.axis],
        [x, from.axis],
        [x, b.y + b.height],
      ];
      const label = { text: whole(carries), x: x + 9, y: from.axis - 4, anchor: 'start', strong: false } as const;
      return { points, kind: isUp(step) ? 'up' : 'plain', labels: [label] };
    }
    const skip = cropped !== undefined || (step.kind === 'concat' && this.isSkip(carries, step));
    if (skip) {
      const words = cropped ? 'crop and copy' : 'copy';
      const text = `${words}  ${whole(cropped ?? carries)}`;
      const covered = this.between(from, to);
      const points: Point[] = covered
        ? this.around(from, to)
        : [
            [x0, from.axis],
            [x1, to.axis],
          ];
      const [left, right] = [points[0]![0], points.at(-1)![0]];
      const y = points[Math.floor(points.length / 2)]![1];
      const roomy = right - left > 150;
      return {
        points,
        kind: 'skip',
        labels: roomy ? [{ text, x: (left + right) / 2, y: y - 7, anchor: 'middle', strong: false }] : [],
      };
    }
    if (Math.abs(from.axis - to.axis) < 1)
      return {
        points: this.between(from, to)
          ? this.around(from, to)
          : [
              [x0, from.axis],
              [x1, to.axis],
            ],
        kind: 'plain',
        labels: this.straight(carries, from, to),
      };
    const bend = x1 - 15;
    return {
      points: [
        [x0, from.axis],
        [bend, from.axis],
        [bend, to.axis],
        [x1, to.axis],
      ],
      kind: 'plain',
      labels: [],
    };
  }

  /** A wire into a joining step that does not come from the level below. */
  private isSkip(carries: GraphStep, step: GraphStep): boolean {
    return (
      step.inputs.length === 2 &&
      carries.id < Math.max(...step.inputs) &&
      sideOf(carries) >= sideOf(step) &&
      !isUp(carries)
    );
  }

  /** The shape on a straight wire, where no frame's border crosses it. */
  private straight(carries: GraphStep, from: Placed, to: Placed): Label[] {
    let [left, right] = [from.exit, to.glyph.x];
    for (const { open, item, x, width } of this.nodes) {
      if (!open) continue;
      const holds = (n: Placed) => item.steps.includes(n.item.steps[0]!);
      if (holds(from) && !holds(to)) left = Math.max(left, x + width);
      if (holds(to) && !holds(from)) right = Math.min(right, x);
    }
    return onWire(carries, (left + right) / 2, from.axis, right - left);
  }

  /** Whether another node stands on the straight way. */
  private between(from: Placed, to: Placed): boolean {
    const [left, right] = [from.exit, to.glyph.x];
    return this.nodes.some(
      ({ open, id, glyph: g }) =>
        !open &&
        id !== from.id &&
        id !== to.id &&
        g.x < right &&
        g.x + g.width > left &&
        g.y < from.axis &&
        g.y + g.height > from.axis,
    );
  }

  /** Below what stands in between. */
  private around(from: Placed, to: Placed): Point[] {
    const [left, right] = [from.exit, to.glyph.x + to.glyph.width / 2];
    const inBetween = this.nodes.filter(
      (n) => !n.open && n.row === from.row && n.glyph.x + n.glyph.width > left && n.glyph.x < right + 1,
    );
    const lane = Math.max(...inBetween.map((n) => n.glyph.y + n.glyph.height)) + 9;
    const end = to.glyph.y + to.glyph.height;
    const first = Math.min(...inBetween.map((n) => n.glyph.x)) - 18;
    return [
      [left, from.axis],
      [first, from.axis],
      [first, lane],
      [right, lane],
      [right, end],
    ];
  }
}

/** Channels above a wire and the map's size below it, as far as there is room. */
function onWire(step: GraphStep, x: number, y: number, room: number): Label[] {
  const [channels, ...map] = step.shape;
  const size = map.join(' × ');
  const fits = (text: string) => 6.2 * text.length + 4 <= room;
  const labels: Label[] = [];
  const count = String(channels);
  if (fits(count)) labels.push({ text: count, x, y: y - 7, anchor: 'middle', strong: true });
  if (size && fits(size)) labels.push({ text: size, x, y: y + 17, anchor: 'middle', strong: false });
  return labels;
}

import type { Layout } from './layout.js';
import type { Placed } from './place.js';

export type Direction = 'left' | 'right' | 'up' | 'down';

const middle = (n: Placed) => [n.glyph.x + n.glyph.width / 2, n.open ? n.y : n.axis] as const;

/**
 * Where an arrow key leads from a node: right and left along the wires, up and down to what stands there. At a frame's
 * title, right and down lead into the frame.
 */
export function neighbour(layout: Layout, id: string, direction: Direction): string | undefined {
  const from = layout.nodes.find((n) => n.id === id);
  if (!from) return layout.nodes.find((n) => !n.open)?.id;
  const inside = (n: Placed) => n !== from && from.open && from.item.steps.includes(n.item.steps[0]!);
  if (from.open && (direction === 'right' || direction === 'down')) return layout.nodes.find(inside)?.id;
  const [x, y] = middle(from);
  const closest = (nodes: readonly Placed[], cost: (dx: number, dy: number) => number): string | undefined => {
    let best: { id: string; cost: number } | undefined;
    for (const n of nodes) {
      if (n === from) continue;
      const [nx, ny] = middle(n);
      const c = cost(nx - x, ny - y);
      if (Number.isFinite(c) && (!best || c < best.cost)) best = { id: n.id, cost: c };
    }
    return best?.id;
  };
  if (direction === 'right' || direction === 'left') {
    const head = from.item.steps.every((s) => s.trainingOnly);
    // What runs in training only hangs below, and is reached by going down.
    const ends = layout.wires
      .filter((w) => (direction === 'right' ? w.from === id && (w.kind !== 'training' || head) : w.to === id))
      .map((w) => (direction === 'right' ? w.to : w.from));
    const linked = layout.nodes.filter((n) => ends.includes(n.id));
    const along = closest(linked, (dx, dy) => Math.abs(dy) * 1.5 + Math.abs(dx));
    if (along || !from.open) return along;
  }
  const sign = direction === 'up' || direction === 'left' ? -1 : 1;
  if (direction === 'left' || direction === 'right')
    return closest(layout.nodes, (dx, dy) => (dx * sign > 4 ? dx * sign + 3 * Math.abs(dy) : Number.POSITIVE_INFINITY));
  return closest(layout.nodes, (dx, dy) => (dy * sign > 4 ? dy * sign + 2 * Math.abs(dx) : Number.POSITIVE_INFINITY));
}

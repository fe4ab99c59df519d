import { sameShape } from '../../tensor/shape.js';
import { type Ir, type IrNode, irType, visit } from './ir.js';

/**
 * Orders nodes so that little memory is alive: what needs the shallowest part of the graph comes first, so that a
 * layer's weight gradient and update follow at once when its output gradient is there. Decides which updates are
 * written in place: a fused node may write a state when all other readers of the old value have run.
 * Returns the updates that remain to be copied at the end.
 */
export function schedule(ir: Ir): { nodes: IrNode[]; late: Map<string, { node: IrNode; output: number }> } {
  const stateNodes = new Map<string, IrNode>();
  const readers = new Map<IrNode, Set<IrNode>>();
  for (const n of ir.nodes) {
    if (n.op === 'state') stateNodes.set(n.attrs.name as string, n);
    for (const r of n.inputs) {
      if (r.node.op !== 'state') continue;
      let set = readers.get(r.node);
      if (!set) readers.set(r.node, (set = new Set()));
      set.add(n);
    }
  }
  const seenLate = new Set([...ir.outputs.values(), ...ir.updates.values()].map((r) => r.node));
  const inPlace = new Map<string, IrNode>();
  for (const [name, ref] of ir.updates) {
    const state = stateNodes.get(name);
    const { node, output } = ref;
    if (node.op !== 'fused' || (node.attrs.outKinds as string[])[output] !== 'store') continue;
    // An output that is also wanted as a result, or an old value that somebody takes at the end, stays out of place.
    if (state && (seenLate.has(state) || !sameShape(state.outputs[0]!.shape, irType(ref).shape))) continue;
    const states = node.attrs.states as string[];
    if (states[output] !== '') continue;
    states[output] = name;
    inPlace.set(name, node);
  }
  for (;;) {
    const order = order_(ir, stateNodes, readers, inPlace);
    if (order) {
      const late = new Map([...ir.updates].filter(([name]) => !inPlace.has(name)));
      return { nodes: order, late };
    }
    // Two updates wait for each other: give up writing the first of them in place.
    const [name, node] = [...inPlace][0]!;
    const states = node.attrs.states as string[];
    states[states.indexOf(name)] = '';
    inPlace.delete(name);
  }
}

function order_(
  ir: Ir,
  stateNodes: Map<string, IrNode>,
  readers: Map<IrNode, Set<IrNode>>,
  inPlace: Map<string, IrNode>,
): IrNode[] | undefined {
  const before = new Map<IrNode, IrNode[]>();
  for (const [name, writer] of inPlace) {
    const state = stateNodes.get(name);
    if (!state) continue;
    const others = [...(readers.get(state) ?? [])].filter((n) => n !== writer);
    before.set(writer, [...(before.get(writer) ?? []), ...others]);
  }
  const needs = (n: IrNode): IrNode[] => [...n.inputs.map((r) => r.node), ...(before.get(n) ?? [])];
  // Longest distance from a source.
  const depth = new Map<IrNode, number>();
  for (const n of ir.nodes) depth.set(n, 1 + Math.max(0, ...n.inputs.map((r) => depth.get(r.node) ?? 0)));
  const roots = [...ir.outputs.values(), ...ir.updates.values()].map((r) => r.node);
  roots.sort((a, b) => depth.get(a)! - depth.get(b)!);
  const order: IrNode[] = [];
  const seen = new Set<IrNode>();
  for (const root of roots) visit(root, needs, seen, order);
  const position = new Map(order.map((n, i) => [n, i] as const));
  for (const n of order) for (const m of needs(n)) if (position.get(m)! > position.get(n)!) return undefined;
  return order;
}

import { type Shape, sameShape } from '../../tensor/shape.js';
import { elementwiseInstructions } from './elementwise.js';
import { fuseCluster } from './fused.js';
import { type Ir, type IrNode, type IrRef, irType, Uses } from './ir.js';

/** More than this in one pass would spill out of the first-level cache. */
const MOST_MEMBERS = 64;
const MOST_OPERANDS = 32;

/** The shape a node's pass runs over, or undefined if it is no element-wise operation. */
function iterationShape(node: IrNode): Shape | undefined {
  if (node.op === 'allFinite') return irType(node.inputs[0]!).shape;
  if (node.op === 'sum' || node.op === 'mean') {
    const x = irType(node.inputs[0]!);
    const all = (node.attrs.axes as number[]).length === x.shape.length && x.dtype === 'float32';
    return all && x.shape.length > 0 ? x.shape : undefined;
  }
  return elementwiseInstructions(node) ? node.outputs[0]!.shape : undefined;
}

export const isReduction = (node: IrNode): boolean =>
  node.op === 'sum' || node.op === 'mean' || node.op === 'allFinite';

/**
 * Groups connected element-wise operations over one shape into passes and replaces each group by one `fused` node.
 * A merge must leave no path that leaves the group and comes back; sums over everything may end a group.
 */
export function fuseElementwise(ir: Ir): void {
  const groupOf = new Map<IrNode, Group>();
  for (const node of ir.nodes) {
    const shape = iterationShape(node);
    if (shape) groupOf.set(node, { shape, members: [node] });
  }
  const users = new Uses(ir).users;
  const root = (n: IrNode) => groupOf.get(n);
  for (const node of ir.nodes) {
    if (!groupOf.has(node)) continue;
    for (const input of node.inputs) {
      const a = root(input.node);
      const b = root(node)!;
      if (!a || a === b || isReduction(input.node) || !sameShape(a.shape, b.shape)) continue;
      if (!sameShape(irType(input).shape, b.shape)) continue;
      tryMerge(a, b, groupOf, users);
    }
  }
  const replaced = new Map<IrNode, (output: number) => IrRef>();
  const position = new Map(ir.nodes.map((n, i) => [n, i] as const));
  for (const group of new Set(groupOf.values())) {
    group.members.sort((x, y) => position.get(x)! - position.get(y)!);
    const { node, outputs } = fuseCluster(group.members, group.shape, (r) => isNeeded(r, group, ir, users));
    for (const member of group.members) {
      const output = outputs.get(member);
      if (output !== undefined) replaced.set(member, () => ({ node, output }));
    }
  }
  rewire(ir, replaced);
}

interface Group {
  readonly shape: Shape;
  members: IrNode[];
}

function operandCount(members: readonly IrNode[]): number {
  const inside = new Set(members);
  const outside = new Map<IrNode, Set<number>>();
  let count = 0;
  for (const m of members)
    for (const r of m.inputs) {
      if (inside.has(r.node) || r.node.op === 'full') continue;
      const seen = outside.get(r.node) ?? new Set();
      if (!seen.has(r.output)) count++;
      outside.set(r.node, seen.add(r.output));
    }
  return count;
}

function tryMerge(a: Group, b: Group, groupOf: Map<IrNode, Group>, users: Map<IrNode, Set<IrNode>>): void {
  if (a.members.length + b.members.length > MOST_MEMBERS) return;
  const together = new Set([...a.members, ...b.members]);
  // Single numbers gain nothing from one pass, and whoever waits for one of them would wait for all: each parameter's
  // guard for every other gradient, so that no update could follow its gradient at once.
  if (a.shape.length === 0 && a.members.some((m) => [...(users.get(m) ?? [])].some((u) => !together.has(u)))) return;
  // A sum is known only when the pass is over: nobody inside may take it.
  for (const m of together) if (isReduction(m) && [...(users.get(m) ?? [])].some((u) => together.has(u))) return;
  if (operandCount([...together]) > MOST_OPERANDS) return;
  // Walk from what the merged group feeds, group by group: coming back to it would make a cycle.
  const stack: IrNode[] = [];
  const seen = new Set<IrNode>();
  const push = (n: IrNode) => {
    for (const member of groupOf.get(n)?.members ?? [n])
      if (!seen.has(member)) {
        seen.add(member);
        stack.push(member);
      }
  };
  for (const m of together) for (const u of users.get(m) ?? []) if (!together.has(u)) push(u);
  while (stack.length > 0) {
    const n = stack.pop()!;
    for (const u of users.get(n) ?? []) {
      if (together.has(u)) return;
      push(u);
    }
  }
  a.members = [...a.members, ...b.members];
  for (const m of b.members) groupOf.set(m, a);
}

/** Whether somebody outside of the group takes the value. */
function isNeeded(node: IrNode, group: Group, ir: Ir, users: Map<IrNode, Set<IrNode>>): boolean {
  const inside = new Set(group.members);
  if ([...(users.get(node) ?? [])].some((u) => !inside.has(u))) return true;
  return [...ir.outputs.values(), ...ir.updates.values()].some((r) => r.node === node);
}

function rewire(ir: Ir, replaced: Map<IrNode, (output: number) => IrRef>): void {
  const resolve = (r: IrRef): IrRef => replaced.get(r.node)?.(r.output) ?? r;
  const done = new Set<IrNode>();
  const roots = [...ir.outputs.values(), ...ir.updates.values()].map(resolve);
  const stack = roots.map((r) => r.node);
  while (stack.length > 0) {
    const n = stack.pop()!;
    if (done.has(n)) continue;
    done.add(n);
    n.inputs = n.inputs.map(resolve);
    for (const r of n.inputs) stack.push(r.node);
  }
  for (const map of [ir.outputs, ir.updates]) for (const [k, r] of map) map.set(k, resolve(r));
}

import type { Graph, ValueRef } from '../../tensor/graph.js';
import type { Phase } from '../../tensor/scope.js';
import type { TensorType } from '../../tensor/shape.js';

/** A node of the lowered graph: the op union plus `fused`, in order of execution. */
export interface LoweredNode {
  readonly op: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly inputs: readonly ValueRef[];
  readonly outputs: readonly TensorType[];
  readonly label: string;
  readonly phase: Phase;
}

/** What crosses into C++. Updates that a fused node writes in place are named in its `states` attribute instead. */
export interface LoweredGraph {
  readonly nodes: readonly LoweredNode[];
  readonly outputs: readonly (readonly [name: string, ref: ValueRef])[];
  readonly updates: readonly (readonly [state: string, ref: ValueRef])[];
}

/** A graph under rewriting: nodes hold each other directly. */
export interface IrNode {
  op: string;
  attrs: Record<string, unknown>;
  inputs: IrRef[];
  outputs: TensorType[];
  label: string;
  phase: Phase;
}
export interface IrRef {
  node: IrNode;
  output: number;
}

export interface Ir {
  /** In topological order. */
  nodes: IrNode[];
  outputs: Map<string, IrRef>;
  updates: Map<string, IrRef>;
}

export const irType = (r: IrRef): TensorType => r.node.outputs[r.output]!;
export const sameRef = (a: IrRef, b: IrRef): boolean => a.node === b.node && a.output === b.output;

export function toIr(graph: Graph): Ir {
  const nodes: IrNode[] = [];
  const ref = ([n, o]: ValueRef): IrRef => ({ node: nodes[n]!, output: o });
  for (const n of graph.nodes)
    nodes.push({
      op: n.op,
      attrs: { ...(n.attrs as Record<string, unknown>) },
      inputs: n.inputs.map(ref),
      outputs: [...n.outputs],
      label: n.label,
      phase: n.phase,
    });
  const named = (of: Readonly<Record<string, ValueRef>>) => new Map(Object.entries(of).map(([k, r]) => [k, ref(r)]));
  return { nodes, outputs: named(graph.outputs), updates: named(graph.updates) };
}

/** Number of uses of every output: by nodes, graph outputs and updates. */
export class Uses {
  private readonly counts = new Map<IrNode, number[]>();
  readonly users = new Map<IrNode, Set<IrNode>>();

  constructor(ir: Ir) {
    for (const n of ir.nodes)
      for (const r of n.inputs) {
        this.add(r);
        let set = this.users.get(r.node);
        if (!set) this.users.set(r.node, (set = new Set()));
        set.add(n);
      }
    for (const r of [...ir.outputs.values(), ...ir.updates.values()]) this.add(r);
  }
  private add(r: IrRef): void {
    let c = this.counts.get(r.node);
    if (!c) this.counts.set(r.node, (c = r.node.outputs.map(() => 0)));
    c[r.output]!++;
  }
  count(r: IrRef): number {
    return this.counts.get(r.node)?.[r.output] ?? 0;
  }
}

/** Replaces every use of some values and drops nodes that nothing needs any more. */
export function substitute(ir: Ir, replacement: Map<IrNode, (output: number) => IrRef>): void {
  const resolve = (r: IrRef): IrRef => {
    let at = r;
    for (let f = replacement.get(at.node); f; f = replacement.get(at.node)) {
      const next = f(at.output);
      if (sameRef(next, at)) break;
      at = next;
    }
    return at;
  };
  for (const n of ir.nodes) n.inputs = n.inputs.map(resolve);
  for (const map of [ir.outputs, ir.updates]) for (const [k, r] of map) map.set(k, resolve(r));
  sortIr(ir);
}

/** Topological order from scratch (rewrites add nodes anywhere); unused nodes disappear. */
export function sortIr(ir: Ir): void {
  const order: IrNode[] = [];
  const seen = new Set<IrNode>();
  for (const root of [...ir.outputs.values(), ...ir.updates.values()])
    visit(root.node, (n) => n.inputs.map((r) => r.node), seen, order);
  ir.nodes = order;
}

/** Depth-first postorder without recursion. */
export function visit(
  root: IrNode,
  children: (n: IrNode) => readonly IrNode[],
  seen: Set<IrNode>,
  order: IrNode[],
): void {
  if (seen.has(root)) return;
  seen.add(root);
  const stack = [{ node: root, next: 0, list: children(root) }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const child = top.list[top.next++];
    if (!child) {
      order.push(top.node);
      stack.pop();
    } else if (!seen.has(child)) {
      seen.add(child);
      stack.push({ node: child, next: 0, list: children(child) });
    }
  }
}

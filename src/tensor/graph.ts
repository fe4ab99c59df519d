import type { Node, Tensor } from './node.js';
import { shapeContext } from './ops/define.js';
import type { OpAttrs, OpName } from './ops/signatures.js';
import { opDef } from './ops/table.js';
import type { Phase } from './scope.js';
import { formatShape, ShapeError, sameShape, type TensorType } from './shape.js';
import { topologicalOrder } from './topology.js';

/** Output `output` of node number `node`. */
export type ValueRef = readonly [node: number, output: number];

export interface GraphNode<K extends OpName = OpName> {
  readonly op: K;
  readonly attrs: OpAttrs[K];
  readonly inputs: readonly ValueRef[];
  readonly outputs: readonly TensorType[];
  readonly label: string;
  readonly phase: Phase;
}

/**
 * A pure function (inputs, state) to (outputs, new state) as plain data: nodes in topological order, named values
 * to bring back, and named states with the values they take after the run.
 */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly outputs: Readonly<Record<string, ValueRef>>;
  readonly updates: Readonly<Record<string, ValueRef>>;
}

export interface GraphSpec {
  readonly outputs?: Readonly<Record<string, Tensor>>;
  /** State name to its value after the run. */
  readonly updates?: Readonly<Record<string, Tensor>>;
}

/** Collects everything the given tensors depend on into plain data. Unused nodes are not in it. */
export function buildGraph({ outputs = {}, updates = {} }: GraphSpec): Graph {
  const roots = [...Object.values(outputs), ...Object.values(updates)];
  const order = topologicalOrder(roots);
  const ids = new Map<Node, number>(order.map((n, i) => [n, i]));
  const ref = (t: Tensor): ValueRef => [ids.get(t.node)!, t.index];
  const refs = (of: Readonly<Record<string, Tensor>>) =>
    Object.fromEntries(Object.entries(of).map(([name, t]) => [name, ref(t)]));
  return {
    nodes: order.map((n) => ({
      op: n.op,
      attrs: { ...n.attrs },
      inputs: n.inputs.map(ref),
      outputs: n.outputs,
      label: n.label,
      phase: n.phase,
    })),
    outputs: refs(outputs),
    updates: refs(updates),
  };
}

/** Type of a value. */
export const typeOf = (graph: Graph, [node, output]: ValueRef): TensorType => graph.nodes[node]!.outputs[output]!;

/** The names and types of a graph's `input` or `state` nodes. */
export function sources(graph: Graph, op: 'input' | 'state'): Map<string, TensorType> {
  const found = new Map<string, TensorType>();
  for (const node of graph.nodes)
    if (node.op === op) found.set((node.attrs as OpAttrs['input']).name, node.outputs[0]!);
  return found;
}

/**
 * States every rule a graph must obey and throws `ShapeError` at the first that is broken: known ops, inputs that
 * come before their users, arity, shapes as the shape rules say, one type for each input and state name, updates
 * that keep their state's type.
 */
export function verifyGraph(graph: Graph): void {
  const bad = (i: number, message: string): never => {
    throw new ShapeError(`graph node ${i} (${graph.nodes[i]?.op}): ${message}`);
  };
  const checkRef = (i: number, [n, o]: ValueRef) => {
    if (!(n >= 0 && n < i))
      bad(Math.min(i, graph.nodes.length - 1), `takes a value of node ${n}, which does not come before it`);
    if (!graph.nodes[n]!.outputs[o]) bad(n, `has no output ${o}`);
  };
  const named = { input: new Map<string, TensorType>(), state: new Map<string, TensorType>() };
  for (const [i, node] of graph.nodes.entries()) {
    const def = opDef(node.op);
    if (!def) bad(i, 'unknown operation');
    for (const r of node.inputs) checkRef(i, r);
    const inputs = node.inputs.map((r) => typeOf(graph, r));
    if (inputs.length < def.arity[0] || inputs.length > def.arity[1])
      bad(i, `takes ${def.arity[0]} to ${def.arity[1]} inputs, has ${inputs.length}`);
    const outputs = def.shape(inputs, node.attrs as never, shapeContext(node.op, inputs, node.label));
    if (outputs.length !== node.outputs.length) bad(i, `should have ${outputs.length} outputs`);
    for (const [o, t] of outputs.entries())
      if (!sameType(t, node.outputs[o]!))
        bad(i, `output ${o} should be ${show(t)}, is declared as ${show(node.outputs[o]!)}`);
    if (node.op === 'input' || node.op === 'state') {
      const { name } = node.attrs as OpAttrs['input'];
      const before = named[node.op].get(name);
      if (before && !sameType(before, node.outputs[0]!))
        bad(i, `"${name}" is ${show(before)} elsewhere and ${show(node.outputs[0]!)} here`);
      named[node.op].set(name, node.outputs[0]!);
    }
  }
  for (const r of [...Object.values(graph.outputs), ...Object.values(graph.updates)]) checkRef(graph.nodes.length, r);
  for (const [name, r] of Object.entries(graph.updates)) {
    const state = named.state.get(name);
    if (state && !sameType(state, typeOf(graph, r)))
      throw new ShapeError(`state "${name}" is ${show(state)} and cannot take ${show(typeOf(graph, r))}`);
  }
}

const sameType = (a: TensorType, b: TensorType) => a.dtype === b.dtype && sameShape(a.shape, b.shape);
const show = (t: TensorType) => `${t.dtype}${formatShape(t.shape)}`;

import type { Graph, GraphNode, ValueRef } from './graph.js';
import type { OpAttrs } from './ops/signatures.js';
import { numel, sameShape } from './shape.js';

/** Simplifies, merges equal subexpressions and removes dead code. Values do not change by a bit. */
export function optimise(graph: Graph): Graph {
  return prune(mergeEqual(simplify(graph)));
}

/** Removes nodes that no output and no update needs. */
export function prune(graph: Graph): Graph {
  const live = new Uint8Array(graph.nodes.length);
  for (const [n] of [...Object.values(graph.outputs), ...Object.values(graph.updates)]) live[n] = 1;
  for (let i = graph.nodes.length - 1; i >= 0; i--) if (live[i]) for (const [n] of graph.nodes[i]!.inputs) live[n] = 1;
  return rewrite(graph, (node, i) => (live[i] ? node : undefined));
}

/** Merges nodes that apply one op with equal attributes to the same values (common subexpressions). */
export function mergeEqual(graph: Graph): Graph {
  const seen = new Map<string, number>();
  const arrays = new Map<unknown, number>();
  return rewrite(graph, (node, i) => {
    const key = `${node.op}|${node.inputs.map(([n, o]) => `${n}.${o}`).join()}|${attrsKey(node, arrays)}`;
    const before = seen.get(key);
    if (before !== undefined) return before;
    seen.set(key, i);
    return node;
  });
}

const SMALL = 64;

/** Attributes as a string; large literals count as equal only if they are the same array. */
function attrsKey(node: GraphNode, arrays: Map<unknown, number>): string {
  if (node.op !== 'constant')
    // JSON has no infinities and no negative zero.
    return JSON.stringify(node.attrs, (_k, v) =>
      Object.is(v, -0) ? '-0' : typeof v === 'number' && !Number.isFinite(v) ? String(v) : v,
    );
  const { shape, dtype, data } = node.attrs as OpAttrs['constant'];
  if (!arrays.has(data)) arrays.set(data, arrays.size);
  return `${dtype}[${shape.join()}]${data.length <= SMALL ? [...data].map((v) => (Object.is(v, -0) ? '-0' : v)).join() : `#${arrays.get(data)}`}`;
}

/** Rewrites that are exact in floating point: x * 1, x / 1, reshapes and broadcasts that change nothing or only one number. */
export function simplify(graph: Graph): Graph {
  const done: GraphNode[] = [];
  const isScalar = ([n]: ValueRef, value: number) => {
    const node = done[n]!;
    return node.op === 'full' && numel(node.outputs[0]!.shape) === 1 && (node.attrs as OpAttrs['full']).value === value;
  };
  const typeAt = ([n, o]: ValueRef) => done[n]!.outputs[o]!;
  return rewrite(graph, (node, i) => {
    done[i] = node;
    const out = node.outputs[0];
    const [a, b] = node.inputs;
    const keeps = (x: ValueRef) => typeAt(x).dtype === out!.dtype && sameShape(typeAt(x).shape, out!.shape);
    if ((node.op === 'mul' || node.op === 'div') && isScalar(b!, 1) && keeps(a!)) return a!;
    if (node.op === 'mul' && isScalar(a!, 1) && keeps(b!)) return b!;
    if (node.op === 'reshape' || node.op === 'broadcastTo' || node.op === 'cast') {
      if (keeps(a!)) return a!;
      const from = done[a![0]]!;
      if (from.op === 'full' && node.op !== 'cast') {
        const attrs = { ...(from.attrs as OpAttrs['full']), shape: out!.shape };
        return (done[i] = { ...node, op: 'full', attrs, inputs: [] });
      }
      if (from.op === 'reshape' && node.op === 'reshape') return (done[i] = { ...node, inputs: from.inputs });
    }
    return node;
  });
}

/**
 * Rebuilds a graph node by node. `change` sees each node with its original number and inputs that refer to original
 * numbers already replaced; it returns the node to keep, the number of an earlier equal node, an earlier value that
 * stands for output 0, or undefined to drop it.
 */
function rewrite(
  graph: Graph,
  change: (node: GraphNode, index: number) => GraphNode | number | ValueRef | undefined,
): Graph {
  // `alias` maps values to the original values that stand for them; `moved` original numbers to new ones.
  const alias = new Map<number, number | ValueRef>();
  const moved = new Int32Array(graph.nodes.length).fill(-1);
  const nodes: GraphNode[] = [];
  const resolve = ([n, o]: ValueRef): ValueRef => {
    const other = alias.get(n);
    if (other === undefined) return [n, o];
    return typeof other === 'number' ? [other, o] : other;
  };
  const kept: GraphNode[] = [];
  for (const [i, old] of graph.nodes.entries()) {
    const node = { ...old, inputs: old.inputs.map(resolve) };
    const result = change(node, i);
    if (result === undefined) continue;
    if (typeof result === 'number') alias.set(i, result);
    else if (isRef(result)) alias.set(i, resolve(result));
    else {
      moved[i] = kept.length;
      kept.push(result);
    }
  }
  const renumber = (r: ValueRef): ValueRef => {
    const [n, o] = resolve(r);
    return [moved[n]!, o];
  };
  for (const node of kept) nodes.push({ ...node, inputs: node.inputs.map(([n, o]) => [moved[n]!, o] as const) });
  const refs = (of: Graph['outputs']) => Object.fromEntries(Object.entries(of).map(([k, r]) => [k, renumber(r)]));
  return { nodes, outputs: refs(graph.outputs), updates: refs(graph.updates) };
}

const isRef = (r: GraphNode | ValueRef): r is ValueRef => Array.isArray(r);

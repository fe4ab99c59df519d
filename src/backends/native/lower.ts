import type { Graph } from '../../tensor/graph.js';
import { optimise } from '../../tensor/passes.js';
import { fuseElementwise } from './cluster.js';
import { type LoweredGraph, sortIr, toIr } from './ir.js';
import { applyPatterns } from './patterns.js';
import { schedule } from './schedule.js';

/**
 * From the graph of ops to what the C++ side compiles: simplified, with the groups fused that one kernel does
 * together, element-wise chains as single passes, in order of execution.
 * @throws if the graph holds float64 values, which only the reference backend computes
 */
export function lower(graph: Graph): LoweredGraph {
  for (const node of graph.nodes)
    if (node.outputs.some((t) => t.dtype === 'float64'))
      throw new Error(
        `${node.label ? `${node.label}: ` : ''}${node.op} computes in float64, which the native engine does not offer: use float32, or the reference backend (--device reference)`,
      );
  const ir = toIr(optimise(graph));
  applyPatterns(ir);
  fuseElementwise(ir);
  sortIr(ir);
  const { nodes, late } = schedule(ir);
  const number = new Map(nodes.map((n, i) => [n, i] as const));
  const ref = (r: { node: (typeof nodes)[number]; output: number }) => [number.get(r.node)!, r.output] as const;
  return {
    nodes: nodes.map((n) => ({ ...n, inputs: n.inputs.map(ref) })),
    outputs: [...ir.outputs].map(([name, r]) => [name, ref(r)] as const),
    updates: [...late].map(([name, r]) => [name, ref(r)] as const),
  };
}

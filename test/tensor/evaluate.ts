import { allocate } from '../../src/tensor/dtype.js';
import { buildGraph, type Graph, type ValueRef } from '../../src/tensor/graph.js';
import type { Tensor } from '../../src/tensor/node.js';
import type { OpAttrs, OpName } from '../../src/tensor/ops/signatures.js';
import { opDef } from '../../src/tensor/ops/table.js';
import { type HostTensor, numel, type TensorType } from '../../src/tensor/shape.js';

/** Runs one reference kernel on fresh outputs. */
export function runKernel(
  op: OpName,
  inputs: readonly HostTensor[],
  outputs: readonly TensorType[],
  attrs: unknown,
): HostTensor[] {
  const fresh = outputs.map((t) => ({ ...t, data: allocate(t.dtype, numel(t.shape)) }));
  opDef(op).kernel(inputs, fresh, attrs as never);
  return fresh;
}

/** All values of a graph, node by node, by the reference kernels alone: no backend in between. */
export function runGraph(graph: Graph, feeds: Readonly<Record<string, HostTensor>> = {}) {
  const values: HostTensor[][] = [];
  for (const node of graph.nodes) {
    if (node.op === 'input' || node.op === 'state') {
      const name = (node.attrs as OpAttrs['input']).name;
      const value = feeds[name];
      if (!value) throw new Error(`no value for "${name}"`);
      values.push([value]);
    } else {
      const inputs = node.inputs.map(([n, o]) => values[n]![o]!);
      values.push(runKernel(node.op, inputs, node.outputs, node.attrs));
    }
  }
  const named = (refs: Readonly<Record<string, ValueRef>>): Record<string, HostTensor> =>
    Object.fromEntries(Object.entries(refs).map(([name, [n, o]]) => [name, values[n]![o]!]));
  return { outputs: named(graph.outputs), updates: named(graph.updates) };
}

/** Values of symbolic tensors. */
export function valuesOf(tensors: readonly Tensor[], feeds: Readonly<Record<string, HostTensor>> = {}): HostTensor[] {
  const graph = buildGraph({ outputs: Object.fromEntries(tensors.map((t, i) => [`t${i}`, t])) });
  const { outputs } = runGraph(graph, feeds);
  return tensors.map((_, i) => outputs[`t${i}`]!);
}

import { multiplyAdds } from '../../tensor/cost.js';
import { bytesPerElement } from '../../tensor/dtype.js';
import { numel, type TensorType } from '../../tensor/shape.js';
import type { StepInfo } from '../backend.js';
import type { RawStep } from './addon.js';
import type { LoweredGraph, LoweredNode } from './ir.js';

/** The add-on hands a node's label on to its steps: with the node's number in it, a step says which node it is of. */
export const numbered = (graph: LoweredGraph): LoweredGraph => ({
  ...graph,
  nodes: graph.nodes.map((node, i) => ({ ...node, label: `${node.label}#${i}` })),
});

/** A message of the add-on about a numbered graph, as a person wants to read it. */
export const unnumbered = (message: string): string => message.replace(/(?:^#\d+: |#\d+(?=: ))/, '');

/** What the steps of a numbered graph are and cost. */
export function describeSteps(graph: LoweredGraph, steps: readonly RawStep[]): StepInfo[] {
  const seen = new Set<number>();
  return steps.map(({ op, label, impl }) => {
    const number = Number(label.slice(label.lastIndexOf('#') + 1));
    const node = graph.nodes[number]!;
    // Beside the work itself a node may bring its values into other layouts, or copy them, which counts as nothing.
    const isWork = !MOVES.has(op) && !seen.has(number);
    if (isWork) seen.add(number);
    const { flops, bytes } = isWork ? costOf(graph, node) : { flops: 0, bytes: 0 };
    return { op, label: node.label, impl, phase: node.phase, flops, bytes };
  });
}

/** Steps that bring a value of a node into another layout or place. */
const MOVES: ReadonlySet<string> = new Set(['reorder', 'update']);

function costOf(graph: LoweredGraph, node: LoweredNode): { flops: number; bytes: number } {
  const inputs = node.inputs.map(([n, o]) => graph.nodes[n]!.outputs[o]!);
  const stored = inputs.filter((_, i) => graph.nodes[node.inputs[i]![0]]!.op !== 'full');
  const bytes = [...stored, ...node.outputs].reduce((sum, t) => sum + bytesOf(t), 0);
  return { flops: 2 * multiplyAdds({ ...node, inputs }), bytes };
}

const bytesOf = ({ shape, dtype }: TensorType) => numel(shape) * bytesPerElement(dtype);

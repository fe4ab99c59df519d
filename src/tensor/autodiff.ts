import { full, type Node, Tensor } from './node.js';
import { opDef } from './ops/table.js';
import { withLayer, withPhase } from './scope.js';
import { formatShape, ShapeError } from './shape.js';
import { topologicalOrder } from './topology.js';

/**
 * Reverse-mode differentiation from graph to graph: the gradients are ordinary tensors of ordinary operations.
 *
 * @param of a scalar, or any tensor together with `upstream`, the gradient that flows into it
 * @param wrt the tensors to differentiate by; one gradient each, zeros where `of` does not depend on it
 * @throws ShapeError if `of` is no scalar and no upstream gradient is given
 */
export function gradients(of: Tensor, wrt: readonly Tensor[], upstream?: Tensor): Tensor[] {
  return withPhase('backward', () => differentiate(of, wrt, upstream));
}

function differentiate(of: Tensor, wrt: readonly Tensor[], upstream?: Tensor): Tensor[] {
  if (!upstream && of.rank !== 0)
    throw new ShapeError(`gradients: give an upstream gradient for a tensor of shape ${formatShape(of.shape)}`);
  const order = topologicalOrder([of]);
  const wantedValues = new Set<string>();
  const ids = new Map(order.map((n, i) => [n, i] as const));
  const key = (t: Tensor) => `${ids.get(t.node)}:${t.index}`;
  for (const t of wrt) if (ids.has(t.node)) wantedValues.add(key(t));

  // Forward sweep: which nodes lie on a path from a wanted tensor.
  const active = new Set<Node>();
  const isActive = (t: Tensor) => active.has(t.node) || wantedValues.has(key(t));
  for (const node of order) if (node.inputs.some(isActive)) active.add(node);

  const sums = new Map<string, Tensor>();
  const accumulate = (t: Tensor, g: Tensor) => {
    const k = key(t);
    const before = sums.get(k);
    sums.set(k, before ? before.add(g) : g);
  };
  accumulate(of, upstream ?? full([], 1, of.dtype));

  // Backward sweep: a node is visited after everything that uses it.
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    if (!active.has(node)) continue;
    const outputs = node.outputs.map((_, o) => new Tensor(node, o));
    const dy = outputs.map((t) => sums.get(key(t)));
    if (dy.every((g) => g === undefined)) continue;
    for (const [j, g] of inputGradients(node, outputs, dy, node.inputs.map(isActive)).entries())
      if (g && isActive(node.inputs[j]!)) accumulate(node.inputs[j]!, g);
  }
  return wrt.map((t) => sums.get(key(t)) ?? full(t.shape, 0, t.dtype));
}

function inputGradients(node: Node, outputs: Tensor[], dy: (Tensor | undefined)[], wanted: boolean[]) {
  const rule = opDef(node.op).gradient;
  if (typeof rule !== 'function') {
    const where = node.label ? `${node.label}: ` : '';
    throw new ShapeError(`${where}${node.op} has no gradient: ${rule.notDifferentiable}`);
  }
  // The backward pass carries the label of the layer it belongs to.
  return withLayer(node.label, () => rule({ inputs: node.inputs, outputs, dy, attrs: node.attrs as never, wanted }));
}

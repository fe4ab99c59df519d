import type { ImageShape } from '../models/registry.js';
import type { Module } from '../nn/module.js';
import type { Optimizer } from '../optim/optimizer.js';
import { gradients } from '../tensor/autodiff.js';
import { bytesPerElement } from '../tensor/dtype.js';
import { full, type Node, type Tensor } from '../tensor/node.js';
import type { OpName } from '../tensor/ops/signatures.js';
import { numel } from '../tensor/shape.js';
import { topologicalOrder } from '../tensor/topology.js';
import { isSource } from './cost.js';
import { traceModel } from './tracing.js';

/** Estimated bytes of a training step. */
export interface TrainingMemory {
  readonly batch: number;
  /** Parameters and running statistics. */
  readonly parameterBytes: number;
  readonly gradientBytes: number;
  /** The optimizer's slots (momentum, Adam's moments). */
  readonly optimizerBytes: number;
  /** What the forward pass must keep because the backward pass reads it. */
  readonly keptBytes: number;
  /** The most that intermediate values take at one time, kept ones included. */
  readonly activationBytes: number;
  /** Parameters, gradients, slots and intermediate values together. */
  readonly totalBytes: number;
}

/**
 * Estimates a training step's memory from its own graph: forward and backward are built as for training, and values
 * are freed after their last use. Counted as an engine that fuses element-wise work does it: such operations write
 * over an input that nobody needs any more, masks that go straight into another one are never stored, and of an
 * activation that the backward pass only asks for its sign a bit a value is kept. Scratch memory of convolution
 * algorithms is not in it.
 */
export function trainingMemory(
  model: Module,
  inputShape: ImageShape,
  batch: number,
  optimizer?: Optimizer,
): TrainingMemory {
  const { outputs, nodes: forward } = traceModel(model, inputShape, { batch, training: true });
  const states = [...model.states().values()];
  const parameters = [...model.parameters()].filter(([, p]) => p.requiresGrad);
  let score: Tensor | undefined;
  for (const output of outputs.values()) {
    const term = output.mul(full(output.shape, 1)).sum();
    score = score ? score.add(term) : term;
  }
  // Last layers first: a parameter is updated as soon as its gradient is there.
  const wrt = parameters.map(([, p]) => p).reverse();
  const grads = score ? gradients(score, wrt) : [];
  const { peak, kept } = simulate(topologicalOrder([...outputs.values(), ...grads]), new Set(forward), grads);
  const bytes = (t: Tensor) => numel(t.shape) * bytesPerElement(t.dtype);
  const sum = (tensors: readonly Tensor[]) => tensors.reduce((s, t) => s + bytes(t), 0);
  const slots = parameters.reduce((s, [path, p]) => {
    const group = optimizer?.groups.find((g) => g.matches(path));
    return s + (group?.slots.length ?? 0) * bytes(p);
  }, 0);
  const sizes = { parameterBytes: sum(states), gradientBytes: sum(wrt), optimizerBytes: slots };
  return {
    batch,
    ...sizes,
    keptBytes: kept,
    activationBytes: peak,
    totalBytes: sizes.parameterBytes + sizes.gradientBytes + slots + peak,
  };
}

const VIEWS: ReadonlySet<OpName> = new Set(['reshape', 'broadcastTo']);
const ELEMENTWISE: ReadonlySet<OpName> = new Set<OpName>([
  ...(['neg', 'abs', 'sign', 'exp', 'log', 'sqrt', 'reciprocal', 'floor', 'tanh', 'sigmoid', 'relu'] as const),
  ...(['softplus', 'isFinite', 'not', 'cast', 'add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum'] as const),
  ...(['equal', 'less', 'lessEqual', 'and', 'or', 'where', 'bceWithLogits', 'dropout'] as const),
]);

/** One output of a node in the walk below. */
interface Value {
  readonly maker: Node;
  readonly bytes: number;
  /** Positions in the order of the nodes that use it, ascending. */
  readonly users: number[];
}

/** Walks the nodes in order and frees each value after its last use; gradients of parameters are counted elsewhere. */
function simulate(order: readonly Node[], forward: ReadonlySet<Node>, results: readonly Tensor[]) {
  const values = valuesOf(order, forward, results);
  const isForward = (i: number) => forward.has(order[i]!);
  const freed: Value[][] = order.map(() => []);
  const shrunk: Value[][] = order.map(() => []);
  const rest = new Map<Value, number>();
  let kept = 0;
  for (const [i, node] of order.entries())
    for (const value of values.get(node)!) {
      if (value.maker !== node) continue;
      const later = value.users.filter((u) => !isForward(u));
      freed[value.users.at(-1) ?? i]!.push(value);
      // Where the backward pass only asks for the sign, the rest goes after the last use of the forward pass.
      const signOnly = forward.has(node) && later.length > 0 && later.every((u) => order[u]!.op === 'less');
      rest.set(value, signOnly ? Math.ceil(value.bytes / 32) : value.bytes);
      if (signOnly) shrunk[value.users.filter(isForward).at(-1) ?? i]!.push(value);
      if (forward.has(node) && later.length > 0) kept += rest.get(value)!;
    }

  let live = 0;
  let peak = 0;
  for (const [i, node] of order.entries()) {
    const made = values.get(node)!.filter((v) => v.maker === node);
    const dying = freed[i]!;
    const same = (v: Value) => v.bytes === made[0]?.bytes && rest.get(v) === v.bytes && v.maker !== node;
    const overwritten = ELEMENTWISE.has(node.op) ? dying.find(same) : undefined;
    live += made.reduce((sum, v) => sum + v.bytes, 0) - (overwritten?.bytes ?? 0);
    peak = Math.max(peak, live);
    for (const v of dying) if (v !== overwritten) live -= rest.get(v)!;
    for (const v of shrunk[i]!) live -= v.bytes - rest.get(v)!;
  }
  return { peak, kept };
}

/** The values of each node; a view has those of what it shows. Sources, gradients and fused values take no bytes. */
function valuesOf(
  order: readonly Node[],
  forward: ReadonlySet<Node>,
  results: readonly Tensor[],
): Map<Node, readonly Value[]> {
  const outside = new Set(results.map((t) => t.node));
  const values = new Map<Node, readonly Value[]>();
  const usersOf = new Map<Node, Node[]>();
  for (const node of order) for (const t of node.inputs) usersOf.set(t.node, [...(usersOf.get(t.node) ?? []), node]);
  const isFused = (node: Node) => {
    const by = usersOf.get(node) ?? [];
    return !forward.has(node) && ELEMENTWISE.has(node.op) && by.length === 1 && ELEMENTWISE.has(by[0]!.op);
  };
  for (const [i, node] of order.entries()) {
    for (const t of node.inputs) values.get(t.node)![t.index]!.users.push(i);
    if (VIEWS.has(node.op)) {
      values.set(node, [values.get(node.inputs[0]!.node)![node.inputs[0]!.index]!]);
      continue;
    }
    const free = isSource(node) || outside.has(node) || isFused(node);
    values.set(
      node,
      node.outputs.map((t) => ({
        maker: node,
        bytes: free ? 0 : numel(t.shape) * bytesPerElement(t.dtype),
        users: [],
      })),
    );
  }
  return values;
}

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

/** Walks the nodes in order and frees each value after its last use; gradients of parameters are counted elsewhere. */
function simulate(order: readonly Node[], forward: ReadonlySet<Node>, results: readonly Tensor[]) {
  // A view shares the memory of what it shows.
  const owner = new Map<Node, Node>();
  const resolve = (n: Node): Node => owner.get(n) ?? n;
  for (const n of order) if (VIEWS.has(n.op)) owner.set(n, resolve(n.inputs[0]!.node));

  const index = new Map(order.map((n, i) => [n, i] as const));
  const users = new Map<Node, Node[]>();
  const last = new Map<Node, number>();
  for (const [i, node] of order.entries()) {
    for (const t of node.inputs) {
      const from = resolve(t.node);
      if (!users.has(from)) users.set(from, []);
      users.get(from)!.push(node);
      last.set(from, i);
    }
  }
  const outside = new Set(results.map((t) => resolve(t.node)));
  const size = (n: Node) => {
    if (isSource(n) || owner.has(n) || outside.has(n)) return 0;
    const by = users.get(n) ?? [];
    const fused = ELEMENTWISE.has(n.op) && by.length === 1 && ELEMENTWISE.has(by[0]!.op) && !forward.has(n);
    return fused ? 0 : n.outputs.reduce((s, t) => s + numel(t.shape) * bytesPerElement(t.dtype), 0);
  };

  // Values of which, from some node on, only the sign is needed: there the rest of them is freed.
  const shrinkAt = new Map<number, Node[]>();
  const signs = new Set<Node>();
  for (const node of forward) {
    const by = users.get(node) ?? [];
    const later = by.filter((u) => !forward.has(u));
    if (size(node) === 0 || later.length === 0 || later.some((u) => u.op !== 'less')) continue;
    signs.add(node);
    const at = Math.max(index.get(node)!, ...by.filter((u) => forward.has(u)).map((u) => index.get(u)!));
    shrinkAt.set(at, [...(shrinkAt.get(at) ?? []), node]);
  }
  const rest = (n: Node) => (signs.has(n) ? Math.ceil(size(n) / 32) : size(n));

  let live = 0;
  let peak = 0;
  let kept = 0;
  for (const [i, node] of order.entries()) {
    const inputs = new Set(node.inputs.map((t) => resolve(t.node)));
    const dying = [...inputs].filter((n) => last.get(n) === i);
    const own = size(node);
    const overwritten = ELEMENTWISE.has(node.op) ? dying.find((n) => size(n) === own && !signs.has(n)) : undefined;
    if (overwritten) live -= own;
    live += own;
    peak = Math.max(peak, live);
    for (const n of dying) if (n !== overwritten) live -= rest(n);
    for (const n of shrinkAt.get(i) ?? []) live -= size(n) - rest(n);
    if (!users.has(node) && !owner.has(node)) live -= own;
    if (forward.has(node) && users.get(node)?.some((u) => !forward.has(u))) kept += rest(node);
  }
  return { peak, kept };
}

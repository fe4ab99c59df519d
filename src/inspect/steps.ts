import type { Module } from '../nn/module.js';
import type { Node, Tensor } from '../tensor/node.js';
import type { OpAttrs, OpName, Pair } from '../tensor/ops/signatures.js';
import { isSource } from './cost.js';
import type { TracedModel } from './tracing.js';

/** What a step does, as drawings tell them apart. */
export type StepKind =
  | 'input'
  | 'conv'
  | 'upconv'
  | 'maxpool'
  | 'avgpool'
  | 'globalpool'
  | 'resize'
  | 'linear'
  | 'norm'
  | 'concat'
  | 'add'
  | 'crop'
  | 'other';

/**
 * A principal operation together with what directly follows it (batch normalisation, activation, dropout): what a
 * paper's figure draws as one box.
 */
export interface Step {
  readonly id: number;
  readonly kind: StepKind;
  /** Path of the layer that it comes from. */
  readonly path: string;
  /** Window of convolutions and pools. */
  readonly kernel?: Pair;
  readonly windowStride?: Pair;
  /** What follows it: `batchNorm`, `relu`, ... */
  readonly followedBy: string[];
  /** Without the batch: [C, H, W] or [features]. Of the step with what follows it. */
  shape: readonly number[];
  readonly inputs: Step[];
  readonly users: Step[];
}

/** A network as steps that pass values on, without arithmetic that only rearranges or rescales. */
export interface StepGraph {
  readonly input: Step;
  readonly outputs: ReadonlyMap<string, Step>;
  /** In order of computation. */
  readonly steps: readonly Step[];
  /** The step that each operation on the image belongs to. */
  readonly of: ReadonlyMap<Node, Step>;
}

const KINDS: Partial<Record<OpName, StepKind>> = {
  conv2d: 'conv',
  convTranspose2d: 'upconv',
  maxPool2d: 'maxpool',
  avgPool2d: 'avgpool',
  adaptiveAvgPool2d: 'avgpool',
  resize2d: 'resize',
  matmul: 'linear',
  localResponseNorm: 'norm',
  concat: 'concat',
};

/** Operations with one image-dependent input that a figure does not draw as a box of their own. */
const FOLLOWERS: ReadonlySet<OpName> = new Set<OpName>([
  ...(['batchNorm', 'batchNormInference', 'relu', 'tanh', 'sigmoid', 'softplus', 'dropout', 'softmax'] as const),
  ...(['logSoftmax', 'neg', 'abs', 'exp', 'log', 'sqrt', 'cast', 'reshape', 'broadcastTo', 'permute'] as const),
  ...(['mul', 'sub', 'div', 'pow', 'maximum', 'minimum', 'where', 'pad', 'add'] as const),
]);
const NAMED: ReadonlySet<OpName> = new Set<OpName>([
  ...(['batchNorm', 'batchNormInference', 'relu', 'tanh', 'sigmoid', 'dropout', 'softmax', 'logSoftmax'] as const),
]);

/** Where a figure keeps the shape from before: flattened maps are still maps. */
const REARRANGES: ReadonlySet<OpName> = new Set<OpName>(['reshape', 'broadcastTo', 'permute']);

/** Reads the steps of a traced network. */
export function stepsOf({ nodes, image, outputs, modules }: TracedModel): StepGraph {
  const steps: Step[] = [];
  const of = new Map<Node, Step>();
  const make = (kind: StepKind, node: Node, from: readonly Step[]): Step => {
    const step: Step = {
      id: steps.length,
      kind,
      path: node.label,
      ...windowOf(node),
      followedBy: [],
      shape: node.outputs[0]!.shape.slice(1),
      inputs: [...from],
      users: [],
    };
    for (const f of from) f.users.push(step);
    steps.push(step);
    of.set(node, step);
    return step;
  };
  const first = make('input', image.node, []);
  for (const node of nodes) {
    if (isSource(node) || of.has(node)) continue;
    const from = [...new Set(node.inputs.map((t) => of.get(t.node)).filter((s) => s !== undefined))];
    if (from.length === 0) continue;
    if (node.op === 'slice' && from.length === 1 && from[0] === first) {
      // Channels taken apart to be normalised (GoogLeNet's transform_input) are still the image.
      of.set(node, first);
      continue;
    }
    const kind = KINDS[node.op] ?? (node.op === 'slice' ? 'crop' : undefined);
    if (kind === 'concat' && from.length === 1) {
      of.set(node, from[0]!);
      continue;
    }
    if (kind === 'avgpool' && isGlobal(node)) make('globalpool', node, from);
    else if (kind) make(kind, node, from);
    else if (from.length > 1) make(node.op === 'add' ? 'add' : 'other', node, from);
    else if (FOLLOWERS.has(node.op)) follow(from[0]!, node, of);
    else if (node.op === 'mean' || node.op === 'sum' || node.op === 'max')
      make(node.inputs[0]!.rank === 4 ? 'globalpool' : 'other', node, from);
    else make('other', node, from);
  }
  noteLayers(modules, steps);
  return {
    input: first,
    outputs: new Map([...outputs].map(([name, t]) => [name, of.get(t.node)!] as [string, Step])),
    steps,
    of,
  };
}

function follow(step: Step, node: Node, of: Map<Node, Step>): void {
  const name = node.op === 'batchNormInference' ? 'batchNorm' : node.op;
  if (NAMED.has(node.op) && step.kind !== 'input') step.followedBy.push(name);
  if (!REARRANGES.has(node.op)) step.shape = node.outputs[0]!.shape.slice(1);
  of.set(node, step);
}

const isGlobal = (node: Node) => node.outputs[0]!.shape[2] === 1 && node.outputs[0]!.shape[3] === 1;

function windowOf(node: Node): Pick<Step, 'kernel' | 'windowStride'> {
  switch (node.op) {
    case 'conv2d':
    case 'convTranspose2d': {
      const w = (node.inputs[1] as Tensor).shape;
      return { kernel: [w[2]!, w[3]!], windowStride: (node.attrs as OpAttrs['conv2d']).stride };
    }
    case 'maxPool2d':
    case 'avgPool2d': {
      const { kernel, stride } = node.attrs as OpAttrs['avgPool2d'];
      return { kernel, windowStride: stride };
    }
    default:
      return {};
  }
}

/** Dropout leaves no operation behind in use, but belongs into a figure. */
function noteLayers(modules: ReadonlyMap<string, Module>, steps: readonly Step[]): void {
  for (const [path, module] of modules) {
    if (module.constructor.name !== 'Dropout') continue;
    const before = steps.filter((s) => comesBefore(s.path, path));
    const step = before.at(-1);
    if (step && !step.followedBy.includes('dropout')) step.followedBy.push('dropout');
  }
}

/** Whether `a` is a sibling of `b` with a smaller number, as in a Sequential. */
function comesBefore(a: string, b: string): boolean {
  const [parentA, nameA] = split(a);
  const [parentB, nameB] = split(b);
  return parentA === parentB && /^\d+$/.test(nameA) && /^\d+$/.test(nameB) && Number(nameA) < Number(nameB);
}

const split = (path: string): [string, string] => {
  const dot = path.lastIndexOf('.');
  return dot < 0 ? ['', path] : [path.slice(0, dot), path.slice(dot + 1)];
};

import { buildGraph, type Graph, type GraphNode, type GraphSpec } from '../../tensor/graph.js';
import type { OpAttrs } from '../../tensor/ops/signatures.js';
import { optimise } from '../../tensor/passes.js';
import type { HostTensor, TensorType } from '../../tensor/shape.js';
import { type Dim, Emitter, type NodeView, OnnxError } from './emitter.js';
import { RULES, type Rule } from './rules.js';
import type { OnnxNode, OnnxTensor, OnnxValue } from './schema.js';

/** Describes a network's inference for images of a type: one `input`, named outputs. */
export type Describe = (image: TensorType) => GraphSpec;

/** The part of an ONNX model that computes. */
export interface Translated {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly input: OnnxValue;
  readonly outputs: readonly OnnxValue[];
}

export interface TranslateOptions {
  /** [C, H, W] */
  readonly imageShape: readonly [number, number, number];
  readonly imageType: 'uint8' | 'float32';
  /** Values by state name. */
  readonly states: ReadonlyMap<string, HostTensor>;
  /** Pixels of the ONNX input as channels, height, width (default) or as image decoders give them: height, width, channels. */
  readonly layout?: 'nchw' | 'nhwc';
}

/** Batches that are traced: what differs between the graphs is what depends on the number of images. */
const BATCHES = [5, 7] as const;

/** Name of the first size of the input. */
const BATCH = 'batch';

/**
 * Translates a network for images of one size and batches of any size.
 * @throws OnnxError, one sentence, for an operation that ONNX does not have or that is fixed to one batch size
 */
export function translate(describe: Describe, options: TranslateOptions): Translated {
  const { imageShape, imageType, states, layout = 'nchw' } = options;
  const [graph, other] = BATCHES.map((n) =>
    optimise(buildGraph(describe({ shape: [n, ...imageShape], dtype: imageType }))),
  ) as [Graph, Graph];
  checkSameComputation(graph, other);
  const sizes = new Sizes(graph, other);
  const image = graph.nodes.findIndex((n) => n.op === 'input');
  if (image < 0 || graph.nodes.filter((n) => n.op === 'input').length !== 1)
    throw new OnnxError('an ONNX file is written of a network with one input, the images');
  const inputName = (graph.nodes[image]!.attrs as OpAttrs['input']).name;

  const outputNames = Object.keys(graph.outputs);
  const to = new Emitter(inputName, [...outputNames, ...stateNames(graph)]);
  const values: string[][] = [];
  for (const [i, node] of graph.nodes.entries()) {
    to.label = node.label;
    if (node.op === 'state') values[i] = [stored(node as GraphNode<'state'>, states, to)];
    else if (i === image)
      values[i] = [layout === 'nchw' ? inputName : to.op('Transpose', [inputName], { perm: [0, 3, 1, 2] })];
    else {
      const refs = node.inputs;
      const view: NodeView = {
        attrs: node.attrs,
        inputs: refs.map(([n, o]) => values[n]![o]!),
        types: refs.map(([n, o]) => graph.nodes[n]!.outputs[o]!),
        out: node.outputs[0]!,
        dims: sizes.of(i, 0),
        inputDims: refs.map(([n, o]) => sizes.of(n, o)),
        label: node.label,
      };
      values[i] = [ruleOf(node)(view, to)];
    }
  }
  to.label = '';
  const outputs = Object.entries(graph.outputs).map(([name, [n, o]]): OnnxValue => {
    to.op('Identity', [values[n]![o]!], {}, name);
    const shape = sizes
      .of(n, o)
      .map((d) => (typeof d === 'number' ? d : d.perImage === 1 ? BATCH : `${d.perImage}*${BATCH}`));
    return { name, type: graph.nodes[n]!.outputs[o]!.dtype, shape };
  });
  const [c, h, w] = imageShape;
  return {
    nodes: joinOutputs(to.nodes, outputNames),
    initializers: to.initializers,
    input: { name: inputName, type: imageType, shape: layout === 'nchw' ? [BATCH, c, h, w] : [BATCH, h, w, c] },
    outputs,
  };
}

function ruleOf(node: GraphNode): (view: NodeView, to: Emitter) => string {
  const rule = RULES[node.op] as Rule<typeof node.op>;
  if (typeof rule === 'function') return rule as (view: NodeView, to: Emitter) => string;
  const why = {
    training: 'belongs to training',
    random: 'draws random numbers',
    source: 'is no computation',
  }[rule.unsupported];
  throw new OnnxError(
    `${node.op} ${why} and has no place in an ONNX file: export the network in evaluation mode`,
    node.label,
  );
}

const stateNames = (graph: Graph): string[] =>
  graph.nodes.flatMap((n) => (n.op === 'state' ? [(n.attrs as OpAttrs['state']).name] : []));

function stored(node: GraphNode<'state'>, states: ReadonlyMap<string, HostTensor>, to: Emitter): string {
  const { name } = node.attrs;
  const value = states.get(name);
  if (!value) throw new OnnxError(`"${name}" has no values yet: initialise the network or load weights first`);
  return to.store(name, { type: value.dtype, shape: value.shape, data: value.data });
}

/** Gives outputs their names at the node that makes them, where that is possible, instead of by a copy. */
function joinOutputs(nodes: readonly OnnxNode[], names: readonly string[]): OnnxNode[] {
  const uses = new Map<string, number>();
  for (const node of nodes) for (const name of node.inputs) uses.set(name, (uses.get(name) ?? 0) + 1);
  const renamed = new Map<string, string>();
  const made = new Set(nodes.flatMap((n) => n.outputs));
  const kept = nodes.filter((node) => {
    const [from, name] = [node.inputs[0]!, node.outputs[0]!];
    if (node.type !== 'Identity' || !names.includes(name) || uses.get(from) !== 1 || !made.has(from)) return true;
    renamed.set(from, name);
    return false;
  });
  return kept.map((node) => ({ ...node, outputs: node.outputs.map((o) => renamed.get(o) ?? o) }));
}

/** Sizes of values as functions of the batch, from two graphs. */
class Sizes {
  constructor(
    private readonly first: Graph,
    private readonly second: Graph,
  ) {}

  of(node: number, output: number): readonly Dim[] {
    const { op, label, outputs } = this.first.nodes[node]!;
    const other = this.second.nodes[node]!.outputs[output]!.shape;
    return outputs[output]!.shape.map((size, axis): Dim => {
      const grown = other[axis]!;
      if (size === grown) return size;
      const perImage = (grown - size) / (BATCHES[1] - BATCHES[0]);
      if (!Number.isInteger(perImage) || perImage * BATCHES[0] !== size)
        throw new OnnxError(
          `${op} gives ${size} values along axis ${axis} for ${BATCHES[0]} images and ${grown} for ${BATCHES[1]}, which is no multiple: an ONNX file is written of a network that treats images alike`,
          label,
        );
      return { perImage };
    });
  }
}

/** Attributes that hold shapes, which may grow with the batch; the rules read them from the sizes. */
const SHAPED = new Set<string>(['input', 'full', 'broadcastTo', 'reshape', 'slice']);

function checkSameComputation(a: Graph, b: Graph): void {
  const differs = (node: GraphNode | undefined, other: GraphNode | undefined) =>
    node?.op !== other?.op ||
    JSON.stringify(node?.inputs) !== JSON.stringify(other?.inputs) ||
    (node && other && !SHAPED.has(node.op) && !sameAttributes(node.attrs, other.attrs));
  const count = Math.max(a.nodes.length, b.nodes.length);
  for (let i = 0; i < count; i++) {
    if (!differs(a.nodes[i], b.nodes[i])) continue;
    const node = a.nodes[i] ?? b.nodes[i]!;
    throw new OnnxError(
      `${node.op} is another computation for ${BATCHES[0]} images than for ${BATCHES[1]}: an ONNX file is written of a network that treats batches of any size alike`,
      node.label,
    );
  }
}

function sameAttributes(a: object, b: object): boolean {
  return Object.entries(a).every(([key, value]) => {
    const other = (b as Record<string, unknown>)[key];
    if (ArrayBuffer.isView(value)) return String(value) === String(other);
    return JSON.stringify(value) === JSON.stringify(other);
  });
}

import { type Analysis, analyse, type LayerInfo } from '../../../inspect/analyse.js';
import { drawArchitecture } from '../../../inspect/draw/draw.js';
import { type ReceptiveField, receptiveFields } from '../../../inspect/receptive.js';
import { type Step, type StepGraph, stepsOf } from '../../../inspect/steps.js';
import { isLeaf, type TracedModel, traceModel } from '../../../inspect/tracing.js';
import type { ImageShape } from '../../../models/registry.js';
import type { Module } from '../../../nn/module.js';
import { type Node, Tensor } from '../../../tensor/node.js';
import type { GraphStep, NetworkGraph } from '../api.js';

export interface GraphOptions {
  readonly name: string;
  readonly inputShape: ImageShape;
  readonly classes: number;
  readonly task: NetworkGraph['task'];
}

/**
 * A network as boxes and wires, with what each box costs.
 * @throws ShapeError naming the layer if the network cannot take such an image
 */
export function networkGraph(net: Module, options: GraphOptions): NetworkGraph {
  const { name, inputShape, classes, task } = options;
  const analysis = analyse(net, { inputShape, batch: 1 });
  const used = read(net, inputShape, false);
  const training = read(net, inputShape, true);
  const order = inOrder(used.graph.steps);
  const twin = twins(used.graph, training.graph);
  const heads = training.graph.steps.filter((s) => !twin.has(s));
  const ids = new Map([...order, ...heads].map((step, id) => [step, id] as const));
  const idOf = (step: Step): number => ids.get(twin.get(step) ?? step)!;
  const costs = costsOf(analysis, used, training, (step) => twin.get(step) ?? step);
  const box = (reading: Reading, trainingOnly: boolean) => (step: Step) =>
    boxOf(step, reading, idOf, costs.get(step), trainingOnly);
  const steps = [...order.map(box(used, false)), ...heads.map(box(training, true))];
  const headOutputs = [...training.graph.outputs].filter(([, step]) => !twin.has(step));
  return {
    name,
    inputShape,
    classes,
    task,
    steps,
    outputs: [...used.graph.outputs, ...headOutputs].map(([called, step]) => ({ name: called, step: idOf(step) })),
    blocks: blocksOf(used.traced.modules, steps),
    totals: {
      parameters: analysis.parameters,
      multiplyAdds: analysis.multiplyAdds,
      activationBytes: analysis.activationBytes,
    },
    figure: drawArchitecture(net, { inputShape, title: name }),
  };
}

/**
 * The value of a step of {@link networkGraph}, with what follows it, in a trace of the network in use.
 * @returns undefined if there is no such step, or it runs in training only
 */
export function stepTensor(traced: TracedModel, id: number): { step: Step; tensor: Tensor } | undefined {
  const graph = stepsOf(traced);
  const step = inOrder(graph.steps)[id];
  if (!step) return undefined;
  const own = traced.nodes.filter((node) => graph.of.get(node) === step);
  // Flattened maps are still maps.
  const shape = String(step.shape);
  const node = own.findLast((n) => String(n.outputs[0]!.shape.slice(1)) === shape) ?? own.at(-1)!;
  return { step, tensor: new Tensor(node) };
}

/** One way through the network. */
interface Reading {
  readonly traced: TracedModel;
  readonly graph: StepGraph;
  readonly fields: ReadonlyMap<Node, ReceptiveField>;
  /** The operation that gave each step its name. */
  readonly principal: ReadonlyMap<Step, Node>;
}

function read(net: Module, inputShape: ImageShape, training: boolean): Reading {
  const traced = traceModel(net, inputShape, { training });
  const graph = stepsOf(traced);
  const principal = new Map<Step, Node>();
  for (const node of [traced.image.node, ...traced.nodes]) {
    const step = graph.of.get(node);
    if (step && !principal.has(step)) principal.set(step, node);
  }
  return { traced, graph, principal, fields: receptiveFields(traced.nodes, traced.image) };
}

/** A skip is cut out where it is used, however long ago it was made. */
function inOrder(steps: readonly Step[]): Step[] {
  const isLate = (step: Step) => step.kind === 'crop' && step.users.length === 1;
  return steps.filter((s) => !isLate(s)).flatMap((step) => [...step.inputs.filter(isLate), step]);
}

/** For each step of the network in training the same one of the network in use, where there is one. */
function twins(used: StepGraph, training: StepGraph): Map<Step, Step> {
  const known = numbered(used.steps);
  const found = new Map<Step, Step>();
  for (const [key, step] of numbered(training.steps)) {
    const twin = known.get(key);
    if (twin) found.set(step, twin);
  }
  return found;
}

/** Steps by path, kind and number among those of the same path and kind. */
function numbered(steps: readonly Step[]): Map<string, Step> {
  const counts = new Map<string, number>();
  return new Map(
    steps.map((step) => {
      const key = `${step.path}|${step.kind}`;
      const n = counts.get(key) ?? 0;
      counts.set(key, n + 1);
      return [`${key}|${n}`, step] as const;
    }),
  );
}

interface Cost {
  parameters: number;
  multiplyAdds: number;
  activationBytes: number;
}

/** What the analysis says of layers, added up by the steps that they belong to. */
function costsOf({ layers }: Analysis, used: Reading, training: Reading, known: (step: Step) => Step): Map<Step, Cost> {
  const costs = new Map<Step, Cost>();
  const [ofUsed, ofTraining] = [stepFinder(used), stepFinder(training)];
  for (const row of layers) {
    const step = row.trainingOnly ? ofTraining(row) : ofUsed(row);
    // Layers that nothing uses belong to no step.
    if (!step) continue;
    const cost = costs.get(known(step)) ?? { parameters: 0, multiplyAdds: 0, activationBytes: 0 };
    cost.parameters += row.parameters;
    cost.multiplyAdds += row.multiplyAdds;
    cost.activationBytes += row.activationBytes;
    costs.set(known(step), cost);
  }
  return costs;
}

/** Finds the step of a line of the analysis: of a layer by its output, of single operations by their order. */
function stepFinder({ traced, graph }: Reading): (row: LayerInfo) => Step | undefined {
  const { layers, modules, nodes } = traced;
  const left = [...nodes];
  let last: Step | undefined;
  const take = ({ path, kind, outputShape }: LayerInfo): Node | undefined => {
    const shape = String(outputShape);
    const at = left.findIndex(
      (n) => n.label === path && n.op === kind && String(n.outputs[0]!.shape.slice(1)) === shape,
    );
    return at < 0 ? undefined : left.splice(at, 1)[0];
  };
  return (row) => {
    if (row.outputShape.length === 0 && row.detail === 'not used') return undefined;
    const module = modules.get(row.path);
    const output = layers.get(row.path);
    const node = module && output && isLeaf(module) ? output.node : take(row);
    // What does not depend on the image (weights that are rescaled) counts to what stands before it.
    const step = (node && graph.of.get(node)) ?? graph.steps.find((s) => s.path === row.path) ?? last ?? graph.input;
    last = step;
    return step;
  };
}

function boxOf(
  step: Step,
  { fields, principal }: Reading,
  idOf: (step: Step) => number,
  cost: Cost = { parameters: 0, multiplyAdds: 0, activationBytes: 0 },
  trainingOnly: boolean,
): GraphStep {
  const field = fields.get(principal.get(step)!);
  return {
    id: idOf(step),
    kind: step.kind,
    path: step.path,
    ...(step.kernel ? { kernel: step.kernel } : {}),
    ...(step.windowStride ? { stride: step.windowStride } : {}),
    followedBy: step.followedBy,
    shape: step.shape,
    inputs: step.inputs.map(idOf),
    ...cost,
    receptiveField: field?.size ?? [0, 0],
    jump: field?.stride ?? [0, 0],
    wholeImage: field?.whole ?? false,
    trainingOnly,
  };
}

/** Modules that hold several steps side by side, the outer ones first; of those that hold the same the outermost. */
function blocksOf(modules: ReadonlyMap<string, Module>, steps: readonly GraphStep[]): NetworkGraph['blocks'] {
  const blocks: { path: string; kind: string; steps: number[] }[] = [];
  const seen = new Set([String(steps.map((s) => s.id))]);
  for (const [path, module] of modules) {
    if (path === '') continue;
    const own = steps.filter((s) => s.path === path || s.path.startsWith(`${path}.`)).map((s) => s.id);
    const together = own.every((id, i) => id === own[0]! + i);
    if (own.length < 2 || !together || seen.has(String(own))) continue;
    seen.add(String(own));
    blocks.push({ path, kind: module.constructor.name, steps: own });
  }
  return blocks;
}

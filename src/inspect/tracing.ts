import type { ImageShape } from '../models/registry.js';
import type { Module, Output } from '../nn/module.js';
import { trace } from '../nn/trace.js';
import { input, type Node, Tensor } from '../tensor/node.js';
import { topologicalOrder } from '../tensor/topology.js';

/** A network's computation on symbolic tensors, without values. */
export interface TracedModel {
  /** The image, float32 [N, C, H, W], an `input` called `image`. */
  readonly image: Tensor;
  /** By name; a network that gives one tensor calls it `output`. The first is the main one. */
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** Output of each layer that ran, by path, in order of computation. The network itself has the path ''. */
  readonly layers: ReadonlyMap<string, Tensor>;
  /** Everything that ran, inputs before users. */
  readonly nodes: readonly Node[];
  readonly modules: ReadonlyMap<string, Module>;
}

export interface TraceOptions {
  /** Default 1. */
  readonly batch?: number;
  /** Default false: as in use, without dropout and training-only outputs. */
  readonly training?: boolean;
}

/**
 * Runs `forward` on a symbolic image [batch, C, H, W]. Leaves the network's training flags as they were.
 * @throws ShapeError naming the layer if the image does not fit the network
 */
export function traceModel(
  model: Module,
  [channels, height, width]: ImageShape,
  { batch = 1, training = false }: TraceOptions = {},
): TracedModel {
  model.bindNames();
  const modules = new Map(model.modules());
  const flags = new Map([...modules.values()].map((m) => [m, m.training] as const));
  const image = input('image', [batch, channels, height, width]);
  model.train(training);
  try {
    const { result, trace: seen } = trace(input('rng', [2], 'int32'), () => model.forward(image));
    const outputs = namedOutputs(result);
    const layers = new Map<string, Tensor>();
    for (const [path, output] of seen.layers) layers.set(path, mainOutput(output));
    const nodes = topologicalOrder([...outputs.values(), ...layers.values()]);
    return { image, outputs, layers, nodes, modules };
  } finally {
    for (const [module, flag] of flags) module.training = flag;
  }
}

const namedOutputs = (output: Output): Map<string, Tensor> =>
  output instanceof Tensor ? new Map([['output', output]]) : new Map(Object.entries(output));

/** The only output, or the first of several by name. */
export const mainOutput = (output: Output): Tensor => (output instanceof Tensor ? output : Object.values(output)[0]!);

/** Whether a module is a layer (it has no modules below it) rather than a part of the network made of layers. */
export const isLeaf = (module: Module): boolean => module.children().next().done === true;

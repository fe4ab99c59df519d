import type { ImageShape } from '../models/registry.js';
import type { Module } from '../nn/module.js';
import { Buffer, Parameter } from '../nn/parameter.js';
import type { Optimizer } from '../optim/optimizer.js';
import { multiplyAdds } from '../tensor/cost.js';
import { bytesPerElement } from '../tensor/dtype.js';
import { type Node, Tensor } from '../tensor/node.js';
import { numel, type TensorType } from '../tensor/shape.js';
import { describeOp, isSource } from './cost.js';
import { type TrainingMemory, trainingMemory } from './memory.js';
import { receptiveFields } from './receptive.js';
import { isLeaf, type TracedModel, traceModel } from './tracing.js';

/** One line of the table: a layer, or an operation that a part of the network does itself (`concat`, `relu`). */
export interface LayerInfo {
  /** Where it is in the network, as in the names of its parameters. */
  readonly path: string;
  /** Class of the layer (`Conv2d`), or name of the operation. */
  readonly kind: string;
  /** Window and stride: `3x3/2`. */
  readonly detail: string;
  /** Without the batch: [C, H, W], or [features]. */
  readonly outputShape: readonly number[];
  /** Trainable values that this line is the first to use. */
  readonly parameters: number;
  /** For one image. */
  readonly multiplyAdds: number;
  /** Share of all multiply-adds, 0 to 1. */
  readonly share: number;
  /** Bytes of its output for one image in float32; 0 where it is only another view of its input. */
  readonly activationBytes: number;
  /** Height and width in pixels of what one value sees of the image, as if the image had no border. */
  readonly receptiveField: readonly [number, number];
  /** Pixels of the image between neighbouring values. */
  readonly stride: readonly [number, number];
  /** Each value sees the whole image. */
  readonly wholeImage: boolean;
  /** Runs in training only (auxiliary heads); not in the totals of multiply-adds and activations. */
  readonly trainingOnly: boolean;
}

/** What a network costs. */
export interface Analysis {
  /** Class of the network. */
  readonly network: string;
  readonly inputShape: ImageShape;
  /** By name, without the batch. */
  readonly outputShapes: Readonly<Record<string, readonly number[]>>;
  /** All trainable values, frozen ones and training-only parts included. */
  readonly parameters: number;
  /** Of those, what a prediction uses. */
  readonly inferenceParameters: number;
  /** For a prediction for one image. */
  readonly multiplyAdds: number;
  /** Bytes of all layers' outputs for one image. */
  readonly activationBytes: number;
  readonly layers: readonly LayerInfo[];
  readonly training: TrainingMemory;
}

export interface AnalyseOptions {
  readonly inputShape: ImageShape;
  /** Batch size of the training memory; default 32. */
  readonly batch?: number;
  /** Its slots count in the training memory; none when left out. */
  readonly optimizer?: Optimizer;
}

/**
 * Says what each layer of a network costs, from its graph alone: no weights are needed and nothing is computed.
 *
 * ```ts
 * const { multiplyAdds, layers } = analyse(models.createModel('lenet'), { inputShape: [1, 28, 28] });
 * ```
 * @throws ShapeError naming the layer if the network cannot take such an image
 */
export function analyse(model: Module, { inputShape, batch = 32, optimizer }: AnalyseOptions): Analysis {
  const used = traceModel(model, inputShape);
  const counted = new Set<Parameter>();
  const rows = rowsOf(used, counted, false);
  const inferenceParameters = rows.reduce((sum, r) => sum + r.parameters, 0);
  const total = rows.reduce((sum, r) => sum + r.multiplyAdds, 0);
  const training = traceModel(model, inputShape, { training: true });
  const extra = rowsOf(training, counted, true, new Set(used.layers.keys()));
  const layers = [...rows, ...extra, ...unusedRows(model, counted)].map((row) => ({
    ...row,
    share: row.trainingOnly || total === 0 ? 0 : row.multiplyAdds / total,
  }));
  const withoutBatch = (t: Tensor) => t.shape.slice(1);
  return {
    network: model.constructor.name,
    inputShape,
    outputShapes: Object.fromEntries([...used.outputs].map(([name, t]) => [name, withoutBatch(t)])),
    parameters: model.parameterCount(),
    inferenceParameters,
    multiplyAdds: total,
    activationBytes: rows.reduce((sum, r) => sum + r.activationBytes, 0),
    layers,
    training: trainingMemory(model, inputShape, batch, optimizer),
  };
}

const bytesOf = (t: TensorType) => numel(t.shape) * bytesPerElement(t.dtype);

/** Operations whose result is their input seen differently, or a number repeated: they take no memory of their own. */
const VIEWS: ReadonlySet<string> = new Set(['reshape', 'broadcastTo']);

/**
 * Rows of a trace in order of computation. Nodes belong to the layer whose path they carry; what a part of the
 * network computes outside of its layers becomes a row per operation.
 */
function rowsOf(
  { nodes, layers, modules, image }: TracedModel,
  counted: Set<Parameter>,
  trainingOnly: boolean,
  known: ReadonlySet<string> = new Set(),
): LayerInfo[] {
  const fields = receptiveFields(nodes, image);
  const order = new Map(nodes.map((n, i) => [n, i] as const));
  const isLayer = (path: string) => layers.has(path) && isLeaf(modules.get(path)!);
  const byLabel = new Map<string, Node[]>();
  const found: { at: number; row: LayerInfo }[] = [];
  for (const node of nodes) {
    if (isSource(node)) continue;
    if (!byLabel.has(node.label)) byLabel.set(node.label, []);
    byLabel.get(node.label)!.push(node);
  }

  const row = (path: string, kind: string, output: Tensor, own: readonly Node[], parameters: number): LayerInfo => {
    const field = fields.get(output.node);
    const views = own.length === 0 || own.every((n) => VIEWS.has(n.op));
    return {
      path,
      kind,
      detail: own.map(describeOp).find((d) => d !== '') ?? '',
      outputShape: output.shape.slice(1),
      parameters,
      multiplyAdds: own.reduce((sum, n) => sum + multiplyAdds(n), 0),
      share: 0,
      activationBytes: views ? 0 : bytesOf(output),
      receptiveField: field?.size ?? [0, 0],
      stride: field?.stride ?? [0, 0],
      wholeImage: field?.whole ?? false,
      trainingOnly,
    };
  };

  for (const [path, output] of layers) {
    if (!isLayer(path) || known.has(path)) continue;
    const module = modules.get(path)!;
    const own = byLabel.get(path) ?? [];
    const parameters = countParameters(Object.values(module), counted);
    // A layer that only passes a value on (dropout in use) comes right behind the one that made it.
    const at = order.get(output.node)! + (own.length === 0 ? 0.5 : 0);
    found.push({ at, row: row(path, module.constructor.name, output, own, parameters) });
  }
  for (const [path, own] of byLabel) {
    if (isLayer(path) || known.has(path)) continue;
    for (const node of own) {
      const output = new Tensor(node);
      // A skip is cut out where it is used, however long ago it was made.
      const user = node.op === 'slice' ? nodes.find((n) => n.inputs.some((t) => t.node === node)) : undefined;
      const parameters = countParameters(node.inputs, counted);
      found.push({
        at: user ? order.get(user)! - 0.25 : order.get(node)!,
        row: row(path, node.op, output, [node], parameters),
      });
    }
  }
  return found.sort((a, b) => a.at - b.at).map((f) => f.row);
}

/** Size of the trainable parameters among `values` that no earlier row counted. */
function countParameters(values: readonly unknown[], counted: Set<Parameter>): number {
  let sum = 0;
  for (const value of values) {
    if (!(value instanceof Parameter) || value instanceof Buffer || counted.has(value)) continue;
    counted.add(value);
    sum += numel(value.shape);
  }
  return sum;
}

/** Parameters that no forward pass reaches still belong to the network: a row for each module that holds some. */
function unusedRows(model: Module, counted: Set<Parameter>): LayerInfo[] {
  const rows: LayerInfo[] = [];
  for (const [path, module] of model.modules()) {
    const parameters = countParameters(Object.values(module), counted);
    if (parameters === 0) continue;
    rows.push({
      path,
      kind: module.constructor.name,
      detail: 'not used',
      outputShape: [],
      parameters,
      multiplyAdds: 0,
      share: 0,
      activationBytes: 0,
      receptiveField: [0, 0],
      stride: [0, 0],
      wholeImage: false,
      trainingOnly: true,
    });
  }
  return rows;
}

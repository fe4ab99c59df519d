/** Everything that runs anywhere: the core, layers, networks, training on the reference backend. */
export type { Backend, CompileOptions, DeviceInfo, Program, Store } from './backends/backend.js';
export { defaultBackend, setDefaultBackend } from './backends/eager.js';
export { createReferenceBackend } from './backends/reference/index.js';
export * as data from './data/index.js';
export { type ExportedNetwork, type ExportOnnxOptions, exportOnnx } from './export/onnx.js';
export * as inspect from './inspect/index.js';
export * as io from './io/index.js';
export * as losses from './losses/index.js';
export * as metrics from './metrics/index.js';
export * as models from './models/index.js';
export * as nn from './nn/index.js';
export * as optim from './optim/index.js';
export { gradients } from './tensor/autodiff.js';
export type { DType, TypedArray } from './tensor/dtype.js';
export { buildGraph, type Graph, verifyGraph } from './tensor/graph.js';
export { apply, applyAll, evaluate, full, input, Tensor, tensor } from './tensor/node.js';
export { type HostTensor, hostTensor, type Shape, ShapeError, type TensorType } from './tensor/shape.js';
export * from './train/index.js';

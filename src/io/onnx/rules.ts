import type { OpName } from '../../tensor/ops/signatures.js';
import type { Emitter, NodeView } from './emitter.js';
import { poolRules } from './pool.js';
import { ONNX_TYPE } from './schema.js';
import { broadcastTo, full, pad, reshape, slice } from './shapes.js';
import { batchNormInference, conv2d, convTranspose2d, localResponseNorm, matmul, resize2d } from './spatial.js';

/** Adds what computes a node's first output and gives its name, or says why ONNX files hold no such operation. */
export type Rule<K extends OpName> =
  | ((node: NodeView<K>, to: Emitter) => string)
  | { readonly unsupported: 'training' | 'random' | 'source' };

type Rules = { readonly [K in OpName]: Rule<K> };

/** Our element-wise operations that ONNX has under another spelling. */
const same =
  (type: string) =>
  ({ inputs }: { readonly inputs: readonly string[] }, to: Emitter): string =>
    to.op(type, inputs);

const reduce =
  (type: string) =>
  ({ inputs, attrs: { axes, keepDims } }: NodeView<'mean' | 'max'>, to: Emitter): string =>
    // No axes mean all of them to ONNX, none to us.
    axes.length === 0 ? to.op('Identity', inputs) : to.op(type, inputs, { axes, keepdims: Number(keepDims) });

const training = { unsupported: 'training' } as const;
const source = { unsupported: 'source' } as const;

/** How every operation is said in ONNX: total over the op union, so that a new operation must be given its place. */
export const RULES: Rules = {
  input: source,
  state: source,
  constant: ({ attrs }, to) => to.constant(attrs),
  full,
  random: { unsupported: 'random' },

  neg: same('Neg'),
  abs: same('Abs'),
  sign: same('Sign'),
  exp: same('Exp'),
  log: same('Log'),
  sqrt: same('Sqrt'),
  reciprocal: same('Reciprocal'),
  floor: same('Floor'),
  tanh: same('Tanh'),
  sigmoid: same('Sigmoid'),
  relu: same('Relu'),
  softplus: same('Softplus'),
  isFinite: ({ inputs }, to) => to.op('Not', [to.op('Or', [to.op('IsInf', inputs), to.op('IsNaN', inputs)])]),
  not: same('Not'),
  cast: ({ inputs, attrs }, to) => to.op('Cast', inputs, { to: ONNX_TYPE[attrs.dtype] }),

  add: same('Add'),
  sub: same('Sub'),
  mul: same('Mul'),
  div: same('Div'),
  pow: same('Pow'),
  maximum: same('Max'),
  minimum: same('Min'),
  equal: same('Equal'),
  less: same('Less'),
  lessEqual: same('LessOrEqual'),
  and: same('And'),
  or: same('Or'),
  where: same('Where'),
  bceWithLogits: training,
  dropout: { unsupported: 'random' },

  broadcastTo,
  reshape,
  permute: ({ inputs, attrs }, to) => to.op('Transpose', inputs, { perm: attrs.axes }),
  slice,
  pad,
  concat: ({ inputs, attrs }, to) => to.op('Concat', inputs, { axis: attrs.axis }),

  sum: ({ inputs, attrs: { axes, keepDims } }, to) =>
    to.op('ReduceSum', [inputs[0]!, to.integers(axes)], { keepdims: Number(keepDims), noop_with_empty_axes: 1 }),
  mean: reduce('ReduceMean'),
  max: reduce('ReduceMax'),
  argmax: ({ inputs, attrs: { axis } }, to) =>
    to.op('Cast', [to.op('ArgMax', inputs, { axis, keepdims: 0 })], { to: ONNX_TYPE.int32 }),
  allFinite: training,
  // Indices outside give zeros; ONNX's OneHot counts negative ones from the end.
  oneHot: ({ inputs, types, attrs: { classes, axis, dtype } }, to) => {
    const column = to.op('Unsqueeze', [to.op('Cast', inputs, { to: ONNX_TYPE.int32 }), to.integers([axis])]);
    const shape = Array.from({ length: types[0]!.shape.length + 1 }, (_, i) => (i === axis ? classes : 1));
    const numbers = to.constant({ data: Int32Array.from({ length: classes }, (_, i) => i), shape, dtype: 'int32' });
    return to.op('Cast', [to.op('Equal', [column, numbers])], { to: ONNX_TYPE[dtype] });
  },
  softmax: ({ inputs, attrs: { axis } }, to) => to.op('Softmax', inputs, { axis }),
  logSoftmax: ({ inputs, attrs: { axis } }, to) => to.op('LogSoftmax', inputs, { axis }),

  matmul,
  conv2d,
  convTranspose2d,
  conv2dWeightGrad: training,

  ...poolRules,

  batchNorm: training,
  batchNormGrad: training,
  batchNormInference,
  localResponseNorm,
  localResponseNormGrad: training,

  crossEntropy: training,
  crossEntropyGrad: training,
  lovaszWeights: training,

  resize2d,
  resize2dGrad: training,
};

import type { Pair } from '../../tensor/ops/signatures.js';
import type { HostTensor } from '../../tensor/shape.js';
import type { Emitter, NodeView } from './emitter.js';

/** Rows or columns at the start and at the end, in ONNX's order: top, left, bottom, right. */
const around = ([h, w]: Pair): number[] => [h, w, h, w];

export function conv2d({ inputs, attrs, types }: NodeView<'conv2d'>, to: Emitter): string {
  const { stride, padding, dilation, groups } = attrs;
  return to.op('Conv', inputs, {
    kernel_shape: types[1]!.shape.slice(2),
    strides: stride,
    pads: around(padding),
    dilations: dilation,
    group: groups,
  });
}

export function convTranspose2d({ inputs, attrs, types }: NodeView<'convTranspose2d'>, to: Emitter): string {
  const { stride, padding, dilation, groups, outputPadding } = attrs;
  const [x, ...weights] = inputs as [string, ...string[]];
  // Runtimes take less than a stride of output padding; a whole stride is what a row of zeros behind x adds.
  const rows = ([0, 1] as const).map((i) => Math.floor(outputPadding[i] / stride[i]));
  const longer = rows.some((n) => n > 0) ? to.op('Pad', [x, to.integers([0, 0, 0, 0, 0, 0, ...rows])]) : x;
  return to.op('ConvTranspose', [longer, ...weights], {
    kernel_shape: types[1]!.shape.slice(2),
    strides: stride,
    pads: around(padding),
    dilations: dilation,
    group: groups,
    output_padding: outputPadding.map((n, i) => n - rows[i]! * stride[i]!),
  });
}

export function matmul({ inputs, attrs, types }: NodeView<'matmul'>, to: Emitter): string {
  const { transposeA, transposeB } = attrs;
  if (types[0]!.shape.length === 2 && types[1]!.shape.length === 2)
    return to.op('Gemm', inputs, { transA: Number(transposeA), transB: Number(transposeB) });
  const turned = (i: 0 | 1, transpose: boolean) => {
    const rank = types[i]!.shape.length;
    if (!transpose) return inputs[i]!;
    const perm = [...Array.from({ length: rank - 2 }, (_, k) => k), rank - 1, rank - 2];
    return to.op('Transpose', [inputs[i]!], { perm });
  };
  const product = to.op('MatMul', [turned(0, transposeA), turned(1, transposeB)]);
  return inputs[2] === undefined ? product : to.op('Add', [product, inputs[2]]);
}

export function batchNormInference({ inputs, attrs }: NodeView<'batchNormInference'>, to: Emitter): string {
  return to.op('BatchNormalization', inputs, { epsilon: { float: attrs.eps } });
}

/** ONNX's LRN puts the longer arm of an even window to the higher channels, ours (PyTorch's) to the lower ones. */
export function localResponseNorm({ inputs, attrs, types }: NodeView<'localResponseNorm'>, to: Emitter): string {
  const { size, alpha, beta, k } = attrs;
  const { shape, dtype } = types[0]!;
  if (size % 2 === 1 && shape.length === 4)
    return to.op('LRN', inputs, { size, alpha: { float: alpha }, beta: { float: beta }, bias: { float: k } });
  const below = Math.floor(size / 2);
  const above = size - 1 - below;
  const widths = (n: number) => shape.map((_, axis) => (axis === 1 ? n : 0));
  const squares = to.op('Pad', [
    to.op('Mul', [inputs[0]!, inputs[0]!]),
    to.integers([...widths(below), ...widths(above)]),
    to.number(0, dtype),
  ]);
  const channels = shape[1]!;
  const shifted = Array.from({ length: size }, (_, i) =>
    to.op('Slice', [squares, to.integers([i]), to.integers([i + channels]), to.integers([1])]),
  );
  const mean = to.op('Mul', [shifted.length > 1 ? to.op('Sum', shifted) : shifted[0]!, to.number(alpha / size, dtype)]);
  const divisor = to.op('Pow', [to.op('Add', [mean, to.number(k, dtype)]), to.number(beta, dtype)]);
  return to.op('Div', [inputs[0]!, divisor]);
}

export function resize2d({ inputs, attrs, types, dims }: NodeView<'resize2d'>, to: Emitter): string {
  const { mode, size, alignCorners } = attrs;
  const [, , h, w] = types[0]!.shape as [number, number, number, number];
  const whole = size[0] % h === 0 && size[1] % w === 0;
  // PyTorch's floor(o * in / out) is only the same as ONNX's floor(o / scale) where the scale has no rounding.
  if (mode === 'nearest' && !whole) {
    const indices = (from: number, count: number) =>
      to.integers(Array.from({ length: count }, (_, o) => Math.floor((o * from) / count)));
    const rows = to.op('Gather', [inputs[0]!, indices(h, size[0])], { axis: 2 });
    return to.op('Gather', [rows, indices(w, size[1])], { axis: 3 });
  }
  const attributes = {
    mode: mode === 'nearest' ? 'nearest' : 'linear',
    nearest_mode: 'floor',
    coordinate_transformation_mode: mode === 'nearest' ? 'asymmetric' : alignCorners ? 'align_corners' : 'half_pixel',
  };
  if (!whole) return to.op('Resize', [inputs[0]!, '', '', to.shape(dims)], attributes);
  const scales: HostTensor = {
    data: Float32Array.of(1, 1, size[0] / h, size[1] / w),
    shape: [4],
    dtype: 'float32',
  };
  return to.op('Resize', [inputs[0]!, '', to.constant(scales)], attributes);
}

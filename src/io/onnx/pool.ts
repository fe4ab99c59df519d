import type { AvgPoolAttrs, MaxPoolAttrs, Pair } from '../../tensor/ops/signatures.js';
import type { Emitter, NodeView } from './emitter.js';

/** What pads an axis must have at its end so that rounding down gives `out` windows. */
function endPad(size: number, out: number, extent: number, stride: number, padding: number): number {
  return Math.max(padding, (out - 1) * stride + extent - size - padding);
}

/** Pads in ONNX's order: top, left, bottom, right. Ceil mode is said by them, since runtimes differ in what they make of it. */
function windowPads({ types, out, attrs }: NodeView<'maxPool2d' | 'avgPool2d'>): number[] {
  const { kernel, stride, padding } = attrs as MaxPoolAttrs | AvgPoolAttrs;
  const dilation: Pair = 'dilation' in attrs ? (attrs as MaxPoolAttrs).dilation : [1, 1];
  const end = ([0, 1] as const).map((i) =>
    endPad(types[0]!.shape[2 + i]!, out.shape[2 + i]!, dilation[i] * (kernel[i] - 1) + 1, stride[i], padding[i]),
  );
  return [...padding, ...end];
}

function maxPool2d(node: NodeView<'maxPool2d'>, to: Emitter): string {
  const { kernel, stride, dilation } = node.attrs;
  const pads = windowPads(node);
  // Runtimes take pads shorter than the kernel; dilated windows may hang over by more.
  const long = pads.some((n, i) => n >= kernel[i % 2]!);
  const x = node.inputs[0]!;
  const lowest = () => to.number(Number.NEGATIVE_INFINITY, node.out.dtype);
  const padded = () => to.op('Pad', [x, to.integers([0, 0, pads[0]!, pads[1]!, 0, 0, pads[2]!, pads[3]!]), lowest()]);
  return to.op('MaxPool', [long ? padded() : x], {
    kernel_shape: kernel,
    strides: stride,
    pads: long ? [0, 0, 0, 0] : pads,
    dilations: dilation,
  });
}

/** Values of a window along one axis that count in its divisor, for each window. */
function divisors(size: number, out: number, attrs: AvgPoolAttrs, axis: 0 | 1): number[] {
  const [kernel, stride, padding] = [attrs.kernel[axis], attrs.stride[axis], attrs.padding[axis]];
  return Array.from({ length: out }, (_, o) => {
    const start = o * stride - padding;
    const end = Math.min(start + kernel, size + padding);
    return attrs.countIncludePad ? end - start : Math.min(end, size) - Math.max(start, 0);
  });
}

/** The mean over whole windows with zeros around; where another number of values counts, times kernel / that number. */
function avgPool2d(node: NodeView<'avgPool2d'>, to: Emitter): string {
  const { attrs, types, out, inputs } = node;
  const { kernel, stride } = attrs;
  const mean = to.op('AveragePool', inputs, {
    kernel_shape: kernel,
    strides: stride,
    pads: windowPads(node),
    count_include_pad: 1,
  });
  const counts = ([0, 1] as const).map((i) => divisors(types[0]!.shape[2 + i]!, out.shape[2 + i]!, attrs, i));
  if (counts.every((axis, i) => axis.every((n) => n === kernel[i]))) return mean;
  const [rows, columns] = counts as [number[], number[]];
  const factors = rows.flatMap((r) => columns.map((c) => (r > 0 && c > 0 ? (kernel[0] * kernel[1]) / (r * c) : 0)));
  const data = out.dtype === 'float64' ? Float64Array.from(factors) : Float32Array.from(factors);
  const shape = [1, 1, rows.length, columns.length];
  return to.op('Mul', [mean, to.constant({ data, shape, dtype: out.dtype })]);
}

/** Bins of unequal length are a product with a matrix from each side: mean over rows, then over columns. */
function adaptiveAvgPool2d({ attrs, inputs, types, out }: NodeView<'adaptiveAvgPool2d'>, to: Emitter): string {
  const { size } = attrs;
  const [, , h, w] = types[0]!.shape as [number, number, number, number];
  if (size[0] === h && size[1] === w) return to.op('Identity', inputs);
  if (size[0] === 1 && size[1] === 1) return to.op('GlobalAveragePool', inputs);
  if (h % size[0] === 0 && w % size[1] === 0) {
    const kernel = [h / size[0], w / size[1]];
    return to.op('AveragePool', inputs, { kernel_shape: kernel, strides: kernel });
  }
  const matrix = (from: number, bins: number, transposed: boolean) => {
    const data = out.dtype === 'float64' ? new Float64Array(bins * from) : new Float32Array(bins * from);
    for (let o = 0; o < bins; o++) {
      const [first, end] = [Math.floor((o * from) / bins), Math.ceil(((o + 1) * from) / bins)];
      for (let i = first; i < end; i++) data[transposed ? i * bins + o : o * from + i] = 1 / (end - first);
    }
    return to.constant({ data, shape: transposed ? [from, bins] : [bins, from], dtype: out.dtype });
  };
  const rows = to.op('MatMul', [matrix(h, size[0], false), inputs[0]!]);
  return to.op('MatMul', [rows, matrix(w, size[1], true)]);
}

const training = { unsupported: 'training' } as const;

export const poolRules = {
  maxPool2d,
  maxPool2dGrad: training,
  avgPool2d,
  avgPool2dGrad: training,
  adaptiveAvgPool2d,
  adaptiveAvgPool2dGrad: training,
};

import { apply } from '../node.js';
import type { HostTensor, TensorType } from '../shape.js';
import type { OpDef, ShapeContext } from './define.js';
import type { AvgPoolAttrs, MaxPoolAttrs, Pair } from './signatures.js';
import { AXIS_NAMES, requireFloat, requireImage, requirePair, requireShape } from './spatial.js';

type PoolOp =
  | 'maxPool2d'
  | 'maxPool2dGrad'
  | 'avgPool2d'
  | 'avgPool2dGrad'
  | 'adaptiveAvgPool2d'
  | 'adaptiveAvgPool2dGrad';

/**
 * Output height and width of a pooling window by PyTorch's rule. In ceil mode the last window may hang over the
 * end, but it must start inside the input or its left padding, else it is dropped.
 */
function poolOutput(input: Pair, attrs: MaxPoolAttrs | AvgPoolAttrs, context: ShapeContext): [number, number] {
  requirePair(attrs.kernel, 1, 'kernel', context);
  requirePair(attrs.stride, 1, 'stride', context);
  requirePair(attrs.padding, 0, 'padding', context);
  const dilation: Pair = 'dilation' in attrs ? attrs.dilation : [1, 1];
  requirePair(dilation, 1, 'dilation', context);
  const out = [0, 1].map((i) => {
    const [kernel, stride, padding] = [attrs.kernel[i]!, attrs.stride[i]!, attrs.padding[i]!];
    if (2 * padding > kernel) context.fail(`padding ${padding} must be at most half of the kernel size ${kernel}`);
    const extent = dilation[i]! * (kernel - 1) + 1;
    const slack = attrs.ceilMode ? stride - 1 : 0;
    const room = input[i]! + 2 * padding - extent + slack;
    if (room < 0)
      context.fail(
        `a window that spans ${extent} with padding ${padding} needs a ${AXIS_NAMES[i]} of at least ` +
          `${extent - 2 * padding - slack}, not ${input[i]}`,
      );
    const size = Math.floor(room / stride) + 1;
    return attrs.ceilMode && (size - 1) * stride >= input[i]! + padding ? size - 1 : size;
  });
  return [out[0]!, out[1]!];
}

function pooledType(x: TensorType, size: Pair): TensorType {
  return { shape: [x.shape[0]!, x.shape[1]!, ...size], dtype: x.dtype };
}

/** Input and output planes of a pooling operation. */
const planes = (t: HostTensor) => t.shape[0]! * t.shape[1]!;

/**
 * Row-major index, inside each input plane, of the first largest element of every window, and -1 for a window
 * that lies wholly in the padding. NaN counts as largest.
 */
function forEachMaximum(x: HostTensor, y: HostTensor, attrs: MaxPoolAttrs, visit: (from: number, to: number) => void) {
  const [H, W] = x.shape.slice(2) as [number, number];
  const [outH, outW] = y.shape.slice(2) as [number, number];
  const { kernel, stride, padding, dilation } = attrs;
  const xd = x.data;
  let to = 0;
  for (let plane = 0; plane < planes(x); plane++) {
    const base = plane * H * W;
    for (let r = 0; r < outH; r++)
      for (let c = 0; c < outW; c++, to++) {
        const top = r * stride[0] - padding[0];
        const left = c * stride[1] - padding[1];
        let best = Number.NEGATIVE_INFINITY;
        let index = -1;
        for (let i = 0, h = top; i < kernel[0]; i++, h += dilation[0]) {
          if (h < 0 || h >= H) continue;
          for (let j = 0, w = left; j < kernel[1]; j++, w += dilation[1]) {
            if (w < 0 || w >= W) continue;
            const value = xd[base + h * W + w]!;
            if (index < 0 || value > best || (Number.isNaN(value) && !Number.isNaN(best))) {
              best = value;
              index = base + h * W + w;
            }
          }
        }
        visit(index, to);
      }
  }
}

/** One axis of a window: its part inside the input and its length with and without padding. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly divisor: number;
}

function averageSpans(input: number, outputs: number, attrs: AvgPoolAttrs, axis: 0 | 1): Span[] {
  const [kernel, stride, padding] = [attrs.kernel[axis], attrs.stride[axis], attrs.padding[axis]];
  return Array.from({ length: outputs }, (_, o) => {
    const start = o * stride - padding;
    // A window that ceil mode lets hang over the end counts padding, but nothing beyond it.
    const end = Math.min(start + kernel, input + padding);
    const [from, to] = [Math.max(start, 0), Math.min(end, input)];
    return { from, to, divisor: attrs.countIncludePad ? end - start : to - from };
  });
}

const adaptiveSpans = (input: number, outputs: number): Span[] =>
  Array.from({ length: outputs }, (_, o) => {
    const [from, to] = [Math.floor((o * input) / outputs), Math.ceil(((o + 1) * input) / outputs)];
    return { from, to, divisor: to - from };
  });

/** y = mean of x over the window rows x columns. */
function averageKernel(x: HostTensor, y: HostTensor, rows: readonly Span[], cols: readonly Span[]): void {
  const [H, W] = x.shape.slice(2) as [number, number];
  const [xd, yd] = [x.data, y.data];
  let to = 0;
  for (let plane = 0; plane < planes(x); plane++)
    for (const row of rows)
      for (const col of cols) {
        let sum = 0;
        for (let h = row.from; h < row.to; h++) {
          const base = (plane * H + h) * W;
          for (let w = col.from; w < col.to; w++) sum += xd[base + w]!;
        }
        const empty = row.to <= row.from || col.to <= col.from;
        yd[to++] = empty ? 0 : sum / (row.divisor * col.divisor);
      }
}

/** The adjoint of `averageKernel`: each dy is spread evenly over its window. */
function spreadKernel(dy: HostTensor, dx: HostTensor, rows: readonly Span[], cols: readonly Span[]): void {
  const [H, W] = dx.shape.slice(2) as [number, number];
  const sums = new Float64Array(H * W);
  const gd = dy.data;
  let at = 0;
  for (let plane = 0; plane < planes(dx); plane++) {
    sums.fill(0);
    for (const row of rows)
      for (const col of cols) {
        const share = gd[at++]! / (row.divisor * col.divisor);
        for (let h = row.from; h < row.to; h++) for (let w = col.from; w < col.to; w++) sums[h * W + w]! += share;
      }
    dx.data.set(sums, plane * H * W);
  }
}

const sizeOf = (t: TensorType): Pair => [t.shape[2]!, t.shape[3]!];

export const poolOps = {
  maxPool2d: {
    doc: 'Largest element of each window of [N, C, H, W]; padding never wins. NaN counts as largest.',
    arity: [1, 1],
    shape(inputs, attrs, context) {
      requireFloat(inputs, context);
      requireImage(inputs[0]!, 'input', context);
      return [pooledType(inputs[0]!, poolOutput(sizeOf(inputs[0]!), attrs, context))];
    },
    gradient: ({ inputs, dy: [dy], attrs }) => [apply('maxPool2dGrad', [inputs[0]!, dy!], attrs)],
    kernel([x], [y], attrs) {
      const [xd, yd] = [x!.data, y!.data];
      forEachMaximum(x!, y!, attrs, (from, to) => {
        yd[to] = from < 0 ? Number.NEGATIVE_INFINITY : xd[from]!;
      });
    },
  },

  maxPool2dGrad: {
    doc: 'Gradient of maxPool2d from (x, dy): dy goes to the first largest element of each window.',
    arity: [2, 2],
    shape(inputs, attrs, context) {
      const [x, dy] = inputs as [TensorType, TensorType];
      requireFloat(inputs, context);
      requireImage(x, 'input', context);
      requireShape(dy, pooledType(x, poolOutput(sizeOf(x), attrs, context)).shape, 'output gradient', context);
      return [x];
    },
    gradient: { notDifferentiable: 'second derivatives of max pooling would need a gather by window' },
    kernel([x, dy], [dx], attrs) {
      const sums = new Float64Array(dx!.data.length);
      const gd = dy!.data;
      forEachMaximum(x!, dy!, attrs, (from, to) => {
        if (from >= 0) sums[from]! += gd[to]!;
      });
      dx!.data.set(sums);
    },
  },

  avgPool2d: {
    doc: 'Mean of each window of [N, C, H, W]; padding counts as zeros or not at all (countIncludePad).',
    arity: [1, 1],
    shape(inputs, attrs, context) {
      requireFloat(inputs, context);
      requireImage(inputs[0]!, 'input', context);
      return [pooledType(inputs[0]!, poolOutput(sizeOf(inputs[0]!), attrs, context))];
    },
    gradient: ({ inputs, dy: [dy], attrs }) => [
      apply('avgPool2dGrad', [dy!], { ...attrs, inputSize: sizeOf(inputs[0]!) }),
    ],
    kernel([x], [y], attrs) {
      const rows = averageSpans(x!.shape[2]!, y!.shape[2]!, attrs, 0);
      averageKernel(x!, y!, rows, averageSpans(x!.shape[3]!, y!.shape[3]!, attrs, 1));
    },
  },

  avgPool2dGrad: {
    doc: 'Gradient of avgPool2d: each dy is spread evenly over its window. A linear operation.',
    arity: [1, 1],
    shape(inputs, attrs, context) {
      const dy = inputs[0]!;
      requireFloat(inputs, context);
      requireImage(dy, 'output gradient', context);
      requirePair(attrs.inputSize, 1, 'inputSize', context);
      requireShape(dy, pooledType(dy, poolOutput(attrs.inputSize, attrs, context)).shape, 'output gradient', context);
      return [pooledType(dy, attrs.inputSize)];
    },
    gradient({ dy: [u], attrs }) {
      const { inputSize: _, ...pool } = attrs;
      return [apply('avgPool2d', [u!], pool)];
    },
    kernel([dy], [dx], attrs) {
      const rows = averageSpans(dx!.shape[2]!, dy!.shape[2]!, attrs, 0);
      spreadKernel(dy!, dx!, rows, averageSpans(dx!.shape[3]!, dy!.shape[3]!, attrs, 1));
    },
  },

  adaptiveAvgPool2d: {
    doc: 'Means over size[0] x size[1] bins of [N, C, H, W]; bin i covers floor(i in/out) to ceil((i+1) in/out).',
    arity: [1, 1],
    shape(inputs, attrs, context) {
      requireFloat(inputs, context);
      requireImage(inputs[0]!, 'input', context);
      requirePair(attrs.size, 1, 'size', context);
      return [pooledType(inputs[0]!, attrs.size)];
    },
    gradient: ({ inputs, dy: [dy] }) => [apply('adaptiveAvgPool2dGrad', [dy!], { inputSize: sizeOf(inputs[0]!) })],
    kernel([x], [y]) {
      const rows = adaptiveSpans(x!.shape[2]!, y!.shape[2]!);
      averageKernel(x!, y!, rows, adaptiveSpans(x!.shape[3]!, y!.shape[3]!));
    },
  },

  adaptiveAvgPool2dGrad: {
    doc: 'Gradient of adaptiveAvgPool2d: each dy is spread evenly over its bin. A linear operation.',
    arity: [1, 1],
    shape(inputs, attrs, context) {
      requireFloat(inputs, context);
      requireImage(inputs[0]!, 'output gradient', context);
      requirePair(attrs.inputSize, 1, 'inputSize', context);
      return [pooledType(inputs[0]!, attrs.inputSize)];
    },
    gradient: ({ inputs, dy: [u] }) => [apply('adaptiveAvgPool2d', [u!], { size: sizeOf(inputs[0]!) })],
    kernel([dy], [dx]) {
      const rows = adaptiveSpans(dx!.shape[2]!, dy!.shape[2]!);
      spreadKernel(dy!, dx!, rows, adaptiveSpans(dx!.shape[3]!, dy!.shape[3]!));
    },
  },
} satisfies { [K in PoolOp]: OpDef<K> };

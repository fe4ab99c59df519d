import { apply } from '../node.js';
import type { HostTensor, TensorType } from '../shape.js';
import type { OpDef, ShapeContext } from './define.js';
import type { Pair, ResizeAttrs } from './signatures.js';
import { requireFloat, requireImage, requirePair } from './spatial.js';

type ResizeOp = 'resize2d' | 'resize2dGrad';

/** Along one axis, output o mixes inputs `low[o]` and `high[o]` with weights `1 - blend[o]` and `blend[o]`. */
interface Taps {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly blend: Float64Array;
}

/**
 * Where each output pixel looks, in PyTorch's coordinates:
 * nearest floor(o * in/out); bilinear with aligned corners o * (in-1)/(out-1); bilinear otherwise pixel centres,
 * (o + 1/2) * in/out - 1/2, not below 0. Beyond the last pixel the last pixel is repeated.
 */
function axisTaps(input: number, output: number, { mode, alignCorners }: ResizeAttrs): Taps {
  const taps = { low: new Int32Array(output), high: new Int32Array(output), blend: new Float64Array(output) };
  for (let o = 0; o < output; o++) {
    let at: number;
    if (mode === 'nearest') at = Math.floor((o * input) / output);
    else if (alignCorners) at = output > 1 ? (o * (input - 1)) / (output - 1) : 0;
    else at = Math.max(0, ((o + 0.5) * input) / output - 0.5);
    const low = Math.min(Math.floor(at), input - 1);
    taps.low[o] = low;
    taps.high[o] = Math.min(low + 1, input - 1);
    taps.blend[o] = at - low;
  }
  return taps;
}

function check(t: TensorType, what: string, attrs: ResizeAttrs, context: ShapeContext): void {
  requireFloat([t], context);
  requireImage(t, what, context);
  requirePair(attrs.size, 1, 'size', context);
  if (attrs.mode !== 'nearest' && attrs.mode !== 'bilinear')
    context.fail(`mode must be nearest or bilinear, not ${String(attrs.mode)}`);
  if (attrs.mode === 'nearest' && attrs.alignCorners)
    context.fail('alignCorners only has a meaning in bilinear mode; leave it false for nearest');
}

const resized = (t: TensorType, size: Pair): TensorType => ({
  shape: [t.shape[0]!, t.shape[1]!, ...size],
  dtype: t.dtype,
});

function resizeKernel(x: HostTensor, y: HostTensor, attrs: ResizeAttrs): void {
  const [H, W] = x.shape.slice(2) as [number, number];
  const [outH, outW] = attrs.size;
  const rows = axisTaps(H, outH, attrs);
  const cols = axisTaps(W, outW, attrs);
  const [xd, yd] = [x.data, y.data];
  let to = 0;
  for (let plane = 0; plane < x.shape[0]! * x.shape[1]!; plane++)
    for (let r = 0; r < outH; r++) {
      const top = (plane * H + rows.low[r]!) * W;
      const bottom = (plane * H + rows.high[r]!) * W;
      const v = rows.blend[r]!;
      for (let c = 0; c < outW; c++) {
        const [left, right, u] = [cols.low[c]!, cols.high[c]!, cols.blend[c]!];
        const upper = (1 - u) * xd[top + left]! + u * xd[top + right]!;
        const lower = (1 - u) * xd[bottom + left]! + u * xd[bottom + right]!;
        yd[to++] = (1 - v) * upper + v * lower;
      }
    }
}

/** The adjoint: each dy is handed to the (up to four) pixels that made it, with the same weights. */
function resizeGradKernel(dy: HostTensor, dx: HostTensor, attrs: ResizeAttrs): void {
  const [H, W] = dx.shape.slice(2) as [number, number];
  const [outH, outW] = attrs.size;
  const rows = axisTaps(H, outH, attrs);
  const cols = axisTaps(W, outW, attrs);
  const sums = new Float64Array(H * W);
  const gd = dy.data;
  let from = 0;
  for (let plane = 0; plane < dx.shape[0]! * dx.shape[1]!; plane++) {
    sums.fill(0);
    for (let r = 0; r < outH; r++) {
      const [top, bottom, v] = [rows.low[r]! * W, rows.high[r]! * W, rows.blend[r]!];
      for (let c = 0; c < outW; c++) {
        const [left, right, u] = [cols.low[c]!, cols.high[c]!, cols.blend[c]!];
        const g = gd[from++]!;
        sums[top + left]! += (1 - v) * (1 - u) * g;
        sums[top + right]! += (1 - v) * u * g;
        sums[bottom + left]! += v * (1 - u) * g;
        sums[bottom + right]! += v * u * g;
      }
    }
    dx.data.set(sums, plane * H * W);
  }
}

export const resizeOps = {
  resize2d: {
    doc: 'Resamples [N, C, H, W] to a height and width, nearest or bilinear, as in PyTorch (no antialiasing).',
    arity: [1, 1],
    shape(inputs, attrs, context) {
      check(inputs[0]!, 'input', attrs, context);
      return [resized(inputs[0]!, attrs.size)];
    },
    gradient: ({ inputs, dy: [dy], attrs }) => [
      apply('resize2dGrad', [dy!], { ...attrs, inputSize: [inputs[0]!.shape[2]!, inputs[0]!.shape[3]!] }),
    ],
    kernel: ([x], [y], attrs) => resizeKernel(x!, y!, attrs),
  },

  resize2dGrad: {
    doc: 'Gradient of resize2d: each dy goes to the pixels it was mixed from. A linear operation.',
    arity: [1, 1],
    shape(inputs, attrs, context) {
      const dy = inputs[0]!;
      check(dy, 'output gradient', attrs, context);
      requirePair(attrs.inputSize, 1, 'inputSize', context);
      if (dy.shape[2] !== attrs.size[0] || dy.shape[3] !== attrs.size[1])
        context.fail(`output gradient must be ${attrs.size.join(' x ')} pixels large, as size says`);
      return [resized(dy, attrs.inputSize)];
    },
    gradient({ dy: [u], attrs: { mode, size, alignCorners } }) {
      return [apply('resize2d', [u!], { mode, size, alignCorners })];
    },
    kernel: ([dy], [dx], attrs) => resizeGradKernel(dy!, dx!, attrs),
  },
} satisfies { [K in ResizeOp]: OpDef<K> };

import type { ConvAttrs, OpAttrs, OpName, Pair } from '../../src/tensor/ops/signatures.js';
import { type HostTensor, windowOutput } from '../../src/tensor/shape.js';
import type { Draw } from './draw.js';

/** A valid application of an operation. */
export interface Sample<K extends OpName = OpName> {
  readonly inputs: readonly HostTensor[];
  readonly attrs: OpAttrs[K];
  /** Step for finite differences where the usual one does not fit. */
  readonly step?: number;
}

type SpatialOp =
  | 'conv2d'
  | 'convTranspose2d'
  | 'conv2dWeightGrad'
  | 'maxPool2d'
  | 'maxPool2dGrad'
  | 'avgPool2d'
  | 'avgPool2dGrad'
  | 'adaptiveAvgPool2d'
  | 'adaptiveAvgPool2dGrad'
  | 'batchNorm'
  | 'batchNormGrad'
  | 'batchNormInference'
  | 'localResponseNorm'
  | 'localResponseNormGrad'
  | 'resize2d'
  | 'resize2dGrad';

const both = (value: (axis: 0 | 1) => number): [number, number] => [value(0), value(1)];

/** The tail of a shape with sizes raised until neighbours differ. */
function differing(n: number, c: number, h: number, w: number): [number, number, number, number] {
  let [H, W] = [h, w];
  while (H === n || H === c) H++;
  while (W === n || W === c || W === H) W++;
  return [n, c, H, W];
}

function convWindow(draw: Draw): { kernel: Pair; attrs: ConvAttrs; extent: Pair } {
  const plain = draw.bool(0.25);
  const kernel = both(() => draw.int(1, 4));
  const dilation = both(() => (plain || draw.bool() ? 1 : draw.int(2, 3)));
  const stride = both(() => (plain || draw.bool(0.4) ? 1 : draw.int(2, 3)));
  const padding = both(() => (draw.bool(0.4) ? 0 : draw.int(1, 3)));
  const extent = both((i) => dilation[i] * (kernel[i] - 1) + 1);
  return { kernel, extent, attrs: { stride, padding, dilation, groups: draw.pick([1, 1, 2, 3]) } };
}

/** Shapes of x, w and y of a convolution. */
function convShapes(draw: Draw) {
  const { kernel, extent, attrs } = convWindow(draw);
  const [perGroup, outPerGroup] = [draw.int(1, 3), draw.int(1, 3)];
  const [h, w] = both((i) => Math.max(1, extent[i]! - 2 * attrs.padding[i]!) + draw.int(0, 5));
  const x = differing(draw.int(1, 3), perGroup * attrs.groups, h, w);
  const size = both((i) =>
    windowOutput(x[2 + i]!, kernel[i]!, attrs.stride[i]!, attrs.padding[i]!, attrs.dilation[i]!),
  );
  const outChannels = outPerGroup * attrs.groups;
  return { attrs, kernel, x, w: [outChannels, perGroup, ...kernel], y: [x[0], outChannels, ...size] };
}

function poolWindow(draw: Draw, dilated: boolean) {
  const kernel = both(() => draw.int(1, 4));
  const stride = both(() => draw.int(1, 3));
  const padding = both((i) => draw.int(0, Math.floor(kernel[i] / 2)));
  const dilation = both(() => (dilated && draw.bool(0.4) ? draw.int(2, 3) : 1));
  const ceilMode = draw.bool();
  const extent = both((i) => dilation[i] * (kernel[i] - 1) + 1);
  // Without dilation every window meets the input even when it is smaller than the window.
  const least = both((i) => (dilation[i] > 1 ? extent[i] : Math.max(1, extent[i] - 2 * padding[i])));
  const [h, w] = both((i) => least[i] + draw.int(0, 5));
  const x = differing(draw.int(1, 3), draw.int(1, 4), h, w);
  const size = both((i) => {
    const room = x[2 + i]! + 2 * padding[i] - extent[i];
    if (!ceilMode) return Math.floor(room / stride[i]) + 1;
    const size = Math.ceil(room / stride[i]) + 1;
    return (size - 1) * stride[i] >= x[2 + i]! + padding[i] ? size - 1 : size;
  });
  return { attrs: { kernel, stride, padding, ceilMode }, dilation, x, y: [x[0], x[1], ...size] };
}

function average(draw: Draw) {
  const { attrs, x, y } = poolWindow(draw, false);
  return { attrs: { ...attrs, countIncludePad: draw.bool() }, x, y };
}

/** [N, C, ...] of rank 2 to 4 with at least six values a channel. */
function batch(draw: Draw): number[] {
  const channels = draw.int(1, 4);
  const rank = draw.int(2, 4);
  if (rank === 2) return [draw.int(6, 9), channels];
  if (rank === 3) return [draw.int(2, 3), channels, draw.int(4, 7)];
  return differing(draw.int(1, 3), channels, draw.int(2, 4), draw.int(3, 5));
}

function lrn(draw: Draw): OpAttrs['localResponseNorm'] {
  const [alpha, beta, k] = [draw.pick([1e-4, 0.3, 1]), draw.pick([0.5, 0.75, 1]), draw.pick([1, 2])];
  return { size: draw.int(1, 6), alpha, beta, k };
}

function resize(draw: Draw) {
  const mode = draw.pick(['nearest', 'bilinear', 'bilinear'] as const);
  const x = differing(draw.int(1, 3), draw.int(1, 4), draw.int(1, 6), draw.int(1, 7));
  const size = both((i) => (draw.bool(0.3) ? 2 * x[2 + i]! : draw.int(1, 9)));
  return { attrs: { mode, size, alignCorners: mode === 'bilinear' && draw.bool() }, x, y: [x[0], x[1], ...size] };
}

const spatial = (shape: readonly number[]): Pair => [shape[2]!, shape[3]!];

export const spatialSamples: { readonly [K in SpatialOp]: (draw: Draw) => Sample<K> } = {
  conv2d(draw) {
    const { attrs, x, w } = convShapes(draw);
    const bias = draw.bool() ? [draw.floats([w[0]!])] : [];
    return { inputs: [draw.floats(x), draw.floats(w), ...bias], attrs };
  },
  convTranspose2d(draw) {
    const { kernel, extent, attrs } = convWindow(draw);
    const [perGroup, outPerGroup] = [draw.int(1, 3), draw.int(1, 3)];
    const x = differing(draw.int(1, 3), perGroup * attrs.groups, draw.int(1, 5), draw.int(1, 5));
    const outputPadding = both((i) => draw.int(0, Math.max(attrs.stride[i]!, attrs.dilation[i]!) - 1));
    const padding = both((i) => {
      const grown = (x[2 + i]! - 1) * attrs.stride[i]! + extent[i]! + outputPadding[i];
      return Math.min(attrs.padding[i]!, Math.floor((grown - 1) / 2));
    });
    const bias = draw.bool() ? [draw.floats([outPerGroup * attrs.groups])] : [];
    const w = draw.floats([x[1], outPerGroup, ...kernel]);
    return { inputs: [draw.floats(x), w, ...bias], attrs: { ...attrs, padding, outputPadding } };
  },
  conv2dWeightGrad(draw) {
    const { attrs, kernel, x, y } = convShapes(draw);
    return { inputs: [draw.floats(x), draw.floats(y)], attrs: { ...attrs, kernel } };
  },
  maxPool2d(draw) {
    const { attrs, dilation, x } = poolWindow(draw, true);
    return { inputs: [draw.distinct(x)], attrs: { ...attrs, dilation } };
  },
  maxPool2dGrad(draw) {
    const { attrs, dilation, x, y } = poolWindow(draw, true);
    return { inputs: [draw.distinct(x), draw.floats(y)], attrs: { ...attrs, dilation } };
  },
  avgPool2d(draw) {
    const { attrs, x } = average(draw);
    return { inputs: [draw.floats(x)], attrs };
  },
  avgPool2dGrad(draw) {
    const { attrs, x, y } = average(draw);
    return { inputs: [draw.floats(y)], attrs: { ...attrs, inputSize: spatial(x) } };
  },
  adaptiveAvgPool2d(draw) {
    const x = differing(draw.int(1, 3), draw.int(1, 4), draw.int(1, 8), draw.int(1, 8));
    return { inputs: [draw.floats(x)], attrs: { size: both(() => draw.int(1, 7)) } };
  },
  adaptiveAvgPool2dGrad(draw) {
    const y = differing(draw.int(1, 3), draw.int(1, 4), draw.int(1, 7), draw.int(1, 7));
    return { inputs: [draw.floats(y)], attrs: { inputSize: both(() => draw.int(1, 8)) } };
  },
  batchNorm(draw) {
    const x = batch(draw);
    const channels = [x[1]!];
    return {
      inputs: [draw.floats(x), draw.awayFromZero(channels), draw.floats(channels)],
      attrs: { eps: draw.pick([1e-5, 1e-3, 0.1]) },
    };
  },
  batchNormGrad(draw) {
    const x = batch(draw);
    const channels = [x[1]!];
    const statistics = [draw.floats(channels, -0.5, 0.5), draw.floats(channels, 0.5, 2)];
    return {
      inputs: [draw.floats(x), draw.awayFromZero(channels), ...statistics, draw.floats(x)],
      attrs: { eps: draw.pick([1e-5, 1e-3, 0.1]) },
    };
  },
  batchNormInference(draw) {
    const x = batch(draw);
    const channels = [x[1]!];
    const statistics = [draw.floats(channels, -0.5, 0.5), draw.floats(channels, 0.5, 2)];
    return {
      inputs: [draw.floats(x), draw.awayFromZero(channels), draw.floats(channels), ...statistics],
      attrs: { eps: draw.pick([1e-5, 1e-3, 0.1]) },
    };
  },
  localResponseNorm(draw) {
    const x = [draw.int(1, 3), draw.int(1, 7), ...draw.sizes(draw.int(0, 2), 2, 4)];
    return { inputs: [draw.floats(x)], attrs: lrn(draw) };
  },
  localResponseNormGrad(draw) {
    const x = [draw.int(1, 3), draw.int(1, 7), ...draw.sizes(draw.int(0, 2), 2, 4)];
    return { inputs: [draw.floats(x), draw.floats(x)], attrs: lrn(draw) };
  },
  resize2d(draw) {
    const { attrs, x } = resize(draw);
    return { inputs: [draw.floats(x)], attrs };
  },
  resize2dGrad(draw) {
    const { attrs, x, y } = resize(draw);
    return { inputs: [draw.floats(y)], attrs: { ...attrs, inputSize: spatial(x) } };
  },
};

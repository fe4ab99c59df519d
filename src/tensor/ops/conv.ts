import { apply, type Tensor } from '../node.js';
import { formatShape, type TensorType, windowOutput } from '../shape.js';
import { conv2dKernel, conv2dWeightGradKernel, convTranspose2dKernel } from './convKernels.js';
import type { OpDef, ShapeContext } from './define.js';
import type { ConvAttrs, Pair } from './signatures.js';
import { AXIS_NAMES, requireFloat, requireImage, requirePair, requireShape } from './spatial.js';

type ConvOp = 'conv2d' | 'convTranspose2d' | 'conv2dWeightGrad';

const attrsOf = ({ stride, padding, dilation, groups }: ConvAttrs): ConvAttrs => ({
  stride,
  padding,
  dilation,
  groups,
});

function checkAttrs(attrs: ConvAttrs, context: ShapeContext): void {
  requirePair(attrs.stride, 1, 'stride', context);
  requirePair(attrs.padding, 0, 'padding', context);
  requirePair(attrs.dilation, 1, 'dilation', context);
  if (!Number.isInteger(attrs.groups) || attrs.groups < 1)
    context.fail(`groups must be a positive integer, not ${attrs.groups}`);
}

function checkWeight(w: TensorType, layout: string, context: ShapeContext): void {
  if (w.shape.length !== 4) context.fail(`weight must be ${layout}, not ${formatShape(w.shape)}`);
  if (w.shape.some((d) => d < 1)) context.fail(`weight ${formatShape(w.shape)} has an empty axis`);
}

/** Output height and width of a convolution; fails with the least input size if the kernel does not fit. */
function convOutput(input: Pair, kernel: Pair, attrs: ConvAttrs, context: ShapeContext): [number, number] {
  const out = [0, 1].map((i) => {
    const extent = attrs.dilation[i]! * (kernel[i]! - 1) + 1;
    if (input[i]! + 2 * attrs.padding[i]! < extent)
      context.fail(
        `a kernel that spans ${extent} (size ${kernel[i]}, dilation ${attrs.dilation[i]}) with padding ` +
          `${attrs.padding[i]} needs a ${AXIS_NAMES[i]} of at least ${extent - 2 * attrs.padding[i]!}, not ${input[i]}`,
      );
    return windowOutput(input[i]!, kernel[i]!, attrs.stride[i]!, attrs.padding[i]!, attrs.dilation[i]!);
  });
  return [out[0]!, out[1]!];
}

const spatial = (t: TensorType): Pair => [t.shape[2]!, t.shape[3]!];

/**
 * Writing conv_w for the convolution with w as a linear map of x, the transposed convolution is its adjoint:
 *   <u, conv_w(x)> = <convT_w(u), x>  for all u, x,
 * hence dx = convT_w(dy). Several input sizes share one output size, and outputPadding picks the right one:
 *   outputPadding = H - ((H' - 1) * stride - 2 * padding + dilation * (k - 1) + 1), which lies in 0..stride-1.
 */
function inputGradient(dy: Tensor, w: Tensor, inputSize: Pair, attrs: ConvAttrs): Tensor {
  const rest = [0, 1].map((i) => {
    const reach = (dy.shape[2 + i]! - 1) * attrs.stride[i]! - 2 * attrs.padding[i]!;
    return inputSize[i]! - (reach + attrs.dilation[i]! * (w.shape[2 + i]! - 1) + 1);
  });
  return apply('convTranspose2d', [dy, w], { ...attrsOf(attrs), outputPadding: [rest[0]!, rest[1]!] });
}

export const convOps = {
  conv2d: {
    doc: 'Cross-correlation of [N, I, H, W] with [O, I/groups, kH, kW], zero-padded, plus a bias for each channel.',
    arity: [2, 3],
    shape(inputs, attrs, context) {
      const [x, w, bias] = inputs as [TensorType, TensorType, TensorType?];
      requireFloat(inputs, context);
      requireImage(x, 'input', context);
      checkWeight(w, '[O, I/groups, kH, kW]', context);
      checkAttrs(attrs, context);
      const [outChannels, perGroup] = [w.shape[0]!, w.shape[1]!];
      if (x.shape[1] !== perGroup * attrs.groups)
        context.fail(
          `input has ${x.shape[1]} channels, the weight expects ${perGroup * attrs.groups} (${perGroup} x ${attrs.groups} groups)`,
        );
      if (outChannels % attrs.groups !== 0)
        context.fail(`${outChannels} output channels cannot be split into ${attrs.groups} groups`);
      if (bias) requireShape(bias, [outChannels], 'bias', context);
      const size = convOutput(spatial(x), spatial(w), attrs, context);
      return [{ shape: [x.shape[0]!, outChannels, ...size], dtype: x.dtype }];
    },
    gradient({ inputs, dy: [dy], attrs, wanted }) {
      const [x, w] = inputs as [Tensor, Tensor];
      return [
        wanted[0] ? inputGradient(dy!, w, spatial(x), attrs) : undefined,
        wanted[1] ? apply('conv2dWeightGrad', [x, dy!], { ...attrsOf(attrs), kernel: spatial(w) }) : undefined,
        wanted[2] ? dy!.sum([0, 2, 3]) : undefined,
      ];
    },
    kernel: conv2dKernel,
  },

  convTranspose2d: {
    doc: 'The adjoint of conv2d: each input pixel adds its multiple of the kernel to the output. Weight [I, O/groups, kH, kW].',
    arity: [2, 3],
    shape(inputs, attrs, context) {
      const [x, w, bias] = inputs as [TensorType, TensorType, TensorType?];
      requireFloat(inputs, context);
      requireImage(x, 'input', context);
      checkWeight(w, '[I, O/groups, kH, kW]', context);
      checkAttrs(attrs, context);
      requirePair(attrs.outputPadding, 0, 'outputPadding', context);
      if (x.shape[1] !== w.shape[0]) context.fail(`input has ${x.shape[1]} channels, the weight expects ${w.shape[0]}`);
      if (x.shape[1]! % attrs.groups !== 0)
        context.fail(`${x.shape[1]} input channels cannot be split into ${attrs.groups} groups`);
      const outChannels = w.shape[1]! * attrs.groups;
      if (bias) requireShape(bias, [outChannels], 'bias', context);
      const size = [0, 1].map((i) => {
        const [stride, dilation, extra] = [attrs.stride[i]!, attrs.dilation[i]!, attrs.outputPadding[i]!];
        if (extra >= Math.max(stride, dilation))
          context.fail(`outputPadding ${extra} must be smaller than the stride ${stride} or the dilation ${dilation}`);
        const grown = (x.shape[2 + i]! - 1) * stride + dilation * (w.shape[2 + i]! - 1) + 1 + extra;
        if (grown - 2 * attrs.padding[i]! < 1)
          context.fail(`padding ${attrs.padding[i]} crops all ${grown} pixels of the output's ${AXIS_NAMES[i]}`);
        return grown - 2 * attrs.padding[i]!;
      });
      return [{ shape: [x.shape[0]!, outChannels, ...size], dtype: x.dtype }];
    },
    // The adjoint of an adjoint is conv_w itself: dx = conv_w(dy), and w's gradient is that of <x, conv_w(dy)>, so
    // conv2dWeightGrad with the roles of input and output exchanged. With outputPadding >= stride (allowed up to the
    // dilation) conv_w(dy) has outputs beyond x's last pixel; they multiply pixels that do not exist, so they are
    // cut off here and x is padded with zeros there.
    gradient({ inputs, dy: [dy], attrs, wanted }) {
      const [x, w] = inputs as [Tensor, Tensor];
      const [h, wd] = [0, 1].map((i) => Math.floor(attrs.outputPadding[i]! / attrs.stride[i]!)) as [number, number];
      const beyond = h > 0 || wd > 0;
      const dx = () => {
        const full = apply('conv2d', [dy!, w], attrsOf(attrs));
        return beyond ? apply('slice', [full], { start: [0, 0, 0, 0], stop: x.shape, step: [1, 1, 1, 1] }) : full;
      };
      const dw = () => {
        const zeros = { low: [0, 0, 0, 0], high: [0, 0, h, wd], interior: [0, 0, 0, 0], value: 0 };
        const upstream = beyond ? apply('pad', [x], zeros) : x;
        return apply('conv2dWeightGrad', [dy!, upstream], { ...attrsOf(attrs), kernel: spatial(w) });
      };
      return [wanted[0] ? dx() : undefined, wanted[1] ? dw() : undefined, wanted[2] ? dy!.sum([0, 2, 3]) : undefined];
    },
    kernel: convTranspose2dKernel,
  },

  conv2dWeightGrad: {
    doc: "Gradient of conv2d's weight: correlates input [N, I, H, W] with the output's gradient [N, O, H', W'].",
    arity: [2, 2],
    shape(inputs, attrs, context) {
      const [x, dy] = inputs as [TensorType, TensorType];
      requireFloat(inputs, context);
      requireImage(x, 'input', context);
      requireImage(dy, 'output gradient', context);
      checkAttrs(attrs, context);
      requirePair(attrs.kernel, 1, 'kernel', context);
      for (const [what, t] of [
        ['input', x],
        ['output gradient', dy],
      ] as const)
        if (t.shape[1]! % attrs.groups !== 0)
          context.fail(`${t.shape[1]} channels of the ${what} cannot be split into ${attrs.groups} groups`);
      const size = convOutput(spatial(x), attrs.kernel, attrs, context);
      requireShape(dy, [x.shape[0]!, dy.shape[1]!, ...size], 'output gradient', context);
      return [{ shape: [dy.shape[1]!, x.shape[1]! / attrs.groups, ...attrs.kernel], dtype: x.dtype }];
    },
    // Bilinear in (x, dy): <u, weightGrad(x, dy)> = <dy, conv_u(x)>.
    gradient({ inputs, dy: [u], attrs, wanted }) {
      const [x, dy] = inputs as [Tensor, Tensor];
      return [
        wanted[0] ? inputGradient(dy, u!, spatial(x), attrs) : undefined,
        wanted[1] ? apply('conv2d', [x, u!], attrsOf(attrs)) : undefined,
      ];
    },
    kernel: conv2dWeightGradKernel,
  },
} satisfies { [K in ConvOp]: OpDef<K> };

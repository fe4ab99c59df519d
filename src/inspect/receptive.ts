import type { Node, Tensor } from '../tensor/node.js';
import type { OpAttrs, Pair } from '../tensor/ops/signatures.js';

/**
 * What a value of a feature map can see of the image, along height and width. Where branches meet, the larger counts.
 */
export interface ReceptiveField {
  /** Pixels of the image, as if it had no border. */
  readonly size: Pair;
  /** Pixels of the image between neighbouring values; below 1 where the map is finer than the image. */
  readonly stride: Pair;
  /** Positions of the map: 1 once everything is summed over the whole map. */
  readonly extent: Pair;
  /** Every value depends on all positions of a map before it, and so on the whole image. */
  readonly whole: boolean;
}

type Axes = (axis: 0 | 1) => number;
const both = (f: Axes): Pair => [f(0), f(1)];

/** Receptive field of each node's outputs that depends on `image`, after Araujo, Norris & Sim (Distill, 2019). */
export function receptiveFields(nodes: readonly Node[], image: Tensor): Map<Node, ReceptiveField> {
  const fields = new Map<Node, ReceptiveField>();
  fields.set(image.node, {
    size: [1, 1],
    stride: [1, 1],
    extent: [image.shape[2]!, image.shape[3]!],
    whole: false,
  });
  for (const node of nodes) {
    if (fields.has(node)) continue;
    const inputs = node.inputs.map((t) => fields.get(t.node)).filter((f) => f !== undefined);
    if (inputs.length === 0) continue;
    fields.set(node, through(node, merge(inputs)));
  }
  return fields;
}

function merge(fields: readonly ReceptiveField[]): ReceptiveField {
  const most = (pick: (f: ReceptiveField) => Pair) => both((a) => Math.max(...fields.map((f) => pick(f)[a])));
  return {
    size: most((f) => f.size),
    stride: most((f) => f.stride),
    extent: most((f) => f.extent),
    whole: fields.some((f) => f.whole),
  };
}

function through(node: Node, from: ReceptiveField): ReceptiveField {
  const out = node.outputs[0]!.shape;
  const grid: Pair = out.length === 4 ? [out[2]!, out[3]!] : from.extent;
  const windowed = (kernel: Pair, stride: Pair, dilation: Pair = [1, 1]): ReceptiveField => ({
    size: both((a) => from.size[a] + (kernel[a] - 1) * dilation[a] * from.stride[a]),
    stride: both((a) => from.stride[a] * stride[a]),
    extent: grid,
    whole: from.whole,
  });
  const collapsed = (): ReceptiveField => ({
    size: both((a) => from.size[a] + (from.extent[a] - 1) * from.stride[a]),
    stride: both((a) => from.stride[a] * from.extent[a]),
    extent: [1, 1],
    whole: from.whole || Math.max(...from.extent) > 1,
  });

  switch (node.op) {
    case 'conv2d': {
      const { stride, dilation } = node.attrs as OpAttrs['conv2d'];
      const w = node.inputs[1]!.shape;
      return windowed([w[2]!, w[3]!], stride, dilation);
    }
    case 'convTranspose2d': {
      // A value of the finer map is made of ceil(kernel / stride) neighbours at most.
      const { stride, dilation } = node.attrs as OpAttrs['convTranspose2d'];
      const w = node.inputs[1]!.shape;
      const taps = both((a) => Math.ceil(((w[2 + a]! - 1) * dilation[a] + 1) / stride[a]));
      return windowed(
        taps,
        both((a) => 1 / stride[a]),
      );
    }
    case 'maxPool2d': {
      const { kernel, stride, dilation } = node.attrs as OpAttrs['maxPool2d'];
      return windowed(kernel, stride, dilation);
    }
    case 'avgPool2d': {
      const { kernel, stride } = node.attrs as OpAttrs['avgPool2d'];
      return windowed(kernel, stride);
    }
    case 'adaptiveAvgPool2d': {
      if (grid[0] === 1 && grid[1] === 1) return collapsed();
      const size = both((a) => {
        let widest = 1;
        for (let i = 0; i < grid[a]; i++) {
          const ratio = from.extent[a] / grid[a];
          widest = Math.max(widest, Math.ceil((i + 1) * ratio) - Math.floor(i * ratio));
        }
        return widest;
      });
      return windowed(
        size,
        both((a) => from.extent[a] / grid[a]),
      );
    }
    case 'resize2d': {
      const { mode } = node.attrs as OpAttrs['resize2d'];
      const taps = mode === 'bilinear' ? 2 : 1;
      return windowed(
        both((a) => (from.extent[a] === grid[a] ? 1 : taps)),
        both((a) => from.extent[a] / grid[a]),
      );
    }
    case 'matmul':
      return collapsed();
    case 'sum':
    case 'mean':
    case 'max': {
      const { axes } = node.attrs as OpAttrs['sum'];
      return node.inputs[0]!.rank !== 4 || axes.includes(2) || axes.includes(3) ? collapsed() : from;
    }
    case 'softmax':
    case 'logSoftmax': {
      const { axis } = node.attrs as OpAttrs['softmax'];
      return node.inputs[0]!.rank === 4 && axis === 1
        ? from
        : { ...collapsed(), extent: from.extent, stride: from.stride };
    }
    case 'slice':
    case 'pad':
    case 'concat':
      return { ...from, extent: grid };
    default:
      return from;
  }
}

import { receptiveFields } from '../../../../../src/inspect/receptive.js';
import * as F from '../../../../../src/nn/functional.js';
import { full, input, type Tensor } from '../../../../../src/tensor/node.js';
import '../../../../../src/tensor/ops/table.js';

/** A layer of a stack: a 3x3 or 5x5 convolution that keeps the size, or a 2x2 pooling. */
export type Layer = 'conv3' | 'conv5' | 'conv7' | 'pool';

/** What a value behind a layer sees. */
export interface Sees {
  readonly layer: Layer;
  /** Side of the seen square, in pixels. */
  readonly size: number;
  /** Pixels between what neighbouring values see. */
  readonly step: number;
}

const KERNEL = { conv3: 3, conv5: 5, conv7: 7 } as const;

/** Receptive field behind each layer, as `fovea inspect` computes it. */
export function seenBehind(layers: readonly Layer[]): Sees[] {
  // Large enough that no pooling runs out of pixels.
  const side = 2 ** (layers.filter((l) => l === 'pool').length + 3);
  const image = input('image', [1, 1, side, side]);
  const outputs: Tensor[] = [];
  for (const layer of layers) {
    const x = outputs.at(-1) ?? image;
    if (layer === 'pool') outputs.push(F.maxPool2d(x, { kernel: 2 }));
    else {
      const kernel = KERNEL[layer];
      outputs.push(F.conv2d(x, full([1, 1, kernel, kernel], 0), undefined, { padding: (kernel - 1) / 2 }));
    }
  }
  const fields = receptiveFields(
    outputs.map((t) => t.node),
    image,
  );
  return layers.map((layer, i) => {
    const { size, stride } = fields.get(outputs[i]!.node)!;
    return { layer, size: size[0], step: stride[0] };
  });
}

const repeat = (layer: Layer, times: number): Layer[] => new Array<Layer>(times).fill(layer);

/** Stacks of well-known networks, up to the last pooling. */
export const STACKS: Readonly<Record<string, readonly Layer[]>> = {
  LeNet: ['conv5', 'pool', 'conv5', 'pool'],
  VGG11: [1, 1, 2, 2, 2].flatMap((n) => [...repeat('conv3', n), 'pool' as const]),
  VGG16: [2, 2, 3, 3, 3].flatMap((n) => [...repeat('conv3', n), 'pool' as const]),
  VGG19: [2, 2, 4, 4, 4].flatMap((n) => [...repeat('conv3', n), 'pool' as const]),
};

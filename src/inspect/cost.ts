import type { Node } from '../tensor/node.js';
import type { OpAttrs, OpName } from '../tensor/ops/signatures.js';

/** Operations that hold or make values rather than compute with the image. */
const SOURCES: ReadonlySet<OpName> = new Set(['input', 'state', 'constant', 'full', 'random']);
export const isSource = (node: Node): boolean => SOURCES.has(node.op);

const square = ([h, w]: readonly [number, number]) => `${h}x${w}`;

/** Window, stride and the like in short form: `3x3/2`, `5x5`, `x2 bilinear`; empty where there is nothing to say. */
export function describeOp(node: Node): string {
  switch (node.op) {
    case 'conv2d':
    case 'convTranspose2d': {
      const { stride, dilation, groups } = node.attrs as OpAttrs['conv2d'];
      const w = node.inputs[1]!.shape;
      return (
        windowText([w[2]!, w[3]!], stride) +
        (Math.max(...dilation) > 1 ? ` dilated ${dilation[0]}` : '') +
        (groups > 1 ? ` groups ${groups}` : '')
      );
    }
    case 'maxPool2d':
    case 'avgPool2d': {
      const { kernel, stride } = node.attrs as OpAttrs['avgPool2d'];
      return windowText(kernel, stride, kernel);
    }
    case 'adaptiveAvgPool2d':
      return `to ${square((node.attrs as OpAttrs['adaptiveAvgPool2d']).size)}`;
    case 'resize2d': {
      const { mode, size } = node.attrs as OpAttrs['resize2d'];
      return `${mode} to ${square(size)}`;
    }
    case 'localResponseNorm':
      return `over ${(node.attrs as OpAttrs['localResponseNorm']).size}`;
    default:
      return '';
  }
}

/** `3x3`, or `3x3/2` where the stride is not the usual one. */
function windowText(
  kernel: readonly [number, number],
  stride: readonly [number, number],
  usual: readonly [number, number] = [1, 1],
): string {
  const same = stride[0] === usual[0] && stride[1] === usual[1];
  return same ? square(kernel) : `${square(kernel)}/${stride[0] === stride[1] ? stride[0] : square(stride)}`;
}

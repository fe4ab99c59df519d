import type { Tensor } from '../../tensor/node.js';
import type { Pair } from '../../tensor/ops/signatures.js';
import { formatShape, ShapeError } from '../../tensor/shape.js';
import { checkBoolean, checkNumber, checkPair } from '../../util/check.js';
import { checkOptions } from '../../util/registry.js';
import * as F from '../functional.js';
import { Module } from '../module.js';

const positive = { min: 1, integer: true };

/** Kernel, stride and padding of a pooling layer; the padding is at most half the kernel. */
function checkWindow(what: string, { kernel, stride = kernel, padding = 0 }: F.AvgPoolOptions) {
  const window = {
    kernel: checkPair(`${what}: kernel`, kernel, positive),
    stride: checkPair(`${what}: stride`, stride, positive),
    padding: checkPair(`${what}: padding`, padding, { min: 0, integer: true }),
  };
  for (const i of [0, 1] as const)
    if (2 * window.padding[i] > window.kernel[i])
      throw new RangeError(
        `${what}: padding must be at most half the kernel, got [${window.padding.join(', ')}] for [${window.kernel.join(', ')}]`,
      );
  return window;
}

/**
 * Largest value of each window: [N, C, H, W] -> [N, C, H', W'] with
 * H' = floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, rounded up with `ceilMode`.
 */
export class MaxPool2d extends Module {
  readonly options: Required<F.MaxPoolOptions>;

  constructor(options: F.MaxPoolOptions) {
    super();
    checkOptions('MaxPool2d', options ?? {}, ['kernel', 'stride', 'padding', 'dilation', 'ceilMode']);
    const { dilation = 1, ceilMode = false } = options ?? {};
    this.options = {
      ...checkWindow('MaxPool2d', options ?? {}),
      dilation: checkPair('MaxPool2d: dilation', dilation, positive),
      ceilMode: checkBoolean('MaxPool2d: ceilMode', ceilMode),
    };
  }

  forward(x: Tensor): Tensor {
    return F.maxPool2d(x, this.options);
  }
}

/**
 * Mean of each window: [N, C, H, W] -> [N, C, H', W'] with H' = floor((H + 2 padding - kernel) / stride) + 1, rounded
 * up with `ceilMode`. With `countIncludePad` (default) padded zeros count.
 */
export class AvgPool2d extends Module {
  readonly options: Required<F.AvgPoolOptions>;

  constructor(options: F.AvgPoolOptions) {
    super();
    checkOptions('AvgPool2d', options ?? {}, ['kernel', 'stride', 'padding', 'ceilMode', 'countIncludePad']);
    const { ceilMode = false, countIncludePad = true } = options ?? {};
    this.options = {
      ...checkWindow('AvgPool2d', options ?? {}),
      ceilMode: checkBoolean('AvgPool2d: ceilMode', ceilMode),
      countIncludePad: checkBoolean('AvgPool2d: countIncludePad', countIncludePad),
    };
  }

  forward(x: Tensor): Tensor {
    return F.avgPool2d(x, this.options);
  }
}

/** Means over windows that tile the image: [N, C, H, W] -> [N, C, size]; null in `size` keeps that side. */
export class AdaptiveAvgPool2d extends Module {
  readonly size: readonly [number | null, number | null];

  constructor(size: number | readonly [number | null, number | null]) {
    super();
    const sides = typeof size === 'number' ? [size, size] : size;
    if (!Array.isArray(sides) || sides.length !== 2)
      throw new RangeError(`AdaptiveAvgPool2d: size must be one number or [height, width], got ${String(size)}`);
    for (const side of sides) if (side !== null) checkNumber('AdaptiveAvgPool2d: size', side, positive);
    this.size = sides as [number | null, number | null];
  }

  forward(x: Tensor): Tensor {
    if (x.rank !== 4) throw new ShapeError(`AdaptiveAvgPool2d: takes images [N, C, H, W], got ${formatShape(x.shape)}`);
    const size: Pair = [this.size[0] ?? x.shape[2]!, this.size[1] ?? x.shape[3]!];
    return F.adaptiveAvgPool2d(x, size);
  }
}

/** Mean over height and width: [N, C, H, W] -> [N, C, 1, 1]. */
export class GlobalAvgPool2d extends Module {
  forward(x: Tensor): Tensor {
    return F.globalAvgPool2d(x);
  }
}

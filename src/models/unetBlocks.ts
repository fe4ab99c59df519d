import * as F from '../nn/functional.js';
import { kaimingNormal, zeros } from '../nn/init.js';
import { ReLU } from '../nn/layers/activation.js';
import { Conv2d, ConvTranspose2d } from '../nn/layers/conv.js';
import { BatchNorm2d } from '../nn/layers/norm.js';
import { MaxPool2d } from '../nn/layers/pool.js';
import { Sequential } from '../nn/layers/sequential.js';
import { Module } from '../nn/module.js';
import type { Tensor } from '../tensor/node.js';

/** How the blocks of one U-Net are built. */
export interface BlockStyle {
  /** 'same' keeps the size in 3x3 convolutions, 'valid' loses a pixel on each side (the paper). */
  readonly padding: 'same' | 'valid';
  /** Batch normalisation behind each convolution, which then has no bias. */
  readonly batchNorm: boolean;
  /** Bilinear resizing instead of transposed convolution on the way up. */
  readonly bilinear: boolean;
}

/** The paper's initial values for networks without batch norm (normal, std sqrt(2 / fan in)), else PyTorch's default. */
const init = ({ batchNorm }: BlockStyle) => (batchNorm ? {} : { weightInit: kaimingNormal(), biasInit: zeros });

/** Two 3x3 convolutions with ReLU: [N, in, H, W] -> [N, out, H, W], with valid convolutions 4 pixels smaller. */
export class DoubleConv extends Module {
  readonly layers: Sequential;

  /** @param middle channels between the two convolutions; default `outChannels` */
  constructor(inChannels: number, outChannels: number, style: BlockStyle, middle = outChannels) {
    super();
    const conv = (from: number, to: number): Module[] => [
      new Conv2d(from, to, {
        kernel: 3,
        padding: style.padding === 'same' ? 1 : 0,
        bias: !style.batchNorm,
        ...init(style),
      }),
      ...(style.batchNorm ? [new BatchNorm2d(to)] : []),
      new ReLU(),
    ];
    this.layers = new Sequential(...conv(inChannels, middle), ...conv(middle, outChannels));
  }

  override *children(): Generator<[name: string, module: Module]> {
    yield ['double_conv', this.layers];
  }

  forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}

/** A step of the contracting path: 2x2 pooling, then two convolutions; [N, in, H, W] -> [N, out, H / 2, W / 2]. */
export class Down extends Module {
  readonly layers: Sequential;

  constructor(inChannels: number, outChannels: number, style: BlockStyle) {
    super();
    this.layers = new Sequential(new MaxPool2d({ kernel: 2 }), new DoubleConv(inChannels, outChannels, style));
  }

  override *children(): Generator<[name: string, module: Module]> {
    yield ['maxpool_conv', this.layers];
  }

  forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}

/**
 * A step of the expanding path: the map from below is doubled in size, joined behind the skip's channels, and goes
 * through two convolutions; below [N, in, h, w], skip [N, skip, H, W] -> [N, out, H, W].
 *
 * With 'same' convolutions the doubled map is resized (bilinear, corners aligned) to the skip's size where that is odd;
 * with 'valid' ones the skip is larger and its middle is taken, as in the paper. A step built for 0 skip channels
 * takes only the size from its second input.
 */
export class Up extends Module {
  /** Absent in the bilinear form, which has nothing to learn here. */
  readonly up: ConvTranspose2d | undefined;
  readonly conv: DoubleConv;

  constructor(
    below: number,
    private readonly skipChannels: number,
    outChannels: number,
    private readonly style: BlockStyle,
  ) {
    super();
    if (style.bilinear) {
      const joined = skipChannels + below;
      this.conv = new DoubleConv(joined, outChannels, style, Math.max(1, Math.floor(joined / 2)));
    } else {
      this.up = new ConvTranspose2d(below, outChannels, { kernel: 2, stride: 2, ...init(style) });
      this.conv = new DoubleConv(skipChannels + outChannels, outChannels, style);
    }
  }

  forward(below: Tensor, skip: Tensor): Tensor {
    const valid = this.style.padding === 'valid';
    const doubled = [2 * below.shape[2]!, 2 * below.shape[3]!] as const;
    const size = valid ? doubled : ([skip.shape[2]!, skip.shape[3]!] as const);
    const grown = this.up ? this.up.forward(below) : below;
    const fitted = sameSize(grown, size) ? grown : F.interpolate(grown, { size, mode: 'bilinear', alignCorners: true });
    if (this.skipChannels === 0) return this.conv.forward(fitted);
    return this.conv.forward(F.cat([valid ? F.centerCrop(skip, size) : skip, fitted]));
  }
}

const sameSize = (x: Tensor, [height, width]: readonly [number, number]) =>
  x.shape[2] === height && x.shape[3] === width;

/** The last layer: a 1x1 convolution to the classes, [N, in, H, W] -> [N, classes, H, W]. */
export class OutConv extends Module {
  readonly conv: Conv2d;

  constructor(inChannels: number, classes: number, style: BlockStyle) {
    super();
    this.conv = new Conv2d(inChannels, classes, { kernel: 1, ...init(style) });
  }

  forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

import * as F from '../nn/functional.js';
import { kaimingNormal, truncNormal, zeros } from '../nn/init.js';
import { Conv2d, type Conv2dOptions } from '../nn/layers/conv.js';
import { Dropout } from '../nn/layers/dropout.js';
import { Linear } from '../nn/layers/linear.js';
import { BatchNorm2d } from '../nn/layers/norm.js';
import { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d } from '../nn/layers/pool.js';
import { Sequential } from '../nn/layers/sequential.js';
import { Module } from '../nn/module.js';
import type { Tensor } from '../tensor/node.js';
import { scaled } from './size.js';

/** What the two published forms of GoogLeNet do differently. */
export interface Variant {
  readonly batchNorm: boolean;
  /** Local response normalisation behind the first pool and before the second. */
  readonly lrn: boolean;
  /** Kernel of the branch that is 5x5 in the paper. */
  readonly wideKernel: 3 | 5;
  /** Kernel of the fourth pool. */
  readonly lastPool: 2 | 3;
  /** Pool of the auxiliary heads: windows of 5x5 every 3 pixels, or to 4x4 whatever the map. */
  readonly headPool: '5x5' | 'adaptive';
  readonly dropout: number;
}

export const VARIANTS = {
  torchvision: { batchNorm: true, lrn: false, wideKernel: 3, lastPool: 2, headPool: 'adaptive', dropout: 0.2 },
  paper: { batchNorm: false, lrn: true, wideKernel: 5, lastPool: 3, headPool: '5x5', dropout: 0.4 },
} as const satisfies Record<string, Variant>;
export type VariantName = keyof typeof VARIANTS;

/** torchvision draws all weights from a normal with std 0.01; without batch norm that would fade over 22 layers. */
const weights = (variant: Variant) => (variant.batchNorm ? truncNormal({ std: 0.01 }) : kaimingNormal());

export const linear = (from: number, to: number, variant: Variant): Linear =>
  new Linear(from, to, { weightInit: weights(variant), ...(variant.batchNorm ? {} : { biasInit: zeros }) });

/** Convolution, batch normalisation (then without bias) if the variant has it, ReLU: [N, in, H, W] -> [N, out, H', W']. */
export class ConvUnit extends Module {
  readonly conv: Conv2d;
  readonly bn: BatchNorm2d | undefined;

  constructor(inChannels: number, outChannels: number, window: Conv2dOptions, variant: Variant) {
    super();
    const bias = variant.batchNorm ? { bias: false } : { biasInit: zeros };
    this.conv = new Conv2d(inChannels, outChannels, { ...window, ...bias, weightInit: weights(variant) });
    this.bn = variant.batchNorm ? new BatchNorm2d(outChannels, { eps: 0.001 }) : undefined;
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return F.relu(this.bn ? this.bn.forward(y) : y);
  }
}

/** A row of the paper's Table 1: channels in, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection. */
export type InceptionRow = readonly [number, number, number, number, number, number, number];

export const INCEPTIONS = {
  '3a': [192, 64, 96, 128, 16, 32, 32],
  '3b': [256, 128, 128, 192, 32, 96, 64],
  '4a': [480, 192, 96, 208, 16, 48, 64],
  '4b': [512, 160, 112, 224, 24, 64, 64],
  '4c': [512, 128, 128, 256, 24, 64, 64],
  '4d': [512, 112, 144, 288, 32, 64, 64],
  '4e': [528, 256, 160, 320, 32, 128, 128],
  '5a': [832, 256, 160, 320, 32, 128, 128],
  '5b': [832, 384, 192, 384, 48, 128, 128],
} as const satisfies Record<string, InceptionRow>;

/** Channels that the four branches of a row give together, in a network of `width` times the paper's. */
export const inceptionOut = ([, c1, , c3, , c5, pool]: InceptionRow, width: number): number =>
  [c1, c3, c5, pool].reduce((sum, c) => sum + scaled(c, width), 0);

/**
 * The inception block: four views of one map side by side, [N, in, H, W] -> [N, 1x1 + 3x3 + 5x5 + pool, H, W].
 * 1x1 convolutions thin out the channels before the larger kernels and behind the pool.
 */
export class Inception extends Module {
  readonly branch1: ConvUnit;
  readonly branch2: Sequential;
  readonly branch3: Sequential;
  readonly branch4: Sequential;

  constructor(inChannels: number, row: InceptionRow, variant: Variant, width: number) {
    super();
    const [, c1, reduce3, c3, reduce5, c5, project] = row.map((c) => scaled(c, width)) as unknown as InceptionRow;
    const wide = variant.wideKernel;
    const unit = (from: number, to: number, kernel: number) =>
      new ConvUnit(from, to, { kernel, padding: (kernel - 1) / 2 }, variant);
    this.branch1 = unit(inChannels, c1, 1);
    this.branch2 = new Sequential(unit(inChannels, reduce3, 1), unit(reduce3, c3, 3));
    this.branch3 = new Sequential(unit(inChannels, reduce5, 1), unit(reduce5, c5, wide));
    this.branch4 = new Sequential(
      new MaxPool2d({ kernel: 3, stride: 1, padding: 1, ceilMode: true }),
      unit(inChannels, project, 1),
    );
  }

  forward(x: Tensor): Tensor {
    return F.cat([this.branch1.forward(x), this.branch2.forward(x), this.branch3.forward(x), this.branch4.forward(x)]);
  }
}

/**
 * A classifier on a map in the middle of the network, whose loss helps the lower layers in training:
 * [N, in, 14, 14] -> pool [N, in, 4, 4] -> 1x1 convolution [N, 128, 4, 4] -> 1024 -> logits [N, classes].
 */
export class AuxiliaryHead extends Module {
  readonly pool: AvgPool2d | AdaptiveAvgPool2d;
  readonly conv: ConvUnit;
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly dropout: Dropout;

  /** @param positions places of the pooled map, 16 for 4x4 */
  constructor(
    inChannels: number,
    classes: number,
    options: { positions: number; dropout: number; width: number; variant: Variant },
  ) {
    super();
    const { positions, dropout, width, variant } = options;
    const channels = scaled(128, width);
    const units = scaled(1024, width);
    this.pool =
      variant.headPool === 'adaptive' ? new AdaptiveAvgPool2d(4) : new AvgPool2d({ kernel: HEAD_WINDOW, stride: 3 });
    this.conv = new ConvUnit(inChannels, channels, { kernel: 1 }, variant);
    this.fc1 = linear(channels * positions, units, variant);
    this.fc2 = linear(units, classes, variant);
    this.dropout = new Dropout(dropout);
  }

  forward(x: Tensor): Tensor {
    const y = F.flatten(this.conv.forward(this.pool.forward(x)));
    return this.fc2.forward(this.dropout.forward(F.relu(this.fc1.forward(y))));
  }
}

/** Side of the paper's pooling windows in the auxiliary heads, which are 3 pixels apart. */
export const HEAD_WINDOW = 5;

import * as F from '../nn/functional.js';
import { kaimingNormal, normal, zeros } from '../nn/init.js';
import { ReLU } from '../nn/layers/activation.js';
import { Conv2d } from '../nn/layers/conv.js';
import { Dropout } from '../nn/layers/dropout.js';
import { Linear } from '../nn/layers/linear.js';
import { BatchNorm2d } from '../nn/layers/norm.js';
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/layers/pool.js';
import { Sequential } from '../nn/layers/sequential.js';
import { Module } from '../nn/module.js';
import type { Tensor } from '../tensor/node.js';
import { checkBoolean, checkNumber } from '../util/check.js';
import { checkOptions } from '../util/registry.js';
import { IMAGENET, type ImageShape, type NetworkOptions, registerModel } from './registry.js';
import { checkImage, checkWidth, scaled } from './size.js';

/** A 3x3 convolution with this many channels out, or a 2x2 max pooling. */
export type VGGLayer = number | 'M';

/** Table 1 of the paper: the columns that are used today, by their letter. */
export const VGG_CONFIGS = {
  A: [64, 'M', 128, 'M', 256, 256, 'M', 512, 512, 'M', 512, 512, 'M'],
  B: [64, 64, 'M', 128, 128, 'M', 256, 256, 'M', 512, 512, 'M', 512, 512, 'M'],
  D: [64, 64, 'M', 128, 128, 'M', 256, 256, 256, 'M', 512, 512, 512, 'M', 512, 512, 512, 'M'],
  E: [64, 64, 'M', 128, 128, 'M', 256, 256, 256, 256, 'M', 512, 512, 512, 512, 'M', 512, 512, 512, 512, 'M'],
} as const satisfies Record<string, readonly VGGLayer[]>;

export interface VGGFeaturesOptions {
  /** Channels and pools in order, or a column of the paper's table; default 'A'. */
  readonly layers?: readonly VGGLayer[] | keyof typeof VGG_CONFIGS;
  /** Batch normalisation behind each convolution (which keeps its bias, as in torchvision); default false. */
  readonly batchNorm?: boolean;
  /** Channels of the images; default 3. */
  readonly inChannels?: number;
  /** Factor on all channel counts; default 1. */
  readonly width?: number;
}

/** The list behind `layers`. Throws one sentence for an entry that is neither channels nor a pool. */
function layerList(layers: VGGFeaturesOptions['layers'] = 'A'): readonly VGGLayer[] {
  if (typeof layers === 'string') {
    const known = VGG_CONFIGS[layers];
    if (known) return known;
    throw new RangeError(
      `VGG: there is no configuration "${layers}", take one of ${Object.keys(VGG_CONFIGS).join(', ')} or a list of channels and 'M'`,
    );
  }
  if (!Array.isArray(layers) || typeof layers[0] !== 'number')
    throw new RangeError(
      `VGG: layers must be a list that begins with a convolution's channels, such as [64, 'M', 128, 'M'], got ${JSON.stringify(layers)}`,
    );
  for (const [i, layer] of layers.entries())
    if (layer !== 'M' && !(Number.isInteger(layer) && layer > 0))
      throw new RangeError(
        `VGG: entry ${i} of the channel list is ${JSON.stringify(layer)}, expected a whole number of channels above 0 or 'M' for a 2x2 max pooling`,
      );
  return layers;
}

/** VGG's convolutions: [N, inChannels, H, W] -> [N, channels, H / 2^pools, W / 2^pools], rounded down at each pool. */
export class VGGFeatures extends Module {
  readonly features: Sequential;
  /** Channels of the last convolution before each pool, then of what comes out at the end: as `stages` gives them. */
  readonly stageChannels: readonly number[];
  readonly pools: number;

  constructor({ layers, batchNorm = false, inChannels = 3, width }: VGGFeaturesOptions = {}) {
    super();
    checkBoolean('VGG: batchNorm', batchNorm);
    const factor = checkWidth('VGG', width);
    const built: Module[] = [];
    const stageChannels: number[] = [];
    let channels = inChannels;
    for (const layer of layerList(layers)) {
      if (layer === 'M') {
        built.push(new MaxPool2d({ kernel: 2, stride: 2 }));
        stageChannels.push(channels);
        continue;
      }
      const out = scaled(layer, factor);
      built.push(new Conv2d(channels, out, { kernel: 3, padding: 1, weightInit: CONV_INIT, biasInit: zeros }));
      if (batchNorm) built.push(new BatchNorm2d(out));
      built.push(new ReLU());
      channels = out;
    }
    this.features = new Sequential(...built);
    this.pools = stageChannels.length;
    this.stageChannels = [...stageChannels, channels];
  }

  /** The map before each pool (strides 1, 2, 4, ...), then the last output. A decoder takes them as skips. */
  stages(x: Tensor): Tensor[] {
    checkSize(x.shape[2] ?? 1, x.shape[3] ?? 1, this.pools);
    const maps: Tensor[] = [];
    for (const layer of this.features) {
      if (layer instanceof MaxPool2d) maps.push(x);
      x = layer.forward(x) as Tensor;
    }
    return [...maps, x];
  }

  forward(x: Tensor): Tensor {
    return this.stages(x).at(-1)!;
  }
}

/** As in torchvision: normal with the variance kept backwards (the paper: normal with std 0.01, deep nets pre-trained). */
const CONV_INIT = kaimingNormal({ mode: 'fanOut', nonlinearity: 'relu' });
const linear = (from: number, to: number) => new Linear(from, to, { weightInit: normal(0, 0.01), biasInit: zeros });

const checkSize = (height: number, width: number, pools: number) =>
  checkImage('VGG', height, width, (side) => side >= 2 ** pools, `${pools} pooling layers`);

/** Below this side in pixels the default head is the small one. */
const SMALL_IMAGE = 64;

export interface VGGOptions extends NetworkOptions, Omit<VGGFeaturesOptions, 'inChannels'> {
  /**
   * 'full': average pooling to 7x7, then the paper's three linear layers. 'small': average pooling to 1x1, then one
   * linear layer, for images such as CIFAR's. Default: small if a side of `inputShape` is below 64 pixels, else full.
   */
  readonly head?: 'full' | 'small';
  /** Units of the two hidden layers of the full head; default 4096 (times `width`). */
  readonly hidden?: number;
  /** Dropout of the full head; default 0.5. */
  readonly dropout?: number;
}

/**
 * VGG: 3x3 convolutions and 2x2 pools stacked deep, then linear layers. [N, C, H, W] -> logits [N, classes].
 * Simonyan & Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014.
 * Names, initial values and numbers are torchvision's (`features.0.weight`, `classifier.6.bias`).
 *
 * Differs from the paper, as torchvision does: average pooling to 7x7 before the classifier, so that every image size
 * works (at 224x224 it changes nothing); Kaiming-normal initial values; batch normalisation as an option; the small
 * head (`classifier.weight`) is not the paper's.
 *
 * ```ts
 * const net = new VGG({ layers: [32, 'M', 64, 64, 'M'], batchNorm: true, inputShape: [3, 32, 32], classes: 10 });
 * ```
 * @throws RangeError, one sentence, for an unknown entry in `layers`, an image too small for the pools, classes <= 0
 */
export class VGG extends VGGFeatures {
  readonly avgpool: AdaptiveAvgPool2d;
  readonly classifier: Sequential | Linear;

  constructor(options: VGGOptions = {}) {
    checkOptions('VGG', options, ['inputShape', 'classes', 'layers', 'batchNorm', ...OPTIONS]);
    const { inputShape = [3, 224, 224], classes = 1000, layers, batchNorm, width, hidden = 4096, dropout } = options;
    super({ layers, batchNorm, width, inChannels: inputShape[0] });
    checkSize(inputShape[1], inputShape[2], this.pools);
    checkNumber('VGG: classes', classes, { min: 1, integer: true });
    const channels = this.stageChannels.at(-1)!;
    const { head = defaultHead(inputShape) } = options;
    if (head === 'small') {
      this.avgpool = new AdaptiveAvgPool2d(1); // [N, 512, 1, 1]
      this.classifier = linear(channels, classes);
    } else if (head === 'full') {
      checkNumber('VGG: hidden', hidden, { min: 1, integer: true });
      const units = scaled(hidden, width ?? 1);
      this.avgpool = new AdaptiveAvgPool2d(7); // [N, 512, 7, 7]
      this.classifier = new Sequential(
        linear(channels * 7 * 7, units),
        new ReLU(),
        new Dropout(dropout),
        linear(units, units),
        new ReLU(),
        new Dropout(dropout),
        linear(units, classes),
      );
    } else throw new RangeError(`VGG: head must be 'full' or 'small', got ${JSON.stringify(head)}`);
  }

  override forward(x: Tensor): Tensor {
    const maps = super.forward(x); // [N, 512, H / 32, W / 32]
    const pooled = this.avgpool.forward(maps);
    return this.classifier.forward(F.flatten(pooled)) as Tensor;
  }
}
const OPTIONS = ['head', 'hidden', 'dropout', 'width'] as const;

const defaultHead = ([, height, width]: ImageShape) => (Math.min(height, width) < SMALL_IMAGE ? 'small' : 'full');

/** Any VGG: a list of channels and pools, or a column of the paper's table. */
export const vgg = (options: VGGOptions = {}): VGG => new VGG(options);

type Named = Omit<VGGOptions, 'layers'>;
/** Configuration A: 8 convolutions, 3 linear layers; 132,863,336 parameters. */
export const vgg11 = (options: Named = {}): VGG => new VGG({ ...options, layers: 'A' });
/** Configuration B: 133,047,848 parameters. */
export const vgg13 = (options: Named = {}): VGG => new VGG({ ...options, layers: 'B' });
/** Configuration D: 138,357,544 parameters. */
export const vgg16 = (options: Named = {}): VGG => new VGG({ ...options, layers: 'D' });
/** Configuration E: 143,667,240 parameters. */
export const vgg19 = (options: Named = {}): VGG => new VGG({ ...options, layers: 'E' });

for (const [depth, layers] of [
  [11, 'A'],
  [13, 'B'],
  [16, 'D'],
  [19, 'E'],
] as const)
  for (const batchNorm of [false, true])
    registerModel({
      name: `vgg${depth}${batchNorm ? '_bn' : ''}`,
      family: 'vgg',
      summary: `configuration ${layers}${batchNorm ? ' with batch normalisation' : ''}, ${depth} weight layers; one linear layer for images below ${SMALL_IMAGE} pixels`,
      paper: 'Simonyan & Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014',
      task: 'classification',
      inputShape: [3, 224, 224],
      classes: 1000,
      optimizer: { name: 'sgd', options: { lr: 0.01, momentum: 0.9 } },
      options: OPTIONS,
      preprocessing: IMAGENET,
      create: (options) => new VGG({ ...options, layers, batchNorm }),
    });

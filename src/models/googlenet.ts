import * as F from '../nn/functional.js';
import { Identity } from '../nn/layers/activation.js';
import { Dropout } from '../nn/layers/dropout.js';
import type { Linear } from '../nn/layers/linear.js';
import { LocalResponseNorm } from '../nn/layers/norm.js';
import { GlobalAvgPool2d, MaxPool2d } from '../nn/layers/pool.js';
import { Module, type Output } from '../nn/module.js';
import { type Tensor, tensor } from '../tensor/node.js';
import { windowOutput } from '../tensor/shape.js';
import { checkBoolean, checkNumber } from '../util/check.js';
import { checkOptions } from '../util/registry.js';
import {
  AuxiliaryHead,
  ConvUnit,
  HEAD_WINDOW,
  INCEPTIONS,
  Inception,
  inceptionOut,
  linear,
  VARIANTS,
  type Variant,
  type VariantName,
} from './googlenetBlocks.js';
import { IMAGENET, type NetworkOptions, registerModel } from './registry.js';
import { checkImage, checkWidth, scaled, smallestSide } from './size.js';

export interface GoogLeNetFeaturesOptions {
  /** Default 'torchvision'. */
  readonly variant?: VariantName;
  /** Channels of the images; default 3. */
  readonly inChannels?: number;
  /**
   * Images come normalised with ImageNet's mean and standard deviation and are brought to mean 0.5 and std 0.5, which
   * torchvision's published weights were trained with. Default false.
   */
  readonly transformInput?: boolean;
  /** Factor on all channel counts; default 1. */
  readonly width?: number;
}

/** GoogLeNet's convolutions: [N, inChannels, H, W] -> [N, 1024, H / 32, W / 32]. */
export class GoogLeNetFeatures extends Module {
  readonly conv1: ConvUnit;
  readonly maxpool1: MaxPool2d;
  readonly norm1: Module;
  readonly conv2: ConvUnit;
  readonly conv3: ConvUnit;
  readonly norm2: Module;
  readonly maxpool2: MaxPool2d;
  readonly inception3a: Inception;
  readonly inception3b: Inception;
  readonly maxpool3: MaxPool2d;
  readonly inception4a: Inception;
  readonly inception4b: Inception;
  readonly inception4c: Inception;
  readonly inception4d: Inception;
  readonly inception4e: Inception;
  readonly maxpool4: MaxPool2d;
  readonly inception5a: Inception;
  readonly inception5b: Inception;
  readonly transformInput: boolean;
  /** Channels of what `stages` gives. */
  readonly stageChannels: readonly number[];
  protected readonly variant: Variant;

  constructor({
    variant: name = 'torchvision',
    inChannels = 3,
    transformInput = false,
    width,
  }: GoogLeNetFeaturesOptions = {}) {
    super();
    const variant = variantOf(name);
    const factor = checkWidth('GoogLeNet', width);
    const [c64, c192] = [scaled(64, factor), scaled(192, factor)];
    const pool = (kernel: number) => new MaxPool2d({ kernel, stride: 2, ceilMode: true });
    const norm = () => (variant.lrn ? new LocalResponseNorm(5, { alpha: 1e-4, beta: 0.75 }) : new Identity());
    const inception = (row: keyof typeof INCEPTIONS, from: number) =>
      new Inception(from, INCEPTIONS[row], variant, factor);
    const out = (row: keyof typeof INCEPTIONS) => inceptionOut(INCEPTIONS[row], factor);

    this.variant = variant;
    this.transformInput = checkBoolean('GoogLeNet: transformInput', transformInput);
    if (transformInput && inChannels !== 3)
      throw new RangeError(`GoogLeNet: transformInput is for images of 3 channels, got ${inChannels}`);
    this.conv1 = new ConvUnit(inChannels, c64, { kernel: 7, stride: 2, padding: 3 }, variant);
    this.maxpool1 = pool(3);
    this.norm1 = norm();
    this.conv2 = new ConvUnit(c64, c64, { kernel: 1 }, variant);
    this.conv3 = new ConvUnit(c64, c192, { kernel: 3, padding: 1 }, variant);
    this.norm2 = norm();
    this.maxpool2 = pool(3);
    this.inception3a = inception('3a', c192);
    this.inception3b = inception('3b', out('3a'));
    this.maxpool3 = pool(3);
    this.inception4a = inception('4a', out('3b'));
    this.inception4b = inception('4b', out('4a'));
    this.inception4c = inception('4c', out('4b'));
    this.inception4d = inception('4d', out('4c'));
    this.inception4e = inception('4e', out('4d'));
    this.maxpool4 = pool(variant.lastPool);
    this.inception5a = inception('5a', out('4e'));
    this.inception5b = inception('5b', out('5a'));
    this.stageChannels = [c64, c192, out('3b'), out('4e'), out('5b')];
  }

  /** The maps that something outside of the trunk looks at, by the paper's names (sizes for 224x224). */
  protected maps(image: Tensor) {
    const sides = (side: number) => trunkSides(side, this.variant).every((s) => s > 0);
    checkImage('GoogLeNet', image.shape[2] ?? 1, image.shape[3] ?? 1, sides, '5 halvings');
    let x = this.transformInput ? fromImageNet(image) : image; // [N, 3, 224, 224]
    const conv1 = this.conv1.forward(x); // [N, 64, 112, 112]
    x = this.norm1.forward(this.maxpool1.forward(conv1)) as Tensor; // [N, 64, 56, 56]
    x = this.conv2.forward(x); // [N, 64, 56, 56]
    const conv3 = this.conv3.forward(x); // [N, 192, 56, 56]
    x = this.maxpool2.forward(this.norm2.forward(conv3) as Tensor); // [N, 192, 28, 28]
    x = this.inception3a.forward(x); // [N, 256, 28, 28]
    const inception3b = this.inception3b.forward(x); // [N, 480, 28, 28]
    x = this.maxpool3.forward(inception3b); // [N, 480, 14, 14]
    const inception4a = this.inception4a.forward(x); // [N, 512, 14, 14]
    x = this.inception4b.forward(inception4a); // [N, 512, 14, 14]
    x = this.inception4c.forward(x); // [N, 512, 14, 14]
    const inception4d = this.inception4d.forward(x); // [N, 528, 14, 14]
    const inception4e = this.inception4e.forward(inception4d); // [N, 832, 14, 14]
    x = this.maxpool4.forward(inception4e); // [N, 832, 7, 7]
    x = this.inception5a.forward(x); // [N, 832, 7, 7]
    const inception5b = this.inception5b.forward(x); // [N, 1024, 7, 7]
    return { conv1, conv3, inception3b, inception4a, inception4d, inception4e, inception5b };
  }

  /** The last map of each size (strides 2, 4, 8, 16, 32). A decoder takes them as skips. */
  stages(image: Tensor): Tensor[] {
    const { conv1, conv3, inception3b, inception4e, inception5b } = this.maps(image);
    return [conv1, conv3, inception3b, inception4e, inception5b];
  }

  forward(image: Tensor): Output {
    return this.maps(image).inception5b;
  }
}

function variantOf(name: string): Variant {
  const variant = (VARIANTS as Record<string, Variant>)[name];
  if (!variant)
    throw new RangeError(`GoogLeNet: variant must be 'torchvision' or 'paper', got ${JSON.stringify(name)}`);
  return variant;
}

/** Sides of the map behind the first convolution and behind each pool; 0 or less where nothing is left. */
function trunkSides(side: number, { lastPool }: Variant): number[] {
  const pooled = (s: number, kernel: number) => {
    const out = Math.ceil((s - kernel) / 2) + 1;
    return (out - 1) * 2 >= s ? out - 1 : out; // a window must begin inside the map
  };
  const sides = [windowOutput(side, 7, 2, 3)];
  for (const kernel of [3, 3, 3, lastPool]) sides.push(pooled(sides.at(-1)!, kernel));
  return sides;
}

/** (v - mean) / std with ImageNet's numbers becomes (v - 0.5) / 0.5. */
function fromImageNet(image: Tensor): Tensor {
  const perChannel = (of: (mean: number, std: number) => number) =>
    tensor(
      Float32Array.from(IMAGENET.mean, (mean, c) => of(mean, IMAGENET.std[c]!)),
      [1, 3, 1, 1],
    );
  return image.mul(perChannel((_, std) => std / 0.5)).add(perChannel((mean) => (mean - 0.5) / 0.5));
}

export interface GoogLeNetOptions extends NetworkOptions, Omit<GoogLeNetFeaturesOptions, 'inChannels'> {
  /** The two auxiliary heads; default true. They add parameters, but work in training only. */
  readonly auxLogits?: boolean;
  /** Before the last linear layer; default 0.2, for the paper's variant 0.4. */
  readonly dropout?: number;
  /** In the auxiliary heads; default 0.7. */
  readonly auxDropout?: number;
}

/**
 * GoogLeNet: nine inception blocks, global average pooling, one linear layer; [N, C, H, W] -> logits [N, classes].
 * In training with auxiliary heads it gives `{ logits, aux1, aux2 }`, each [N, classes]: `aux1` looks at the map behind
 * block 4a, `aux2` behind 4d. Their losses count 0.3 (`outputWeights`, which the trainer uses unless told otherwise).
 * Szegedy et al.: Going Deeper with Convolutions, 2014.
 *
 * Variant 'torchvision' has torchvision's names and numbers and its declared differences from the paper: batch
 * normalisation (eps 0.001) and no bias instead of local response normalisation; 3x3 in the "5x5" branch; a last pool
 * of 2x2 instead of 3x3; heads that pool to 4x4 whatever the map; dropout 0.2 instead of 0.4.
 * Variant 'paper' follows the paper in all of these. Its heads pool by 5x5 windows, so that with them `inputShape`
 * fixes the image size in training. The paper does not give its initial values, here they are Kaiming-normal, nor the
 * rounding of its pools, which is upwards as the sizes in its Table 1 ask for.
 *
 * ```ts
 * const net = new GoogLeNet({ inputShape: [3, 96, 96], classes: 10, auxLogits: false });
 * ```
 * @throws RangeError, one sentence, for an image too small for the pools or the heads, an unknown variant, classes <= 0
 */
export class GoogLeNet extends GoogLeNetFeatures {
  readonly aux1: AuxiliaryHead | undefined;
  readonly aux2: AuxiliaryHead | undefined;
  readonly avgpool = new GlobalAvgPool2d();
  readonly dropout: Dropout;
  readonly fc: Linear;
  override readonly outputWeights: Readonly<Record<string, number>> | undefined;

  constructor(options: GoogLeNetOptions = {}) {
    checkOptions('GoogLeNet', options, ['inputShape', 'classes', 'variant', ...OPTIONS]);
    const { inputShape = [3, 224, 224], classes = 1000, variant: name, auxLogits = true, width = 1 } = options;
    const { auxDropout = 0.7, transformInput } = options;
    super({ variant: name, inChannels: inputShape[0], transformInput, width });
    const { variant } = this;
    const { dropout = variant.dropout } = options;
    checkNumber('GoogLeNet: classes', classes, { min: 1, integer: true });
    const positions = headPositions(inputShape, variant, checkBoolean('GoogLeNet: auxLogits', auxLogits));
    const head = (row: '4a' | '4d') =>
      auxLogits
        ? new AuxiliaryHead(inceptionOut(INCEPTIONS[row], width), classes, {
            positions,
            dropout: auxDropout,
            width,
            variant,
          })
        : undefined;
    this.aux1 = head('4a');
    this.aux2 = head('4d');
    this.dropout = new Dropout(dropout);
    this.fc = linear(inceptionOut(INCEPTIONS['5b'], width), classes, variant);
    this.outputWeights = auxLogits ? { logits: 1, aux1: 0.3, aux2: 0.3 } : undefined;
  }

  override forward(image: Tensor): Output {
    const { inception4a, inception4d, inception5b } = this.maps(image);
    const pooled = F.flatten(this.avgpool.forward(inception5b)); // [N, 1024]
    const logits = this.fc.forward(this.dropout.forward(pooled)); // [N, classes]
    if (!this.training || !this.aux1 || !this.aux2) return logits;
    return { logits, aux1: this.aux1.forward(inception4a), aux2: this.aux2.forward(inception4d) };
  }
}

/** Places of the map that the auxiliary heads flatten. Throws if the image is too small for the network or its heads. */
function headPositions([, height, width]: readonly number[], variant: Variant, heads: boolean): number {
  const fits = (side: number) => trunkSides(side, variant).every((s) => s > 0);
  if (!heads || variant.headPool === 'adaptive') {
    checkImage('GoogLeNet', height!, width!, fits, '5 halvings');
    return 16;
  }
  const pooled = (side: number) => windowOutput(trunkSides(side, variant)[3]!, HEAD_WINDOW, 3, 0);
  if (pooled(height!) < 1 || pooled(width!) < 1) {
    const least = smallestSide((side) => fits(side) && pooled(side) > 0);
    throw new RangeError(
      `GoogLeNet: images of ${height}x${width} are too small for the paper's auxiliary heads, the smallest that works is ${least}x${least}: resize them, or leave the heads out with auxLogits false`,
    );
  }
  return pooled(height!) * pooled(width!);
}
const OPTIONS = ['auxLogits', 'transformInput', 'dropout', 'auxDropout', 'width'] as const;

/** The variant that torchvision's weights fit: 13,004,888 parameters, 6,624,904 without heads. */
export const googlenet = (options: GoogLeNetOptions = {}): GoogLeNet => new GoogLeNet(options);
/** The paper's own form: 13,378,280 parameters, 6,998,552 without heads. */
export const googlenetPaper = (options: Omit<GoogLeNetOptions, 'variant'> = {}): GoogLeNet =>
  new GoogLeNet({ ...options, variant: 'paper' });

const common = {
  family: 'googlenet',
  paper: 'Szegedy et al.: Going Deeper with Convolutions, 2014',
  task: 'classification',
  inputShape: [3, 224, 224],
  classes: 1000,
  optimizer: { name: 'sgd', options: { lr: 0.01, momentum: 0.9 } },
  options: OPTIONS,
} as const;

registerModel({
  ...common,
  name: 'googlenet',
  summary: "nine inception blocks, torchvision's variant: batch normalisation, 3x3 in the 5x5 branch",
  preprocessing: IMAGENET,
  create: (options) => new GoogLeNet(options),
});
registerModel({
  ...common,
  name: 'googlenet_paper',
  summary: 'nine inception blocks as in the paper: local response normalisation, a true 5x5 branch',
  create: (options) => new GoogLeNet({ ...options, variant: 'paper' }),
});

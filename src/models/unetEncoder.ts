import { Module, type StateDict } from '../nn/module.js';
import type { Tensor } from '../tensor/node.js';
import { checkBoolean, checkNumber } from '../util/check.js';
import { checkOptions } from '../util/registry.js';
import { GoogLeNetFeatures } from './googlenet.js';
import { IMAGENET, type NetworkOptions, registerModel } from './registry.js';
import { checkWidth, scaled } from './size.js';
import { type BlockStyle, DoubleConv, OutConv, Up } from './unetBlocks.js';
import { VGGFeatures } from './vgg.js';

/** Contracting paths that a U-Net can take from other families. */
export type EncoderName = 'vgg11' | 'vgg16' | 'googlenet';

/** A contracting path: `stages` gives the maps from the largest to the smallest, with `stageChannels` channels. */
interface Encoder extends Module {
  readonly stageChannels: readonly number[];
  stages(image: Tensor): Tensor[];
}

interface EncoderChoice {
  readonly make: (options: {
    inChannels: number;
    width: number;
    batchNorm: boolean;
    transformInput: boolean;
  }) => Encoder;
  /** Whether the first map has the image's size; if not, one more step without a skip leads up to it. */
  readonly fullSize: boolean;
  /** Options of this encoder alone. */
  readonly options: readonly string[];
}

const ENCODERS: Readonly<Record<EncoderName, EncoderChoice>> = {
  vgg11: {
    make: ({ inChannels, width, batchNorm }) => new VGGFeatures({ layers: 'A', inChannels, width, batchNorm }),
    fullSize: true,
    options: ['batchNorm'],
  },
  vgg16: {
    make: ({ inChannels, width, batchNorm }) => new VGGFeatures({ layers: 'D', inChannels, width, batchNorm }),
    fullSize: true,
    options: ['batchNorm'],
  },
  googlenet: {
    make: ({ inChannels, width, transformInput }) => new GoogLeNetFeatures({ inChannels, width, transformInput }),
    fullSize: false,
    options: ['transformInput'],
  },
};

/** Channels of the decoder from the bottom up; the first is also what the centre gives. */
const DECODER = [512, 256, 128, 64, 32] as const;

export interface EncoderUNetOptions extends NetworkOptions {
  readonly encoder: EncoderName;
  /** Channels of the images; default: those of `inputShape`, else 3. */
  readonly inChannels?: number;
  /** Up by bilinear resizing (corners aligned); default false: transposed convolution. */
  readonly bilinear?: boolean;
  /** For VGG encoders: the form with batch normalisation; default false. */
  readonly batchNorm?: boolean;
  /** For the GoogLeNet encoder with torchvision's weights (see `GoogLeNetFeaturesOptions`); default false. */
  readonly transformInput?: boolean;
  /** Factor on all channel counts; default 1. */
  readonly width?: number;
}

/**
 * A U-Net whose contracting path is a VGG or GoogLeNet, so that weights trained for classification are reused:
 * [N, C, H, W] -> logits [N, classes, H, W], for any size of at least 32x32 (GoogLeNet: 15x15).
 *
 * The skips are the maps before VGG's five pools, or GoogLeNet's last maps of each size (whose first one has half the
 * image's size, so that the last step up has no skip). Two convolutions at the bottom and five steps up with 512, 256,
 * 128, 64 and 32 channels follow, with batch normalisation. After TernausNet (Iglovikov & Shvets 2018), from which it
 * differs by this decoder: there convolutions come before the transposed convolution, without batch norm.
 * The encoder's parameters are called `encoder.` and then as in the classifier.
 *
 * ```ts
 * const net = new EncoderUNet({ encoder: 'vgg16', classes: 1 });
 * net.loadEncoder(weightsOfVgg16);
 * net.freeze('encoder');
 * ```
 */
export class EncoderUNet extends Module {
  readonly encoder: Encoder;
  readonly center: DoubleConv;
  readonly ups: readonly Up[];
  readonly outc: OutConv;
  private readonly fullSize: boolean;

  constructor(options: EncoderUNetOptions) {
    super();
    const name = options.encoder;
    const choice: EncoderChoice | undefined = ENCODERS[name];
    if (!choice)
      throw new RangeError(
        `U-Net: the encoder must be one of ${Object.keys(ENCODERS).join(', ')}, got ${JSON.stringify(name)}`,
      );
    checkOptions(`U-Net with ${name}`, options, [
      'encoder',
      'inputShape',
      'classes',
      'inChannels',
      ...optionsOf(choice),
    ]);
    const { inputShape, inChannels = inputShape?.[0] ?? 3, classes = 1 } = options;
    const { batchNorm = false, transformInput = false } = options;
    checkNumber('U-Net: inChannels', inChannels, { min: 1, integer: true });
    checkNumber('U-Net: classes', classes, { min: 1, integer: true });
    const width = checkWidth('U-Net', options.width);
    const style: BlockStyle = {
      padding: 'same',
      batchNorm: true,
      bilinear: checkBoolean('U-Net: bilinear', options.bilinear ?? false),
    };
    this.fullSize = choice.fullSize;
    this.encoder = choice.make({ inChannels, width, batchNorm, transformInput });
    const maps = this.encoder.stageChannels;
    const decoder = DECODER.map((c) => scaled(c, width));
    this.center = new DoubleConv(maps.at(-1)!, decoder[0]!, style);
    const skips = maps.slice(0, -1).reverse();
    this.ups = decoder.map((out, i) => new Up(decoder[Math.max(0, i - 1)]!, skips[i] ?? 0, out, style));
    this.outc = new OutConv(decoder.at(-1)!, classes, style);
  }

  override *children(): Generator<[name: string, module: Module]> {
    yield ['encoder', this.encoder];
    yield ['center', this.center];
    for (const [i, up] of this.ups.entries()) yield [`up${i + 1}`, up];
    yield ['outc', this.outc];
  }

  forward(image: Tensor): Tensor {
    const maps = this.encoder.stages(image); // vgg: [N, 64, H, W] ... [N, 512, H / 16, W / 16], [N, 512, H / 32, W / 32]
    if (!this.fullSize) maps.unshift(image);
    let x = this.center.forward(maps.pop()!); // [N, 512, H / 32, W / 32]
    for (const up of this.ups) x = up.forward(x, maps.pop()!); // [N, 512, H / 16, W / 16] ... [N, 32, H, W]
    return this.outc.forward(x); // [N, classes, H, W]
  }

  /**
   * Takes the contracting path's weights from those of a whole classifier, named as in torchvision; the classifier's
   * last layers are left out.
   * @throws Error naming the first parameter that is missing, unexpected or has another shape
   */
  loadEncoder(weights: StateDict): void {
    const isHead = (path: string) => /^(classifier|fc|aux1|aux2)\./.test(path);
    const kept = Object.entries(weights).filter(([path]) => !isHead(path));
    this.encoder.loadStateDict(Object.fromEntries(kept));
  }
}

const optionsOf = ({ options }: EncoderChoice) => ['bilinear', 'width', ...options];

/** A U-Net on a contracting path from VGG or GoogLeNet. */
export const encoderUnet = (options: EncoderUNetOptions): EncoderUNet => new EncoderUNet(options);

for (const [encoder, choice] of Object.entries(ENCODERS) as [EncoderName, EncoderChoice][])
  registerModel({
    name: `unet_${encoder}`,
    family: 'unet',
    summary: `U-Net on the contracting path of ${encoder}, whose weights can be reused`,
    paper:
      'Iglovikov & Shvets: TernausNet: U-Net with VGG11 Encoder Pre-Trained on ImageNet for Image Segmentation, 2018',
    task: 'segmentation',
    inputShape: [3, 128, 128],
    classes: 1,
    optimizer: { name: 'adam', options: { lr: 0.001 } },
    options: optionsOf(choice),
    preprocessing: IMAGENET,
    create: (options) => new EncoderUNet({ ...options, encoder }),
  });

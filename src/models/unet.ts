import { Dropout } from '../nn/layers/dropout.js';
import { Module } from '../nn/module.js';
import type { Tensor } from '../tensor/node.js';
import { checkBoolean, checkNumber } from '../util/check.js';
import { checkOptions } from '../util/registry.js';
import { type NetworkOptions, registerModel } from './registry.js';
import { checkImage, checkWidth, type SideRule, scaled } from './size.js';
import { type BlockStyle, DoubleConv, Down, OutConv, Up } from './unetBlocks.js';

export interface UNetOptions extends NetworkOptions {
  /** Channels of the images; default: those of `inputShape`, else 3. */
  readonly inChannels?: number;
  /** Channels of every level, the widest (the bottom of the U) last: at least two. Default [64, 128, 256, 512, 1024]. */
  readonly features?: readonly number[];
  /** Up by bilinear resizing (corners aligned), with half the channels at the bottom; default false: transposed convolution. */
  readonly bilinear?: boolean;
  /** 'same' (default) gives masks of the image's size, 'valid' smaller ones, as in the paper (572 to 388). */
  readonly padding?: 'same' | 'valid';
  /** Default true. Without it convolutions have a bias. */
  readonly batchNorm?: boolean;
  /** At the end of the contracting path; default 0. */
  readonly dropout?: number;
  /** Factor on all channel counts; default 1. */
  readonly width?: number;
}

/** Channels of the levels. Throws one sentence unless they are at least two whole numbers above 0. */
function levels(features: readonly number[] = [64, 128, 256, 512, 1024], width: number): number[] {
  if (!Array.isArray(features) || features.length < 2)
    throw new RangeError(
      `U-Net: features must list the channels of at least two levels, such as [64, 128, 256], got ${JSON.stringify(features)}`,
    );
  return features.map((f, i) => scaled(checkNumber(`U-Net: features[${i}]`, f, { min: 1, integer: true }), width));
}

/** Whether an image with this side has something left at the bottom and, with valid convolutions, in the mask. */
const sideRule =
  (depth: number, padding: 'same' | 'valid'): SideRule =>
  (side) => {
    if (padding === 'same') return side >= 2 ** (depth - 1);
    let s = side - 4;
    for (let level = 1; level < depth; level++) s = Math.floor(s / 2) - 4;
    if (s < 1) return false;
    for (let level = 1; level < depth; level++) s = 2 * s - 4;
    return s >= 1;
  };

/**
 * U-Net: two convolutions a level on the way down, two on the way up, and every level's map is passed across.
 * [N, C, H, W] -> logits [N, classes, H, W]; with `padding: 'valid'` the mask belongs to the image's middle.
 * Ronneberger, Fischer & Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation, 2015.
 *
 * The default is the usual form: it differs from the paper by padded convolutions (mask and image have one size) and by
 * batch normalisation in place of a bias. `unetPaper` has neither. Neither has the paper's dropout unless `dropout` is
 * given (the paper names no rate). Sizes that do not divide by 2 at every level are resized to the skip's size on the
 * way up. Parameter names are those of the widespread PyTorch version (`inc.double_conv.0.weight`,
 * `down1.maxpool_conv.1.double_conv.0.weight`, `up1.up.weight`, `outc.conv.bias`), so that its weights load.
 *
 * ```ts
 * const net = new UNet({ inChannels: 3, classes: 1, features: [32, 64, 128, 256] });
 * ```
 * @throws RangeError, one sentence, for features or classes that are no whole numbers above 0 or too small an image
 */
export class UNet extends Module {
  readonly inc: DoubleConv;
  readonly downs: readonly Down[];
  readonly bottom: Dropout;
  readonly ups: readonly Up[];
  readonly outc: OutConv;
  private readonly fits: SideRule;

  constructor(options: UNetOptions = {}) {
    super();
    checkOptions('U-Net', options, ['inputShape', 'classes', 'inChannels', 'padding', 'batchNorm', ...OPTIONS]);
    const { inputShape, inChannels = inputShape?.[0] ?? 3, classes = 1, padding = 'same', dropout = 0 } = options;
    const style: BlockStyle = {
      padding,
      batchNorm: checkBoolean('U-Net: batchNorm', options.batchNorm ?? true),
      bilinear: checkBoolean('U-Net: bilinear', options.bilinear ?? false),
    };
    if (padding !== 'same' && padding !== 'valid')
      throw new RangeError(`U-Net: padding must be 'same' or 'valid', got ${JSON.stringify(padding)}`);
    checkNumber('U-Net: inChannels', inChannels, { min: 1, integer: true });
    checkNumber('U-Net: classes', classes, { min: 1, integer: true });
    const features = levels(options.features, checkWidth('U-Net', options.width));
    this.fits = sideRule(features.length, padding);
    if (inputShape) this.check(inputShape[1], inputShape[2], features.length);

    // On the way up the bilinear form has nothing that halves the channels, so each level's output is half as wide.
    const halved = (channels: number) => (style.bilinear ? Math.max(1, Math.floor(channels / 2)) : channels);
    const top = features[0]!;
    const bottom = features.length - 1;
    const down = features.map((f, level) => (level === bottom ? halved(f) : f));
    const up = features.map((f, level) => (level === 0 ? f : halved(f)));
    this.inc = new DoubleConv(inChannels, top, style);
    this.downs = down.slice(1).map((f, i) => new Down(down[i]!, f, style));
    this.bottom = new Dropout(dropout);
    this.ups = down.slice(1).map((_, i) => {
      const level = bottom - 1 - i;
      return new Up(up[level + 1]!, down[level]!, up[level]!, style);
    });
    this.outc = new OutConv(top, classes, style);
  }

  override *children(): Generator<[name: string, module: Module]> {
    yield ['inc', this.inc];
    for (const [i, down] of this.downs.entries()) yield [`down${i + 1}`, down];
    yield ['bottom', this.bottom];
    for (const [i, up] of this.ups.entries()) yield [`up${i + 1}`, up];
    yield ['outc', this.outc];
  }

  forward(image: Tensor): Tensor {
    this.check(image.shape[2] ?? 1, image.shape[3] ?? 1, this.downs.length + 1);
    // Shapes for the default features and an image of 256x256.
    let x = this.inc.forward(image); // [N, 64, 256, 256]
    const skips: Tensor[] = [];
    for (const down of this.downs) {
      skips.push(x);
      x = down.forward(x); // [N, 128, 128, 128], [N, 256, 64, 64], [N, 512, 32, 32], [N, 1024, 16, 16]
    }
    x = this.bottom.forward(x);
    for (const up of this.ups) x = up.forward(x, skips.pop()!); // and back: [N, 512, 32, 32] ... [N, 64, 256, 256]
    return this.outc.forward(x); // [N, classes, 256, 256]
  }

  private check(height: number, width: number, depth: number): void {
    checkImage('U-Net', height, width, this.fits, `${depth} levels`);
  }
}
const OPTIONS = ['features', 'bilinear', 'dropout', 'width'] as const;

/** The usual U-Net: padded convolutions with batch normalisation; 31,037,633 parameters from 3 channels to 1 class. */
export const unet = (options: UNetOptions = {}): UNet => new UNet(options);
/** The paper's U-Net: valid convolutions with bias, from 1 channel to 2 classes; 31,030,658 parameters. */
export const unetPaper = (options: Omit<UNetOptions, 'padding' | 'batchNorm'> = {}): UNet =>
  new UNet({ inputShape: [1, 572, 572], classes: 2, ...options, padding: 'valid', batchNorm: false });

const common = {
  family: 'unet',
  paper: 'Ronneberger, Fischer & Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation, 2015',
  task: 'segmentation',
  optimizer: { name: 'adam', options: { lr: 0.001 } },
  options: OPTIONS,
} as const;

registerModel({
  ...common,
  name: 'unet',
  summary: "padded convolutions with batch normalisation, mask of the image's size, 64 to 1024 channels",
  inputShape: [3, 128, 128],
  classes: 1,
  create: (options) => new UNet(options),
});
registerModel({
  ...common,
  name: 'unet_paper',
  summary: 'valid convolutions as in the paper: 572x572 gives the middle 388x388',
  inputShape: [1, 572, 572],
  classes: 2,
  create: (options) => unetPaper(options),
});

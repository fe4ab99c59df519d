import { type BlockStyle, DoubleConv, Down, OutConv, Up } from '../../../../../src/models/unetBlocks.js';
import { Module } from '../../../../../src/nn/module.js';
import type { Tensor } from '../../../../../src/tensor/node.js';

const STYLE: BlockStyle = { padding: 'same', batchNorm: true, bilinear: false };

/**
 * A U-Net of the blocks of `unet`, small enough to be trained in the page, whose skips can be left out: then nothing but the
 * lowest map reaches the mask.
 */
export class SmallUNet extends Module {
  readonly inc: DoubleConv;
  readonly downs: readonly Down[];
  readonly ups: readonly Up[];
  readonly outc: OutConv;

  constructor(features: readonly number[], skips: boolean) {
    super();
    const upwards = features.toReversed();
    this.inc = new DoubleConv(1, features[0]!, STYLE);
    this.downs = features.slice(1).map((out, i) => new Down(features[i]!, out, STYLE));
    // A step that is built for no skip channels takes only the size from its second input.
    this.ups = upwards.slice(1).map((out, i) => new Up(upwards[i]!, skips ? out : 0, out, STYLE));
    this.outc = new OutConv(features[0]!, 1, STYLE);
  }

  /** [N, 1, H, W] -> logits [N, 1, H, W] */
  forward(image: Tensor): Tensor {
    let x = this.inc.forward(image);
    const maps: Tensor[] = [];
    for (const down of this.downs) {
      maps.push(x);
      x = down.forward(x);
    }
    for (const up of this.ups) x = up.forward(x, maps.pop()!);
    return this.outc.forward(x);
  }
}

import type { Tensor } from '../../tensor/node.js';
import type { Pair } from '../../tensor/ops/signatures.js';
import { checkBoolean, checkNumber, checkPair } from '../../util/check.js';
import { checkOptions } from '../../util/registry.js';
import * as F from '../functional.js';
import { defaultBias, defaultWeight } from '../init.js';
import { Module } from '../module.js';
import type { PairLike } from '../pair.js';
import { type Initializer, Parameter } from '../parameter.js';

export interface Conv2dOptions {
  readonly kernel: PairLike;
  /** Default 1. */
  readonly stride?: PairLike;
  /** Zeros around the image, default 0; `'same'` keeps height and width (stride 1 only). */
  readonly padding?: PairLike | 'same';
  /** Distance of the kernel's taps, default 1. */
  readonly dilation?: PairLike;
  /** Channels are split into this many groups that do not see each other; default 1. */
  readonly groups?: number;
  /** Whether a bias is learnt; default true. */
  readonly bias?: boolean;
  /** Default: PyTorch's, even in +-1/sqrt(fan in). */
  readonly weightInit?: Initializer;
  /** Default: PyTorch's, even in +-1/sqrt(fan in). */
  readonly biasInit?: Initializer;
}

const positive = { min: 1, integer: true };
const natural = { min: 0, integer: true };

/** Checks channels against groups; used by both kinds of convolution. */
function checkChannels(what: string, inChannels: number, outChannels: number, groups: number): void {
  checkNumber(`${what}: inChannels`, inChannels, positive);
  checkNumber(`${what}: outChannels`, outChannels, positive);
  checkNumber(`${what}: groups`, groups, positive);
  if (inChannels % groups !== 0 || outChannels % groups !== 0)
    throw new RangeError(
      `${what}: groups must divide the channels, got ${groups} groups for ${inChannels} and ${outChannels} channels`,
    );
}

/**
 * 2-d convolution (cross-correlation): [N, inChannels, H, W] -> [N, outChannels, H', W'] with
 * H' = floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.
 * Parameters: `weight` [outChannels, inChannels / groups, kH, kW], `bias` [outChannels].
 *
 * ```ts
 * new nn.Conv2d(3, 64, { kernel: 3, padding: 1 });
 * ```
 */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly stride: Pair;
  readonly padding: Pair | 'same';
  readonly dilation: Pair;
  readonly groups: number;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    options: Conv2dOptions,
  ) {
    super();
    checkOptions('Conv2d', options ?? {}, KNOWN);
    const {
      kernel,
      stride = 1,
      padding = 0,
      dilation = 1,
      groups = 1,
      bias = true,
      weightInit,
      biasInit,
    } = options ?? {};
    checkChannels('Conv2d', inChannels, outChannels, groups);
    const window = checkPair('Conv2d: kernel', kernel, positive);
    this.stride = checkPair('Conv2d: stride', stride, positive);
    if (typeof padding === 'string' && padding !== 'same')
      throw new RangeError(`Conv2d: padding must be numbers or "same", got "${padding}"`);
    this.padding = padding === 'same' ? padding : checkPair('Conv2d: padding', padding, natural);
    if (padding === 'same' && (this.stride[0] !== 1 || this.stride[1] !== 1))
      throw new RangeError(`Conv2d: padding "same" needs stride 1, got [${this.stride.join(', ')}]`);
    this.dilation = checkPair('Conv2d: dilation', dilation, positive);
    this.groups = groups;
    this.weight = new Parameter([outChannels, inChannels / groups, ...window], weightInit ?? defaultWeight);
    this.bias = checkBoolean('Conv2d: bias', bias)
      ? new Parameter([outChannels], biasInit ?? defaultBias(this.weight.shape))
      : undefined;
  }

  forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this;
    return F.conv2d(x, this.weight, this.bias, { stride, padding, dilation, groups });
  }
}
const KNOWN = ['kernel', 'stride', 'padding', 'dilation', 'groups', 'bias', 'weightInit', 'biasInit'];

export interface ConvTranspose2dOptions {
  readonly kernel: PairLike;
  /** Default 1. */
  readonly stride?: PairLike;
  /** Rows and columns cut off the output on each side; default 0. */
  readonly padding?: PairLike;
  /** Added at the end of the output to choose among the sizes that `stride` makes alike; default 0. */
  readonly outputPadding?: PairLike;
  /** Default 1. */
  readonly dilation?: PairLike;
  /** Default 1. */
  readonly groups?: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Default: PyTorch's, even in +-1/sqrt(outChannels / groups * kH * kW). */
  readonly weightInit?: Initializer;
  /** Default: as the weight. */
  readonly biasInit?: Initializer;
}

/**
 * Transposed ("up-") convolution: [N, inChannels, H, W] -> [N, outChannels, H', W'] with
 * H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + outputPadding + 1.
 * Parameters: `weight` [inChannels, outChannels / groups, kH, kW], `bias` [outChannels].
 */
export class ConvTranspose2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly outputPadding: Pair;
  readonly dilation: Pair;
  readonly groups: number;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    options: ConvTranspose2dOptions,
  ) {
    super();
    checkOptions('ConvTranspose2d', options ?? {}, [...KNOWN, 'outputPadding']);
    const { kernel, stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1, bias = true } = options ?? {};
    checkChannels('ConvTranspose2d', inChannels, outChannels, groups);
    const window = checkPair('ConvTranspose2d: kernel', kernel, positive);
    this.stride = checkPair('ConvTranspose2d: stride', stride, positive);
    this.padding = checkPair('ConvTranspose2d: padding', padding, natural);
    this.outputPadding = checkPair('ConvTranspose2d: outputPadding', outputPadding, natural);
    this.dilation = checkPair('ConvTranspose2d: dilation', dilation, positive);
    for (const i of [0, 1] as const)
      if (this.outputPadding[i] >= Math.max(this.stride[i], this.dilation[i]))
        throw new RangeError(
          `ConvTranspose2d: outputPadding must be less than stride or dilation, got [${this.outputPadding.join(', ')}]`,
        );
    this.groups = groups;
    const { weightInit, biasInit } = options;
    this.weight = new Parameter([inChannels, outChannels / groups, ...window], weightInit ?? defaultWeight);
    this.bias = checkBoolean('ConvTranspose2d: bias', bias)
      ? new Parameter([outChannels], biasInit ?? defaultBias(this.weight.shape))
      : undefined;
  }

  forward(x: Tensor): Tensor {
    const { stride, padding, outputPadding, dilation, groups } = this;
    return F.convTranspose2d(x, this.weight, this.bias, { stride, padding, outputPadding, dilation, groups });
  }
}

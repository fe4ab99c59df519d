import type { Tensor } from '../../tensor/node.js';
import { checkBoolean, checkNumber } from '../../util/check.js';
import { checkOptions } from '../../util/registry.js';
import * as F from '../functional.js';
import { defaultBias, defaultWeight } from '../init.js';
import { Module } from '../module.js';
import { type Initializer, Parameter } from '../parameter.js';

export interface LinearOptions {
  /** Whether a bias is learnt; default true. */
  readonly bias?: boolean;
  /** Default: PyTorch's, even in +-1/sqrt(inFeatures). */
  readonly weightInit?: Initializer;
  /** Default: PyTorch's, even in +-1/sqrt(inFeatures). */
  readonly biasInit?: Initializer;
}

/**
 * Fully connected layer, y = x weight' + bias: [..., inFeatures] -> [..., outFeatures].
 * Parameters: `weight` [outFeatures, inFeatures], `bias` [outFeatures].
 */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    options: LinearOptions = {},
  ) {
    super();
    checkOptions('Linear', options, ['bias', 'weightInit', 'biasInit']);
    const { bias = true, weightInit, biasInit } = options;
    checkNumber('Linear: inFeatures', inFeatures, { min: 1, integer: true });
    checkNumber('Linear: outFeatures', outFeatures, { min: 1, integer: true });
    this.weight = new Parameter([outFeatures, inFeatures], weightInit ?? defaultWeight);
    this.bias = checkBoolean('Linear: bias', bias)
      ? new Parameter([outFeatures], biasInit ?? defaultBias(this.weight.shape))
      : undefined;
  }

  forward(x: Tensor): Tensor {
    return F.linear(x, this.weight, this.bias);
  }
}

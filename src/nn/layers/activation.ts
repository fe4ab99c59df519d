import type { Tensor } from '../../tensor/node.js';
import { checkNumber } from '../../util/check.js';
import { checkOptions } from '../../util/registry.js';
import * as F from '../functional.js';
import { Module } from '../module.js';

/* Element-wise layers: any shape -> the same shape. */

/** max(x, 0) */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return F.relu(x);
  }
}

/** x where it is positive, else negativeSlope * x (default 0.01). */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  constructor(options: { readonly negativeSlope?: number } = {}) {
    super();
    checkOptions('LeakyReLU', options, ['negativeSlope']);
    this.negativeSlope = checkNumber('LeakyReLU: negativeSlope', options.negativeSlope ?? 0.01);
  }

  forward(x: Tensor): Tensor {
    return F.leakyRelu(x, { negativeSlope: this.negativeSlope });
  }
}

export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

/** 1 / (1 + e^-x) */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

/** e^x / sum e^x along `axis` (default 1, the channels; negative ones count from the end). */
export class Softmax extends Module {
  readonly axis: number;

  constructor(options: { readonly axis?: number } = {}) {
    super();
    checkOptions('Softmax', options, ['axis']);
    this.axis = checkNumber('Softmax: axis', options.axis ?? 1, { integer: true });
  }

  forward(x: Tensor): Tensor {
    return F.softmax(x, { axis: this.axis });
  }
}

/** Logarithm of softmax along `axis` (default 1, the channels). */
export class LogSoftmax extends Softmax {
  override forward(x: Tensor): Tensor {
    return F.logSoftmax(x, { axis: this.axis });
  }
}

/** Does nothing: stands in for a layer that is left out. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

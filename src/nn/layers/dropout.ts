import type { Tensor } from '../../tensor/node.js';
import { checkNumber } from '../../util/check.js';
import * as F from '../functional.js';
import { Module } from '../module.js';

/**
 * In training zeroes each element with probability `p` (default 0.5) and scales the rest by 1 / (1 - p); in evaluation
 * does nothing. Any shape. The mask is a function of seed, step and the layer's path, the same on every backend.
 */
export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
    checkNumber('Dropout: p', p, { min: 0, max: 1 });
  }

  forward(x: Tensor): Tensor {
    return F.dropout(x, { p: this.p, training: this.training });
  }
}

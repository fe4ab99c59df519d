import type { Tensor } from '../../tensor/node.js';
import { checkNumber } from '../../util/check.js';
import { checkOptions } from '../../util/registry.js';
import * as F from '../functional.js';
import { Module } from '../module.js';

/** Joins the axes `start` to `end` into one; by default [N, C, H, W] -> [N, C * H * W]. */
export class Flatten extends Module {
  readonly start: number;
  readonly end: number;

  constructor(options: { readonly start?: number; readonly end?: number } = {}) {
    super();
    checkOptions('Flatten', options, ['start', 'end']);
    this.start = checkNumber('Flatten: start', options.start ?? 1, { integer: true });
    this.end = checkNumber('Flatten: end', options.end ?? -1, { integer: true });
  }

  forward(x: Tensor): Tensor {
    return F.flatten(x, { start: this.start, end: this.end });
  }
}

import type { Tensor } from '../../tensor/node.js';
import { checkBoolean, checkPair } from '../../util/check.js';
import { checkOptions } from '../../util/registry.js';
import * as F from '../functional.js';
import { Module } from '../module.js';

/**
 * Resizes images: [N, C, H, W] -> [N, C, size] or [N, C, floor(H * scale), floor(W * scale)].
 * `mode` is 'nearest' (default) or 'bilinear'; `alignCorners` (default false) is for bilinear only.
 */
export class Upsample extends Module {
  readonly options: F.InterpolateOptions;

  constructor(options: F.InterpolateOptions) {
    super();
    checkOptions('Upsample', options ?? {}, ['size', 'scale', 'mode', 'alignCorners']);
    const { size, scale, mode = 'nearest', alignCorners = false } = options ?? {};
    if ((size === undefined) === (scale === undefined))
      throw new RangeError('Upsample: give either size or scale, one of the two');
    if (mode !== 'nearest' && mode !== 'bilinear')
      throw new RangeError(`Upsample: mode must be "nearest" or "bilinear", got ${JSON.stringify(mode)}`);
    if (checkBoolean('Upsample: alignCorners', alignCorners) && mode === 'nearest')
      throw new RangeError('Upsample: alignCorners is for mode "bilinear", nearest has no such choice');
    this.options = {
      mode,
      alignCorners,
      ...(size === undefined ? {} : { size: checkPair('Upsample: size', size, { min: 1, integer: true }) }),
      ...(scale === undefined ? {} : { scale: checkPair('Upsample: scale', scale, { above: 0 }) }),
    };
  }

  forward(x: Tensor): Tensor {
    return F.interpolate(x, this.options);
  }
}

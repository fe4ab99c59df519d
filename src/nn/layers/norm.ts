import { apply, applyAll, full, type Tensor } from '../../tensor/node.js';
import { formatShape, numel, ShapeError } from '../../tensor/shape.js';
import { checkBoolean, checkNumber } from '../../util/check.js';
import { checkOptions } from '../../util/registry.js';
import * as F from '../functional.js';
import { ones, zeros } from '../init.js';
import { Module } from '../module.js';
import { Buffer, Parameter } from '../parameter.js';
import { currentTrace } from '../trace.js';

export interface BatchNorm2dOptions {
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
  /** Part of the batch's statistics in the running ones, default 0.1; null: the plain mean over all batches. */
  readonly momentum?: number | null;
  /** Whether scale and shift are learnt; default true. */
  readonly affine?: boolean;
  /** Whether running statistics are kept; without them the batch's are used in evaluation too. Default true. */
  readonly trackRunningStats?: boolean;
}

/**
 * Batch normalisation over N, H and W (Ioffe and Szegedy 2015): [N, C, H, W] -> [N, C, H, W].
 *
 * Training normalises by the batch's mean and (biased) variance and moves the running statistics towards them, the
 * variance in its unbiased form, as PyTorch does; evaluation normalises by the running ones, and so does a frozen layer
 * (`Module.freeze`) in training.
 * Parameters: `weight` [C] (1 at first), `bias` [C] (0). Buffers: `running_mean` [C] (0), `running_var` [C] (1),
 * `num_batches_tracked` (int32 scalar).
 */
export class BatchNorm2d extends Module {
  readonly weight: Parameter | undefined;
  readonly bias: Parameter | undefined;
  readonly runningMean: Buffer | undefined;
  readonly runningVar: Buffer | undefined;
  readonly numBatchesTracked: Buffer | undefined;
  readonly eps: number;
  readonly momentum: number | null;

  constructor(
    readonly numFeatures: number,
    options: BatchNorm2dOptions = {},
  ) {
    super();
    checkOptions('BatchNorm2d', options, ['eps', 'momentum', 'affine', 'trackRunningStats']);
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    checkNumber('BatchNorm2d: numFeatures', numFeatures, { min: 1, integer: true });
    this.eps = checkNumber('BatchNorm2d: eps', eps, { min: 0 });
    this.momentum = momentum === null ? null : checkNumber('BatchNorm2d: momentum', momentum, { min: 0, max: 1 });
    const shape = [numFeatures];
    if (checkBoolean('BatchNorm2d: affine', affine)) {
      this.weight = new Parameter(shape, ones);
      this.bias = new Parameter(shape, zeros);
    }
    if (checkBoolean('BatchNorm2d: trackRunningStats', trackRunningStats)) {
      this.runningMean = new Buffer(shape, zeros, { name: 'running_mean' });
      this.runningVar = new Buffer(shape, ones, { name: 'running_var' });
      this.numBatchesTracked = new Buffer([], zeros, { name: 'num_batches_tracked', dtype: 'int32' });
    }
  }

  forward(x: Tensor): Tensor {
    if (x.rank !== 4 || x.shape[1] !== this.numFeatures)
      throw new ShapeError(`BatchNorm2d: takes [N, ${this.numFeatures}, H, W], got ${formatShape(x.shape)}`);
    const gamma = this.weight ?? full([this.numFeatures], 1, x.dtype);
    const beta = this.bias ?? full([this.numFeatures], 0, x.dtype);
    const { eps, runningMean, runningVar } = this;
    const learns = this.training && !this.still;
    if (!learns && runningMean && runningVar)
      return apply('batchNormInference', [x, gamma, beta, runningMean, runningVar], { eps });

    const count = numel(x.shape) / this.numFeatures;
    if (learns && count < 2)
      throw new ShapeError(
        `BatchNorm2d: training needs more than one value a channel, got ${formatShape(x.shape)}; use a larger batch or eval()`,
      );
    const [y, mean, variance] = applyAll('batchNorm', [x, gamma, beta], { eps });
    if (learns) this.track(mean!, variance!.mul(count / (count - 1)));
    return y!;
  }

  /** Frozen: the module itself, or both of its parameters. */
  private get still(): boolean {
    const { weight, bias } = this;
    return this.frozen || (weight !== undefined && !weight.requiresGrad && !bias?.requiresGrad);
  }

  /** Leaves the new running statistics with the trace; a layer called twice moves them twice. */
  private track(mean: Tensor, variance: Tensor): void {
    const updates = currentTrace()?.updates;
    const { runningMean, runningVar, numBatchesTracked } = this;
    if (!updates || !runningMean || !runningVar || !numBatchesTracked) return;
    const latest = (buffer: Buffer): Tensor => updates.get(buffer.path) ?? buffer;
    const batches = latest(numBatchesTracked).add(1);
    updates.set(numBatchesTracked.path, batches);
    const move = (buffer: Buffer, to: Tensor) => {
      const from = latest(buffer);
      const { momentum } = this;
      // Cumulative mean: from + (to - from) / number of batches.
      const moved =
        momentum === null
          ? from.add(to.sub(from).div(batches.cast(from.dtype)))
          : from.mul(1 - momentum).add(to.mul(momentum));
      updates.set(buffer.path, moved);
    };
    move(runningMean, mean);
    move(runningVar, variance);
  }
}

/**
 * Normalises each channel by its neighbours (Krizhevsky et al. 2012, as in PyTorch): [N, C, H, W] -> the same,
 * x / (k + alpha * mean of squares over `size` channels)^beta. Defaults: alpha 1e-4, beta 0.75, k 1.
 */
export class LocalResponseNorm extends Module {
  readonly options: Required<F.LocalResponseNormOptions>;

  constructor(size: number, options: Omit<F.LocalResponseNormOptions, 'size'> = {}) {
    super();
    checkOptions('LocalResponseNorm', options, ['alpha', 'beta', 'k']);
    const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
    this.options = {
      size: checkNumber('LocalResponseNorm: size', size, { min: 1, integer: true }),
      alpha: checkNumber('LocalResponseNorm: alpha', alpha),
      beta: checkNumber('LocalResponseNorm: beta', beta),
      k: checkNumber('LocalResponseNorm: k', k),
    };
  }

  forward(x: Tensor): Tensor {
    return F.localResponseNorm(x, this.options);
  }
}

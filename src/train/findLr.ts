import type { Backend } from '../backends/backend.js';
import type { Dataset } from '../data/dataset.js';
import { DataLoader } from '../data/loader.js';
import type { Module } from '../nn/module.js';
import type { Schedule } from '../optim/scheduler.js';
import { checkNumber } from '../util/check.js';
import { START } from './checkpoint.js';
import { checkFits } from './checks.js';
import { compileOptions } from './choices.js';
import type { TrainerOptions } from './options.js';
import { Session } from './session.js';
import { objectiveFor } from './step.js';
import { Stepper } from './stepper.js';

export interface FindLrOptions {
  /** First rate. Default 1e-6. */
  readonly from?: number;
  /** Last rate. Default 1. */
  readonly to?: number;
  /** Updates between them. Default 100. */
  readonly steps?: number;
  readonly batchSize?: number;
  readonly accumulate?: number;
  readonly seed?: number;
  readonly workers?: number | 'auto';
  /** Called after each step; aborting `signal` ends the sweep. */
  readonly onStep?: (done: number, steps: number) => void;
  readonly signal?: AbortSignal;
}

/** A step of the sweep. */
export interface LrPoint {
  readonly lr: number;
  /** Loss before the update with this rate. */
  readonly loss: number;
  /** Running mean of the losses, weights 0.9 and 0.1, corrected for its start. */
  readonly smoothed: number;
}

export interface FoundLr {
  readonly points: readonly LrPoint[];
  /**
   * The rate at which the loss falls fastest, at most a tenth of `lowest`; undefined if it never falls.
   */
  readonly suggestion: number | undefined;
  /** The rate at the lowest smoothed loss: already too high to train with. */
  readonly lowest: number;
  /** The sweep ended before `to`: the loss had grown to four times its lowest value, or was no longer finite. */
  readonly diverged: boolean;
}

const SMOOTHING = 0.9;
/** The loss that ends the sweep, as a multiple of the lowest above zero. */
const TOO_HIGH = 4;

/**
 * Trains with a rate that grows exponentially from step to step and watches the loss (Smith 2017: Cyclical Learning
 * Rates for Training Neural Networks). Works on a copy on the device: network, data and files stay as they are.
 *
 * ```ts
 * const { suggestion } = await findLr(net, { loss, optimizer: optim.sgd({ momentum: 0.9 }) }, train, { batchSize: 64 });
 * ```
 * @throws Error, one sentence, for data that does not fit the network or a range that is none
 */
export async function findLr(
  net: Module,
  trainer: TrainerOptions & { readonly backend: Backend },
  train: Dataset,
  options: FindLrOptions = {},
): Promise<FoundLr> {
  const { from = 1e-6, to = 1, steps = 100, batchSize = 32, accumulate = 1, seed = 0, workers, signal } = options;
  checkNumber('find-lr: from', from, { above: 0 });
  checkNumber('find-lr: to', to, { above: from });
  checkNumber('find-lr: steps', steps, { min: 10, integer: true });
  if (!trainer.optimizer) throw new Error('find-lr needs an optimizer: give one');
  const objective = objectiveFor(net, { ...trainer, metrics: [] }, train.normalize);
  checkFits(objective, train);
  const session = new Session(net, trainer.backend, compileOptions(trainer));
  const loader = new DataLoader(train, { batchSize, seed, workers, shuffle: true });
  const rate = (t: number) => from * (to / from) ** (t / (steps - 1));
  const stepper = new Stepper(session, objective, {
    optimizer: trainer.optimizer,
    clip: trainer.clip,
    seed,
    accumulate,
    batchesPerEpoch: loader.batchesPerEpoch,
    schedule: sweep(rate),
  });
  const points: LrPoint[] = [];
  let diverged = false;
  try {
    await session.materialise(seed);
    let position = START;
    let mean = 0;
    let first = true;
    // Losses of the batches of one update.
    let group = { loss: 0, images: 0 };
    while (points.length < steps && !diverged) {
      for await (const batch of loader.epoch(position.epoch - 1)) {
        signal?.throwIfAborted();
        const images = batch.image.shape[0];
        if (images === 0) {
          position = await stepper.skip(position, batch);
          continue;
        }
        if (first) await stepper.prepare(batch, false);
        first = false;
        const running = await stepper.queue(batch, position);
        const { loss, healthy } = await running.result;
        group = { loss: group.loss + loss!.data[0]! * images, images: group.images + images };
        const moved = running.next.updates > position.updates;
        position = running.next;
        if (healthy!.data[0] !== 1) diverged = true;
        else if (moved) {
          const value = group.loss / group.images;
          group = { loss: 0, images: 0 };
          const n = points.length + 1;
          mean = SMOOTHING * mean + (1 - SMOOTHING) * value;
          const smoothed = mean / (1 - SMOOTHING ** n);
          points.push({ lr: rate(n - 1), loss: value, smoothed });
          options.onStep?.(n, steps);
          diverged = grewTooHigh(points);
        }
        if (diverged || points.length >= steps) break;
      }
      position = { ...position, epoch: position.epoch + 1, batch: 0 };
    }
  } finally {
    await loader.close();
    session.dispose();
  }
  if (points.length === 0)
    throw new Error(
      `find-lr: the loss is not finite at the first step, with a rate of ${from}: look at the data first`,
    );
  const lowest = points.reduce((a, b) => (b.smoothed < a.smoothed ? b : a)).lr;
  return { points, suggestion: suggest(points), lowest, diverged };
}

/** A schedule whose rate, for all groups of parameters, is a function of the update. */
const sweep = (rate: (t: number) => number): Schedule => ({
  unit: 'step',
  lr: rate,
  state: () => null,
  load: () => {},
});

function grewTooHigh(points: readonly LrPoint[]): boolean {
  const last = points.at(-1)!.smoothed;
  const least = Math.min(...points.map((p) => p.smoothed));
  // Losses may be negative or near zero: growth is measured against where the sweep began, too.
  return points.length > 10 && last > least + (TOO_HIGH - 1) * Math.max(least, 0.25 * Math.abs(points[0]!.smoothed));
}

/**
 * The rate where the loss falls fastest over the logarithm of the rate, but at most a tenth of the rate at the lowest
 * loss: the fall is often steepest just before it breaks off. The slope is that of a line through nine points around
 * each, so that one lucky batch does not decide and nothing lags behind, as the smoothed curve does.
 */
function suggest(points: readonly LrPoint[]): number | undefined {
  const bottom = points.reduce((a, b, i) => (b.smoothed < points[a]!.smoothed ? i : a), 0);
  let best: number | undefined;
  let steepest = 0;
  for (let i = REACH; i + REACH < points.length && i <= bottom; i++) {
    // Equal distances in log(lr): the slope of least squares, up to a factor.
    let slope = 0;
    for (let d = -REACH; d <= REACH; d++) slope += d * points[i + d]!.loss;
    if (slope < steepest) {
      steepest = slope;
      best = points[i]!.lr;
    }
  }
  return best && Math.min(best, points[bottom]!.lr / 10);
}

/** Points on each side that a slope is taken over. */
const REACH = 4;

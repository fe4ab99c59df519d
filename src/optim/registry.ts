import { Registry, type Spec } from '../util/registry.js';
import { adam, adamw } from './adam.js';
import type { Optimizer } from './optimizer.js';
import { rmsprop } from './rmsprop.js';
import type { Scheduler } from './scheduler.js';
import * as schedulers from './schedulers.js';
import { sgd } from './sgd.js';

/** All optimizers by name; more can be registered. */
export const optimizers = new Registry<Optimizer>('optimizer')
  .register('sgd', sgd)
  .register('adam', adam)
  .register('adamw', adamw)
  .register('rmsprop', rmsprop);

/**
 * An optimizer from its name or `{ name, options }`, as it stands in a run's configuration.
 * @throws Error in one sentence for an unknown name or option (with the nearest known) or a value out of range
 */
export const parseOptimizer = (spec: string | Spec): Optimizer => optimizers.make(spec);

/** All schedulers by name; more can be registered. */
export const schedulerRegistry: Registry<Scheduler> = new Registry<Scheduler>('scheduler')
  .register('constant', (o) => schedulers.constant(o), 'none')
  .register('step', (o) => schedulers.step(o as unknown as schedulers.StepOptions))
  .register('multi-step', (o) => schedulers.multiStep(o as unknown as schedulers.MultiStepOptions))
  .register('exponential', (o) => schedulers.exponential(o as unknown as schedulers.ExponentialOptions))
  .register('cosine', schedulers.cosine)
  .register('cosine-warm-restarts', (o) =>
    schedulers.cosineWarmRestarts(o as unknown as schedulers.CosineWarmRestartsOptions),
  )
  .register('one-cycle', schedulers.oneCycle)
  .register('plateau', schedulers.reduceOnPlateau, 'reduce-on-plateau')
  .register('polynomial', schedulers.polynomial, 'poly')
  .register('linear-warmup', schedulers.linearWarmup, 'warmup')
  .register('chained', ({ schedulers: parts }) => schedulers.chained(...partsOf('chained', parts)))
  .register('sequential', ({ schedulers: parts, milestones }) =>
    schedulers.sequential(partsOf('sequential', parts), milestones as readonly number[]),
  );

function partsOf(name: string, specs: unknown): Scheduler[] {
  if (!Array.isArray(specs)) throw new TypeError(`${name}: schedulers must be a list of names or { name, options }`);
  return specs.map((spec) => parseScheduler(spec as string | Spec));
}

/**
 * A scheduler from its name or `{ name, options }`.
 * @throws Error in one sentence for an unknown name or option (with the nearest known) or a value out of range
 */
export const parseScheduler = (spec: string | Spec): Scheduler => schedulerRegistry.make(spec);

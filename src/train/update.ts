import { applyOptimizer, type StepSchedule, slotName, type UpdateGraph } from '../optim/apply.js';
import type { ClipOptions } from '../optim/clip.js';
import type { Optimizer } from '../optim/optimizer.js';
import { isFloat } from '../tensor/dtype.js';
import { apply, full, input, type Tensor } from '../tensor/node.js';
import { withPhase } from '../tensor/scope.js';
import { type HostTensor, hostTensor, type TensorType } from '../tensor/shape.js';

/** How gradients become new values. */
export interface Updating {
  readonly optimizer: Optimizer;
  readonly clip?: ClipOptions | undefined;
  /** Decay of an exponential moving average of all trained values; undefined: none is kept. */
  readonly ema?: number | undefined;
}

/** State that stays true until a step is not finite; from then on no step changes anything. Not saved. */
export const HEALTHY = 'train.healthy';

/** Name of the state that holds the moving average of a parameter or buffer. */
export const averageName = (path: string): string => slotName('ema', path);

/**
 * Decay of the moving average at update `t`, counted from 1: `min(decay, (1 + t) / (10 + t))`. It rises to `decay`, so
 * that the first values, which know nothing, are soon forgotten, also in a short run.
 */
export const emaDecay = (decay: number, t: number): number => Math.min(decay, (1 + t) / (10 + t));

/** The part of a step that changes parameters, slots and averages. */
export interface Update {
  /** New values by state name. */
  readonly updates: Readonly<Record<string, Tensor>>;
  /** First values of slots and averages by state name, unless a checkpoint has them. */
  readonly initial: Readonly<Record<string, Tensor>>;
  /** Bool scalar: this step and all earlier ones were finite. */
  readonly healthy: Tensor;
  /** Paths of the parameters and buffers whose average is kept. */
  readonly averaged: ReadonlySet<string>;
  /** Values of the scalar inputs for update `t`, counted from 1. */
  inputs(t: number, schedule?: StepSchedule): Record<string, HostTensor>;
  learningRates: UpdateGraph['learningRates'];
}

/** What an update is made of. */
export interface UpdateSource {
  readonly params: ReadonlyMap<string, Tensor>;
  readonly gradients: ReadonlyMap<string, Tensor>;
  /** Scalar that has to be finite; left out where earlier passes have looked. */
  readonly loss?: Tensor;
  /** Bool scalar: all earlier steps were finite. */
  readonly before: Tensor;
  /** Values of buffers after the step, by path. */
  readonly buffers: Readonly<Record<string, Tensor>>;
}

/** Builds the update of all parameters from their gradients, and of the averages from the new values. */
export function buildUpdate(source: UpdateSource, updating: Updating): Update {
  return withPhase('update', () => describeUpdate(source, updating));
}

function describeUpdate(source: UpdateSource, { optimizer, clip, ema }: Updating): Update {
  const { params, gradients, before, buffers } = source;
  const loss = source.loss ?? full([], 0);
  const update = applyOptimizer(optimizer, params, gradients, { loss, guard: before, clip });
  // What is finite by itself holds only if all before it was; the norm is that of all gradients together.
  const gate = update.norm && apply('isFinite', [update.norm], {});
  const gated = (ok: Tensor) => (gate ? and(gate, ok) : ok);
  const healthy = gated(update.allFinite!);
  const updates: Record<string, Tensor> = { ...update.updates };
  const initial: Record<string, Tensor> = { ...update.initialSlots };
  const averaged = new Set<string>();
  if (ema !== undefined) {
    const decay = input('ema.decay', []);
    const rest = input('ema.rest', []);
    const average = (path: string, old: Tensor, fresh: Tensor, ok: Tensor) => {
      const name = averageName(path);
      const kept = stateOf(name, old);
      const moved = kept.mul(decay.cast(old.dtype)).add(fresh.mul(rest.cast(old.dtype)));
      updates[name] = apply('where', [ok, moved, kept], {});
      initial[name] = stateOf(path, old);
      averaged.add(path);
    };
    for (const path of gradients.keys())
      average(path, params.get(path)!, update.updates[path]!, gated(update.finite.get(path)!));
    const moves = and(before, apply('isFinite', [loss], {}));
    for (const [path, value] of Object.entries(buffers)) if (isFloat(value.dtype)) average(path, value, value, moves);
  }
  return {
    updates,
    initial,
    healthy,
    averaged,
    inputs: (t, schedule) => ({
      ...update.inputs(t, schedule),
      ...(ema === undefined ? {} : decayInputs(emaDecay(ema, t))),
    }),
    learningRates: update.learningRates,
  };
}

/** Both in double first: 1 - decay would lose digits in float32. */
const decayInputs = (decay: number) => ({ 'ema.decay': scalar(decay), 'ema.rest': scalar(1 - decay) });

/** A number as a float32 scalar. */
export const scalar = (value: number): HostTensor => hostTensor(Float32Array.of(value), []);

/** Both hold. */
export const and = (a: Tensor, b: Tensor): Tensor => apply('and', [a, b], {});

/** The value of a state, of the type of another tensor. */
export const stateOf = (name: string, { shape, dtype }: TensorType): Tensor =>
  apply('state', [], { name, shape, dtype });

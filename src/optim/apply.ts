import { apply, full, input, type Tensor } from '../tensor/node.js';
import { withLayer, withPhase } from '../tensor/scope.js';
import { formatShape, type HostTensor, hostTensor, sameShape } from '../tensor/shape.js';
import { type ClipOptions, clipGradNorm, clipGradValue, globalNorm } from './clip.js';
import type { BoundGroup, Optimizer } from './optimizer.js';

export interface ApplyOptions {
  /**
   * Scalar loss. With it, a parameter and its slots change only if the loss and the parameter's gradient (before
   * clipping) are finite.
   */
  readonly loss?: Tensor;
  /** With `loss`: a bool scalar that must hold as well, or nothing changes. */
  readonly guard?: Tensor;
  readonly clip?: ClipOptions;
  /** Also compute the global norm of the gradients when they are not clipped by norm. */
  readonly norm?: boolean;
}

/** What the schedule says for a step. */
export interface StepSchedule {
  /** Learning rate of a group whose own is `base`; left out: `base`. */
  lr?(base: number): number;
  /** Replaces momentum (SGD, RMSprop) or beta1 (Adam), where the optimizer has one. */
  readonly momentum?: number;
}

/** The update part of a step graph. */
export interface UpdateGraph {
  /** State name to new value: parameters and slots. */
  readonly updates: Record<string, Tensor>;
  /** Names of the scalar inputs that a run must feed. */
  readonly inputNames: readonly string[];
  /** First values of the slots, by state name; run once as updates before training, unless a checkpoint has them. */
  readonly initialSlots: Record<string, Tensor>;
  /** Bool scalar by parameter: its gradient and the loss are finite, and the guard holds. Empty without `loss`. */
  readonly finite: ReadonlyMap<string, Tensor>;
  /** Bool scalar: the loss and every gradient are finite, and the guard holds. Without `loss`: undefined. */
  readonly allFinite: Tensor | undefined;
  /** Global L2 norm of the gradients before clipping, if clipped by norm or asked for. */
  readonly norm: Tensor | undefined;
  /** Values of the scalar inputs for step `step`, counted from 1. */
  inputs(step: number, schedule?: StepSchedule): Record<string, HostTensor>;
  /** Learning rate of each group that has parameters, in order of the optimizer's groups. */
  learningRates(schedule?: StepSchedule): number[];
}

/** Name of the state that holds `slot` of the parameter `path`: `optim.momentum.features.0.weight`. */
export const slotName = (slot: string, path: string): string => `optim.${slot}.${path}`;

/**
 * Builds the update of all parameters from their gradients. Parameters without a gradient stay as they are.
 *
 * ```ts
 * const step = applyOptimizer(optim.adam({ lr: 0.01 }), params, grads, { loss, clip: { norm: 1 } });
 * const graph = buildGraph({ outputs: { loss, finite: step.allFinite! }, updates: step.updates });
 * await program.run({ ...batch, ...step.inputs(1) });
 * ```
 * @param params by state name; frozen ones are left out by the caller
 * @param grads by the same names
 * @throws Error if a gradient has another shape than its parameter
 */
export function applyOptimizer(
  optimizer: Optimizer,
  params: ReadonlyMap<string, Tensor>,
  grads: ReadonlyMap<string, Tensor>,
  options: ApplyOptions = {},
): UpdateGraph {
  return withPhase('update', () => describeUpdate(optimizer, params, grads, options));
}

function describeUpdate(
  optimizer: Optimizer,
  params: ReadonlyMap<string, Tensor>,
  grads: ReadonlyMap<string, Tensor>,
  { loss, guard, clip = {}, norm: wantNorm = false }: ApplyOptions,
): UpdateGraph {
  for (const [path, g] of grads) {
    const p = params.get(path);
    if (!p) throw new Error(`${optimizer.name}: there is a gradient for "${path}", but no such parameter`);
    if (!sameShape(p.shape, g.shape))
      throw new Error(
        `${optimizer.name}: the gradient of "${path}" is ${formatShape(g.shape)}, the parameter ${formatShape(p.shape)}`,
      );
  }

  const finite = new Map<string, Tensor>();
  const lossFinite = loss && apply('isFinite', [loss], {});
  // One condition for all parameters, so that each adds only its own gradient.
  const ready = lossFinite && guard ? apply('and', [guard, lossFinite], {}) : lossFinite;
  // Guards look at the raw gradients: clipping by value would turn infinities into ordinary numbers.
  if (ready)
    for (const [path, g] of grads)
      finite.set(
        path,
        withLayer(layerOf(path), () => apply('and', [ready, apply('allFinite', [g], {})], {})),
      );
  let gate: Tensor | undefined;

  let clipped: ReadonlyMap<string, Tensor> = grads;
  let norm: Tensor | undefined;
  if (clip.norm !== undefined) {
    ({ grads: clipped, norm } = clipGradNorm(clipped, clip.norm));
    // One bad gradient makes the norm bad, and the norm scales them all.
    gate = apply('isFinite', [norm], {});
  }
  if (wantNorm) norm ??= globalNorm(grads.values());
  if (clip.value !== undefined) clipped = clipGradValue(clipped, clip.value);

  const used = new Map<BoundGroup, { index: number; scalars: Record<string, Tensor> }>();
  const updates: Record<string, Tensor> = {};
  const initialSlots: Record<string, Tensor> = {};
  const describe = (path: string, grad: Tensor) => {
    const param = params.get(path)!;
    const index = optimizer.groups.findIndex((g) => g.matches(path));
    const group = optimizer.groups[index]!;
    if (!used.has(group)) used.set(group, { index, scalars: scalarInputs(group, index) });
    const slots: Record<string, Tensor> = {};
    for (const slot of group.slots) {
      const name = slotName(slot, path);
      slots[slot] = apply('state', [], { name, shape: param.shape, dtype: param.dtype });
      initialSlots[name] = full(param.shape, 0, param.dtype);
    }
    const scalars = Object.fromEntries(
      Object.entries(used.get(group)!.scalars).map(([name, s]) => [name, s.cast(param.dtype)]),
    );
    const next = group.update({ param, grad, slots, scalars });
    const own = finite.get(path);
    const ok = own && gate ? apply('and', [gate, own], {}) : own;
    const guarded = (fresh: Tensor, old: Tensor) => (ok ? apply('where', [ok, fresh, old], {}) : fresh);
    updates[path] = guarded(next.param, param);
    for (const slot of group.slots) updates[slotName(slot, path)] = guarded(next.slots[slot]!, slots[slot]!);
  };
  for (const [path, grad] of clipped) withLayer(layerOf(path), () => describe(path, grad));

  const groups = [...used].sort((a, b) => a[1].index - b[1].index);
  const rate = (group: BoundGroup, schedule?: StepSchedule) => schedule?.lr?.(group.lr) ?? group.lr;
  return {
    updates,
    initialSlots,
    finite,
    allFinite: ready && [...finite.values()].reduce((all, ok) => apply('and', [all, ok], {}), ready),
    norm,
    inputNames: groups.flatMap(([, { index, scalars }]) => Object.keys(scalars).map((s) => inputName(index, s))),
    inputs(step, schedule) {
      const values: Record<string, HostTensor> = {};
      for (const [group, { index }] of groups)
        for (const [name, value] of Object.entries(group.scalars(step, rate(group, schedule), schedule?.momentum)))
          values[inputName(index, name)] = hostTensor(Float32Array.of(value), []);
      return values;
    },
    learningRates: (schedule) => groups.map(([group]) => rate(group, schedule)),
  };
}

/** The layer that a parameter belongs to: `features.0` of `features.0.weight`. */
const layerOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('.')));

const inputName = (group: number, scalar: string) => `optim.${group}.${scalar}`;

/** The set of scalars does not depend on the step, so step 1 names them all. */
const scalarInputs = (group: BoundGroup, index: number): Record<string, Tensor> =>
  Object.fromEntries(Object.keys(group.scalars(1, group.lr)).map((name) => [name, input(inputName(index, name), [])]));

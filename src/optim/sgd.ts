import { checkBoolean, checkNumber } from '../util/check.js';
import { decayed } from './decay.js';
import { defineOptimizer, type Hyper, type Updated } from './optimizer.js';

export interface SgdOptions extends Hyper {
  readonly momentum: number;
  /** Part of the gradient that does not enter the momentum buffer, from the second step on. */
  readonly dampening: number;
  readonly nesterov: boolean;
  /** L2 penalty: `weightDecay * param` is added to the gradient. */
  readonly weightDecay: number;
}

/**
 * Stochastic gradient descent with momentum (Polyak 1964; Nesterov's form as in Sutskever et al. 2013), PyTorch's rule:
 *
 *     g = grad + weightDecay * p
 *     v = momentum * v + (1 - dampening) * g        (first step: v = g)
 *     p = p - lr * v                                (Nesterov: p - lr * (g + momentum * v))
 *
 * Slot: `momentum` (only if momentum is not 0). Defaults: lr 0.001, everything else off.
 *
 * ```ts
 * optim.sgd({ lr: 0.01, momentum: 0.9, groups: [{ params: '*.bias', weightDecay: 0 }] });
 * ```
 * @throws RangeError if an option is out of range; Nesterov needs momentum > 0 and no dampening
 */
export const sgd = defineOptimizer<SgdOptions>({
  name: 'sgd',
  defaults: { lr: 1e-3, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 },
  validate(h) {
    checkNumber('sgd: momentum', h.momentum, { min: 0 });
    checkNumber('sgd: dampening', h.dampening);
    checkNumber('sgd: weightDecay', h.weightDecay, { min: 0 });
    if (checkBoolean('sgd: nesterov', h.nesterov) && (h.momentum === 0 || h.dampening !== 0))
      throw new RangeError(
        `sgd: nesterov needs a momentum greater than 0 and dampening 0, got ${h.momentum} and ${h.dampening}`,
      );
  },
  slots: (h) => (h.momentum === 0 ? [] : ['momentum']),
  scalars(step, { lr, momentum, dampening }, cycled = momentum): Record<string, number> {
    if (momentum === 0) return { lr };
    // PyTorch fills the buffer with the undamped gradient at the first step.
    return dampening === 0 ? { lr, momentum: cycled } : { lr, momentum: cycled, keep: step === 1 ? 1 : 1 - dampening };
  },
  update({ param, grad, slots, scalars }, { momentum, nesterov, weightDecay }): Updated {
    const g = decayed(grad, param, weightDecay);
    if (momentum === 0) return { param: param.sub(g.mul(scalars.lr!)), slots: {} };
    const v = slots.momentum!.mul(scalars.momentum!).add(scalars.keep ? g.mul(scalars.keep) : g);
    const direction = nesterov ? g.add(v.mul(scalars.momentum!)) : v;
    return { param: param.sub(direction.mul(scalars.lr!)), slots: { momentum: v } };
  },
});

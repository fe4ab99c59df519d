import { apply } from '../tensor/node.js';
import { checkBoolean, checkNumber } from '../util/check.js';
import { decayed } from './decay.js';
import { defineOptimizer, type Hyper, type Updated } from './optimizer.js';

export interface RmspropOptions extends Hyper {
  /** Decay of the running mean of squared gradients. */
  readonly alpha: number;
  /** Added to the denominator, outside of the root. */
  readonly eps: number;
  readonly momentum: number;
  /** Normalise by the variance of the gradient instead of its second moment. */
  readonly centered: boolean;
  readonly weightDecay: number;
}

/**
 * RMSprop (Tieleman and Hinton 2012; centred form: Graves 2013), PyTorch's rule:
 *
 *     g = grad + weightDecay * p
 *     s = alpha * s + (1 - alpha) * g^2
 *     a = alpha * a + (1 - alpha) * g                (centred)
 *     d = sqrt(s) + eps                              (centred: sqrt(s - a^2) + eps)
 *     b = momentum * b + g / d;  p = p - lr * b      (without momentum: p - lr * g / d)
 *
 * Slots: `square_avg`, `grad_avg` if centred, `momentum` if momentum is not 0.
 * Defaults: lr 0.01, alpha 0.99, eps 1e-8, momentum 0, not centred, weightDecay 0.
 * @throws RangeError if an option is out of range
 */
export const rmsprop = defineOptimizer<RmspropOptions>({
  name: 'rmsprop',
  defaults: { lr: 1e-2, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false, weightDecay: 0 },
  validate(h) {
    checkNumber('rmsprop: alpha', h.alpha, { min: 0, below: 1 });
    checkNumber('rmsprop: eps', h.eps, { min: 0 });
    checkNumber('rmsprop: momentum', h.momentum, { min: 0 });
    checkNumber('rmsprop: weightDecay', h.weightDecay, { min: 0 });
    checkBoolean('rmsprop: centered', h.centered);
  },
  slots: (h) => ['square_avg', ...(h.centered ? ['grad_avg'] : []), ...(h.momentum === 0 ? [] : ['momentum'])],
  scalars: (_step, { lr, momentum }, cycled = momentum): Record<string, number> =>
    momentum === 0 ? { lr } : { lr, momentum: cycled },
  update({ param, grad, slots, scalars }, { alpha, eps, momentum, centered, weightDecay }): Updated {
    const g = decayed(grad, param, weightDecay);
    const s = slots.square_avg!.mul(alpha).add(g.mul(g).mul(1 - alpha));
    const a = centered ? slots.grad_avg!.mul(alpha).add(g.mul(1 - alpha)) : undefined;
    const d = apply('sqrt', [a ? s.sub(a.mul(a)) : s], {}).add(eps);
    const b = momentum === 0 ? undefined : slots.momentum!.mul(scalars.momentum!).add(g.div(d));
    return {
      param: param.sub((b ?? g.div(d)).mul(scalars.lr!)),
      slots: { square_avg: s, ...(a ? { grad_avg: a } : {}), ...(b ? { momentum: b } : {}) },
    };
  },
});

import { apply } from '../tensor/node.js';
import { checkBoolean, checkNumber } from '../util/check.js';
import { decayed } from './decay.js';
import { defineOptimizer, type Hyper, type UpdateContext, type Updated, type UpdateRule } from './optimizer.js';

export interface AdamOptions extends Hyper {
  /** Decay of the running mean of gradients. */
  readonly beta1: number;
  /** Decay of the running mean of squared gradients. */
  readonly beta2: number;
  /** Added to the denominator. */
  readonly eps: number;
  /** Adam: an L2 penalty inside the gradient. AdamW: decoupled, the weights shrink by `lr * weightDecay`. */
  readonly weightDecay: number;
  /** Use the largest second moment so far (Reddi et al. 2018). */
  readonly amsgrad: boolean;
}

/**
 * Adam (Kingma and Ba 2015), PyTorch's rule, t from 1:
 *
 *     g = grad + weightDecay * p
 *     m = beta1 * m + (1 - beta1) * g
 *     v = beta2 * v + (1 - beta2) * g^2
 *     p = p - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 *
 * Slots: `exp_avg`, `exp_avg_sq`, with amsgrad also `max_exp_avg_sq` (then it stands in v's place in the last line).
 * Defaults: lr 0.001, betas 0.9 and 0.999, eps 1e-8, weightDecay 0.
 * @throws RangeError if an option is out of range
 */
export const adam = defineOptimizer<AdamOptions>(adamRule('adam', 0, false));

/**
 * AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay, `p = p * (1 - lr * weightDecay)` before the
 * step instead of the penalty in the gradient. Slots and defaults as Adam, but weightDecay 0.01.
 */
export const adamw = defineOptimizer<AdamOptions>(adamRule('adamw', 1e-2, true));

function adamRule(name: string, weightDecay: number, decoupled: boolean): UpdateRule<AdamOptions> {
  return {
    name,
    defaults: { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay, amsgrad: false },
    validate(h) {
      checkNumber(`${name}: beta1`, h.beta1, { min: 0, below: 1 });
      checkNumber(`${name}: beta2`, h.beta2, { min: 0, below: 1 });
      checkNumber(`${name}: eps`, h.eps, { min: 0 });
      checkNumber(`${name}: weightDecay`, h.weightDecay, { min: 0 });
      checkBoolean(`${name}: amsgrad`, h.amsgrad);
    },
    slots: (h) => ['exp_avg', 'exp_avg_sq', ...(h.amsgrad ? ['max_exp_avg_sq'] : [])],
    scalars(step, h, beta1 = h.beta1): Record<string, number> {
      return {
        beta1,
        one_minus_beta1: 1 - beta1,
        step_size: h.lr / (1 - beta1 ** step),
        // Multiplied instead of divided by: one pass of multiplications less on the device.
        inv_sqrt_correction2: 1 / Math.sqrt(1 - h.beta2 ** step),
        ...(decoupled && h.weightDecay !== 0 ? { shrink: 1 - h.lr * h.weightDecay } : {}),
      };
    },
    update({ param, grad, slots, scalars }: UpdateContext, h): Updated {
      const g = decoupled ? grad : decayed(grad, param, h.weightDecay);
      const p = scalars.shrink ? param.mul(scalars.shrink) : param;
      const m = slots.exp_avg!.mul(scalars.beta1!).add(g.mul(scalars.one_minus_beta1!));
      const v = slots.exp_avg_sq!.mul(h.beta2).add(g.mul(g).mul(1 - h.beta2));
      const most = h.amsgrad ? apply('maximum', [slots.max_exp_avg_sq!, v], {}) : undefined;
      const denominator = apply('sqrt', [most ?? v], {})
        .mul(scalars.inv_sqrt_correction2!)
        .add(h.eps);
      return {
        param: p.sub(m.mul(scalars.step_size!).div(denominator)),
        slots: { exp_avg: m, exp_avg_sq: v, ...(most ? { max_exp_avg_sq: most } : {}) },
      };
    },
  };
}

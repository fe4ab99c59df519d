import type { Tensor } from '../tensor/node.js';

/** The gradient with the L2 penalty's part: `grad + weightDecay * param`. */
export const decayed = (grad: Tensor, param: Tensor, weightDecay: number): Tensor =>
  weightDecay === 0 ? grad : grad.add(param.mul(weightDecay));

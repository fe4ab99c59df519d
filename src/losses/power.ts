import { apply, full, type Tensor } from '../tensor/node.js';

/** Below this a base counts as 0 in the gradient of a power under 1, which is infinite there. */
const TINY = 1e-12;

/**
 * x^exponent for x >= 0 and an exponent > 0: 0 where x is 0 or less (rounding can take it there), with the gradient 0
 * in that place, also for exponents below 1.
 */
export function powerOf(x: Tensor, exponent: number): Tensor {
  if (exponent === 1) return x;
  if (exponent === 2) return x.mul(x);
  const scalar = (value: number) => full([], value, x.dtype);
  const base = apply('maximum', [x, scalar(TINY)], {});
  const power = apply('pow', [base, scalar(exponent)], {});
  return apply('where', [apply('lessEqual', [x, scalar(0)], {}), scalar(0), power], {});
}

import { apply, full, type Tensor } from '../tensor/node.js';
import { checkNumber } from '../util/check.js';

/** Gradient clipping: by global norm, by value, or both (norm first). */
export interface ClipOptions {
  /** Largest L2 norm of all gradients together. */
  readonly norm?: number;
  /** Largest absolute value of an element. */
  readonly value?: number;
}

/** The L2 norm of all gradients taken as one vector; a scalar. */
export function globalNorm(grads: Iterable<Tensor>): Tensor {
  let total: Tensor | undefined;
  for (const g of grads) {
    const squares = g.mul(g).sum();
    total = total ? total.add(squares) : squares;
  }
  return apply('sqrt', [total ?? full([], 0)], {});
}

/**
 * Scales all gradients by `maxNorm / (norm + 1e-6)` where their global L2 norm is greater than `maxNorm`
 * (PyTorch's `clip_grad_norm_`).
 * @returns the gradients, and the norm before clipping
 */
export function clipGradNorm(
  grads: ReadonlyMap<string, Tensor>,
  maxNorm: number,
): { grads: Map<string, Tensor>; norm: Tensor } {
  checkNumber('clip: norm', maxNorm, { above: 0 });
  const norm = globalNorm(grads.values());
  const coefficient = apply(
    'minimum',
    [full([], maxNorm, norm.dtype).div(norm.add(1e-6)), full([], 1, norm.dtype)],
    {},
  );
  return { grads: new Map([...grads].map(([name, g]) => [name, g.mul(coefficient)])), norm };
}

/** Clamps every element of every gradient to [-limit, limit] (PyTorch's `clip_grad_value_`). */
export function clipGradValue(grads: ReadonlyMap<string, Tensor>, limit: number): Map<string, Tensor> {
  checkNumber('clip: value', limit, { above: 0 });
  const clamp = (g: Tensor) => {
    const low = apply('maximum', [g, full([], -limit, g.dtype)], {});
    return apply('minimum', [low, full([], limit, g.dtype)], {});
  };
  return new Map([...grads].map(([name, g]) => [name, clamp(g)]));
}

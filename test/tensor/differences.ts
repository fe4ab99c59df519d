import { expect } from 'vitest';
import { gradients } from '../../src/tensor/autodiff.js';
import { isFloat } from '../../src/tensor/dtype.js';
import { applyAll, constant, input, type Tensor } from '../../src/tensor/node.js';
import type { OpName } from '../../src/tensor/ops/signatures.js';
import { type HostTensor, numel } from '../../src/tensor/shape.js';
import { Draw } from './draw.js';
import { valuesOf } from './evaluate.js';
import type { Sample } from './samples.js';

/** A differentiable function of several tensors, built once on symbolic inputs. */
export interface Traced {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly feeds: Record<string, HostTensor>;
}

/** The operation of a sample, applied to named inputs. */
export function trace(op: OpName, { inputs, attrs }: Sample): Traced {
  const symbols = inputs.map((x, i) => input(`x${i}`, x.shape, x.dtype));
  return {
    inputs: symbols,
    outputs: applyAll(op, symbols, attrs as never),
    feeds: Object.fromEntries(inputs.map((x, i) => [`x${i}`, x])),
  };
}

/** sum over outputs of <output, random upstream>, so that no error can cancel in a plain sum. */
export function weightedSum(outputs: readonly Tensor[], draw: Draw): Tensor {
  let total: Tensor | undefined;
  for (const y of outputs) {
    if (!isFloat(y.dtype)) continue;
    // Widened first: float32 sums would drown the differences.
    const term = y
      .cast('float64')
      .mul(constant({ ...draw.floats(y.shape, -1, 1), dtype: 'float64' }))
      .sum();
    total = total ? total.add(term) : term;
  }
  if (!total) throw new Error('no floating-point output');
  return total;
}

/**
 * Compares the gradients of `of` by the inputs at `wrt` with central differences of its terms: up to `most` elements
 * of each input, and all of them together along one random direction.
 */
export function checkGradients(
  { inputs, feeds }: Traced,
  of: Tensor,
  wrt: readonly number[],
  seed: number,
  { step = 1e-5, tolerance = 1e-7, most = 16 } = {},
): void {
  const draw = new Draw(seed + 1);
  const found = valuesOf(
    gradients(
      of,
      wrt.map((i) => inputs[i]!),
    ),
    feeds,
  );
  const valueAt = (name: string, changed: HostTensor) => valuesOf([of], { ...feeds, [name]: changed })[0]!.data[0]!;
  for (const [k, i] of wrt.entries()) {
    const name = `x${i}`;
    const x = feeds[name]!;
    const analytic = found[k]!;
    expect(analytic.shape).toEqual(x.shape);
    expect(analytic.dtype).toBe(x.dtype);
    const moved = (direction: ArrayLike<number>, by: number): HostTensor => {
      const data = x.data.slice();
      for (let e = 0; e < data.length; e++) data[e] = x.data[e]! + by * direction[e]!;
      return { ...x, data };
    };
    const compare = (direction: ArrayLike<number>, what: string) => {
      const numeric = (valueAt(name, moved(direction, step)) - valueAt(name, moved(direction, -step))) / (2 * step);
      let expected = 0;
      let scale = 1;
      for (let e = 0; e < x.data.length; e++) {
        expected += analytic.data[e]! * direction[e]!;
        scale += Math.abs(analytic.data[e]! * direction[e]!);
      }
      if (!(Math.abs(numeric - expected) <= tolerance * scale))
        expect.fail(`input ${i}, ${what}: finite differences give ${numeric}, the gradient ${expected}`);
    };
    const elements = draw.shuffle(Array.from(x.data, (_, e) => e)).slice(0, most);
    for (const e of elements) {
      const direction = new Float64Array(numel(x.shape));
      direction[e] = 1;
      compare(direction, `element ${e}`);
    }
    // Small steps in every element at once; exact dtypes would round them, so only for those that can hold them.
    if (x.dtype === 'float64' && step < 0.01) compare(draw.floats(x.shape, -1, 1).data, 'a random direction');
  }
}

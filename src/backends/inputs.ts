import type { TensorType } from '../tensor/shape.js';
import { formatShape, type HostTensor, ShapeError, sameShape } from '../tensor/shape.js';

/** Throws a `ShapeError` unless every input that a program needs is given in its shape and dtype. */
export function checkInputs(
  needed: ReadonlyMap<string, TensorType>,
  given: Readonly<Record<string, HostTensor>>,
): void {
  for (const [name, type] of needed) {
    const value = given[name];
    const want = `${type.dtype}${formatShape(type.shape)}`;
    if (!value)
      throw new ShapeError(
        `the program needs the input "${name}" (${want}), got ${Object.keys(given).join(', ') || 'none'}`,
      );
    if (value.dtype !== type.dtype || !sameShape(value.shape, type.shape))
      throw new ShapeError(`the input "${name}" must be ${want}, got ${value.dtype}${formatShape(value.shape)}`);
  }
}

import type { TypedArray } from '../dtype.js';
import type { Tensor } from '../node.js';
import { type HostTensor, numel, type Shape, sameShape, stridesOf } from '../shape.js';

/** For every element of `to`, in row-major order, the index of the element of `from` that broadcasts onto it. */
export function broadcastIndices(from: Shape, to: Shape): Int32Array {
  const out = new Int32Array(numel(to));
  const strides = stridesOf(from);
  const offset = to.length - from.length;
  const step = to.map((_, i) => (i < offset || from[i - offset] === 1 ? 0 : strides[i - offset]!));
  const index = new Array<number>(to.length).fill(0);
  let at = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = at;
    for (let d = to.length - 1; d >= 0; d--) {
      index[d]!++;
      at += step[d]!;
      if (index[d]! < to[d]!) break;
      at -= step[d]! * to[d]!;
      index[d] = 0;
    }
  }
  return out;
}

/** The values of `t` as if it had `shape`; its own array where it already has. */
export function expand(t: HostTensor, shape: Shape): TypedArray {
  if (sameShape(t.shape, shape)) return t.data;
  const indices = broadcastIndices(t.shape, shape);
  const out = new (t.data.constructor as new (n: number) => TypedArray)(indices.length);
  for (let i = 0; i < indices.length; i++) out[i] = t.data[indices[i]!]!;
  return out;
}

/** Adds a gradient up over the axes that broadcasting had repeated: the reverse of broadcasting to `g.shape`. */
export function sumTo(g: Tensor, shape: Shape): Tensor {
  if (sameShape(g.shape, shape)) return g;
  const lead = g.rank - shape.length;
  const axes: number[] = [];
  for (let i = 0; i < g.rank; i++) if (i < lead || (shape[i - lead] === 1 && g.shape[i] !== 1)) axes.push(i);
  return (axes.length > 0 ? g.sum(axes, { keepDims: true }) : g).reshape(shape);
}

import { isFloat } from '../dtype.js';
import { apply, type Tensor } from '../node.js';
import { numel, type Shape, stridesOf, type TensorType } from '../shape.js';
import type { OpDef, ShapeContext } from './define.js';
import { walk } from './shapes.js';
import type { OpName } from './signatures.js';

/** The shape with the given axes of size 1. */
const kept = (shape: Shape, axes: readonly number[]) => shape.map((d, i) => (axes.includes(i) ? 1 : d));

function reducedType(x: TensorType, axes: readonly number[], keepDims: boolean, context: ShapeContext): TensorType[] {
  if (axes.some((a, i) => !Number.isInteger(a) || a < 0 || a >= x.shape.length || (i > 0 && a <= axes[i - 1]!)))
    context.fail(`axes [${axes.join(', ')}] must be sorted, distinct and below the rank ${x.shape.length}`);
  const shape = keepDims ? kept(x.shape, axes) : x.shape.filter((_, i) => !axes.includes(i));
  return [{ shape, dtype: x.dtype }];
}

/** Index of the reduced output element for every input element, visited in row-major order. */
function eachReduced(shape: Shape, axes: readonly number[], visit: (input: number, output: number) => void): void {
  const strides = stridesOf(kept(shape, axes));
  walk(
    shape,
    0,
    strides.map((s, i) => (axes.includes(i) ? 0 : s)),
    visit,
  );
}

/** A reduced tensor brought back to rank and size of x. */
const spread = (t: Tensor, x: Tensor, axes: readonly number[]) => t.reshape(kept(x.shape, axes)).broadcastTo(x.shape);

function reduction<K extends 'sum' | 'mean'>(doc: string, scale: (count: number) => number): OpDef<K> {
  return {
    doc,
    arity: [1, 1],
    shape([x], { axes, keepDims }, context) {
      if (x!.dtype === 'bool' || x!.dtype === 'uint8') context.fail('takes numbers (cast it first)');
      return reducedType(x!, axes, keepDims, context);
    },
    gradient: ({ inputs: [x], dy: [dy], attrs: { axes } }) => {
      const count = axes.reduce((n, a) => n * x!.shape[a]!, 1);
      const factor = scale(count);
      return [spread(factor === 1 ? dy! : dy!.mul(factor), x!, axes)];
    },
    kernel([x], [y], { axes }) {
      const sums = new Float64Array(y!.data.length);
      eachReduced(x!.shape, axes, (i, j) => {
        sums[j]! += x!.data[i]!;
      });
      const factor = scale(axes.reduce((n, a) => n * x!.shape[a]!, 1));
      for (let j = 0; j < sums.length; j++) y!.data[j] = sums[j]! * factor;
    },
  };
}

/** outer x size x inner view of a tensor around one axis. */
function around(shape: Shape, axis: number) {
  return { outer: numel(shape.slice(0, axis)), size: shape[axis]!, inner: numel(shape.slice(axis + 1)) };
}

function checkAxis(x: TensorType, axis: number, context: ShapeContext) {
  if (!(Number.isInteger(axis) && axis >= 0 && axis < x.shape.length)) context.fail(`axis ${axis} does not exist`);
}

/** Softmax or its logarithm along an axis, shifted by the largest element so that nothing overflows. */
function softmaxOp<K extends 'softmax' | 'logSoftmax'>(
  doc: string,
  logarithm: boolean,
  gradient: OpDef<K>['gradient'],
): OpDef<K> {
  return {
    doc,
    arity: [1, 1],
    shape([x], { axis }, context) {
      if (!isFloat(x!.dtype)) context.fail('takes floating-point numbers');
      checkAxis(x!, axis, context);
      return [x!];
    },
    gradient,
    kernel([x], [y], { axis }) {
      const { outer, size, inner } = around(x!.shape, axis);
      const from = x!.data;
      for (let o = 0; o < outer; o++)
        for (let k = 0; k < inner; k++) {
          const base = o * size * inner + k;
          let top = Number.NEGATIVE_INFINITY;
          for (let c = 0; c < size; c++) top = Math.max(top, from[base + c * inner]!);
          let sum = 0;
          for (let c = 0; c < size; c++) sum += Math.exp(from[base + c * inner]! - top);
          const shift = top + Math.log(sum);
          for (let c = 0; c < size; c++) {
            const v = from[base + c * inner]!;
            y!.data[base + c * inner] = logarithm ? v - shift : Math.exp(v - top) / sum;
          }
        }
    },
  };
}

export const reduceOps = {
  sum: reduction<'sum'>('sum over axes', () => 1),
  mean: reduction<'mean'>('mean over axes', (count) => 1 / count),

  max: {
    doc: 'largest element over axes; the gradient goes to the first of equals',
    arity: [1, 1],
    shape: ([x], { axes, keepDims }, context) => reducedType(x!, axes, keepDims, context),
    // The first largest is found as an arg-max over the reduced axes laid side by side.
    gradient: ({ inputs: [x], dy: [dy], attrs: { axes } }) => {
      const others = x!.shape.map((_, i) => i).filter((i) => !axes.includes(i));
      const order = [...others, ...axes];
      const count = axes.reduce((n, a) => n * x!.shape[a]!, 1);
      const rows = others.map((i) => x!.shape[i]!);
      const flat = x!.permute(order).reshape([...rows, count]);
      const first = apply('argmax', [flat], { axis: rows.length });
      const hot = apply('oneHot', [first], { classes: count, axis: rows.length, dtype: x!.dtype });
      const dFlat = hot.mul(dy!.reshape([...rows, 1]));
      const dPermuted = dFlat.reshape(order.map((i) => x!.shape[i]!));
      return [dPermuted.permute(order.map((_, i) => order.indexOf(i)))];
    },
    kernel([x], [y], { axes }) {
      y!.data.fill(
        x!.dtype === 'int32' ? -(2 ** 31) : x!.dtype === 'uint8' || x!.dtype === 'bool' ? 0 : Number.NEGATIVE_INFINITY,
      );
      eachReduced(x!.shape, axes, (i, j) => {
        const v = x!.data[i]!;
        if (v > y!.data[j]! || Number.isNaN(v)) y!.data[j] = v;
      });
    },
  },

  argmax: {
    doc: 'index of the first largest element along an axis',
    arity: [1, 1],
    shape([x], { axis }, context) {
      checkAxis(x!, axis, context);
      return [{ shape: x!.shape.filter((_, i) => i !== axis), dtype: 'int32' }];
    },
    gradient: { notDifferentiable: 'an index moves in steps' },
    kernel([x], [y], { axis }) {
      const { outer, size, inner } = around(x!.shape, axis);
      for (let o = 0; o < outer; o++)
        for (let k = 0; k < inner; k++) {
          let best = 0;
          for (let c = 1; c < size; c++) {
            const v = x!.data[(o * size + c) * inner + k]!;
            const b = x!.data[(o * size + best) * inner + k]!;
            if (v > b || (Number.isNaN(v) && !Number.isNaN(b))) best = c;
          }
          y!.data[o * inner + k] = best;
        }
    },
  },

  allFinite: {
    doc: 'true if no element is infinite or NaN',
    arity: [1, 1],
    shape: () => [{ shape: [], dtype: 'bool' }],
    gradient: { notDifferentiable: 'its value moves in steps' },
    kernel([x], [y]) {
      y!.data[0] = x!.data.every((v: number) => Number.isFinite(v)) ? 1 : 0;
    },
  },

  oneHot: {
    doc: 'a new axis with 1 at the index and 0 elsewhere',
    arity: [1, 1],
    shape([index], { classes, axis, dtype }, context) {
      if (index!.dtype !== 'int32' && index!.dtype !== 'uint8') context.fail('takes integer indices');
      if (!(axis >= 0 && axis <= index!.shape.length)) context.fail(`axis ${axis} does not exist`);
      if (!(Number.isInteger(classes) && classes >= 1))
        context.fail(`classes must be a positive integer, got ${classes}`);
      return [{ shape: [...index!.shape.slice(0, axis), classes, ...index!.shape.slice(axis)], dtype }];
    },
    gradient: { notDifferentiable: 'an index moves in steps' },
    kernel([index], [y], { classes, axis }) {
      const inner = numel(index!.shape.slice(axis));
      for (let i = 0; i < index!.data.length; i++) {
        const c = index!.data[i]!;
        if (c >= 0 && c < classes) y!.data[(Math.floor(i / inner) * classes + c) * inner + (i % inner)] = 1;
      }
    },
  },

  // dx = y (dy - sum(dy y))
  softmax: softmaxOp<'softmax'>('e^x / sum e^x along an axis', false, ({ outputs: [y], dy: [dy], attrs: { axis } }) => {
    const product = dy!.mul(y!);
    return [product.sub(y!.mul(product.sum([axis], { keepDims: true })))];
  }),
  // dx = dy - softmax(x) sum(dy)
  logSoftmax: softmaxOp<'logSoftmax'>(
    'log of softmax along an axis',
    true,
    ({ outputs: [y], dy: [dy], attrs: { axis } }) => [
      dy!.sub(apply('exp', [y!], {}).mul(dy!.sum([axis], { keepDims: true }))),
    ],
  ),
} satisfies { [K in OpName]?: OpDef<K> };

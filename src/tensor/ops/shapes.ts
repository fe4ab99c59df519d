import { apply } from '../node.js';
import { broadcastShapes, formatShape, numel, type Shape, sameShape, stridesOf } from '../shape.js';
import { broadcastIndices, sumTo } from './broadcast.js';
import type { OpDef, ShapeContext } from './define.js';
import type { OpName } from './signatures.js';

const isSize = (d: number) => Number.isInteger(d) && d >= 0;

/** Fails unless a shape given as an attribute is one. */
export function checkSizes(shape: Shape, context: ShapeContext): void {
  if (!shape.every(isSize)) context.fail(`sizes must be whole numbers >= 0, got ${formatShape(shape)}`);
}

/** Calls `visit(i, j)` for every element i of a row-major `shape`, with j = base + sum of index * stride. */
export function walk(
  shape: Shape,
  base: number,
  strides: readonly number[],
  visit: (i: number, j: number) => void,
): void {
  const count = numel(shape);
  const index = new Array<number>(shape.length).fill(0);
  let at = base;
  for (let i = 0; i < count; i++) {
    visit(i, at);
    for (let d = shape.length - 1; d >= 0; d--) {
      index[d]!++;
      at += strides[d]!;
      if (index[d]! < shape[d]!) break;
      at -= strides[d]! * shape[d]!;
      index[d] = 0;
    }
  }
}

export const shapeOps = {
  broadcastTo: {
    doc: 'repeats along axes of size 1 and new leading axes',
    arity: [1, 1],
    shape([x], { shape }, context) {
      checkSizes(shape, context);
      const common = broadcastShapes(x!.shape, shape);
      if (!common || !sameShape(common, shape)) context.fail(`cannot be broadcast to ${formatShape(shape)}`);
      return [{ shape, dtype: x!.dtype }];
    },
    gradient: ({ inputs: [x], dy: [dy] }) => [sumTo(dy!, x!.shape)],
    kernel([x], [y]) {
      const indices = broadcastIndices(x!.shape, y!.shape);
      for (let i = 0; i < indices.length; i++) y!.data[i] = x!.data[indices[i]!]!;
    },
  },

  reshape: {
    doc: 'the same values in the same row-major order under another shape',
    arity: [1, 1],
    shape([x], { shape }, context) {
      if (!shape.every(isSize) || numel(shape) !== numel(x!.shape))
        context.fail(`${numel(x!.shape)} values do not fill the shape ${formatShape(shape)}`);
      return [{ shape, dtype: x!.dtype }];
    },
    gradient: ({ inputs: [x], dy: [dy] }) => [dy!.reshape(x!.shape)],
    kernel([x], [y]) {
      y!.data.set(x!.data);
    },
  },

  permute: {
    doc: 'axis i of the result is axis axes[i] of x',
    arity: [1, 1],
    shape([x], { axes }, context) {
      const rank = x!.shape.length;
      if (axes.length !== rank || [...axes].sort((a, b) => a - b).some((a, i) => a !== i))
        context.fail(`axes [${axes.join(', ')}] are not a permutation of 0..${rank - 1}`);
      return [{ shape: axes.map((a) => x!.shape[a]!), dtype: x!.dtype }];
    },
    gradient: ({ dy: [dy], attrs: { axes } }) => [dy!.permute(axes.map((_, i) => axes.indexOf(i)))],
    kernel([x], [y], { axes }) {
      const strides = stridesOf(x!.shape);
      walk(
        y!.shape,
        0,
        axes.map((a) => strides[a]!),
        (i, j) => {
          y!.data[i] = x!.data[j]!;
        },
      );
    },
  },

  slice: {
    doc: 'elements start <= index < stop, every step-th, along every axis',
    arity: [1, 1],
    shape([x], { start, stop, step }, context) {
      const rank = x!.shape.length;
      if (start.length !== rank || stop.length !== rank || step.length !== rank)
        context.fail(`start, stop and step must have ${rank} entries`);
      const shape = x!.shape.map((d, i) => {
        if (
          !(isSize(start[i]!) && start[i]! <= stop[i]! && stop[i]! <= d && Number.isInteger(step[i]) && step[i]! >= 1)
        )
          context.fail(`axis ${i} of size ${d} cannot be sliced from ${start[i]} to ${stop[i]} by ${step[i]}`);
        return Math.ceil((stop[i]! - start[i]!) / step[i]!);
      });
      return [{ shape, dtype: x!.dtype }];
    },
    // The reverse puts step - 1 zeros between neighbours and fills up to the old size.
    gradient: ({ inputs: [x], dy: [dy], attrs: { start, step } }) => {
      const interior = step.map((s, i) => (dy!.shape[i]! > 1 ? s - 1 : 0));
      const spread = dy!.shape.map((d, i) => d + Math.max(d - 1, 0) * interior[i]!);
      const high = x!.shape.map((d, i) => d - start[i]! - spread[i]!);
      return [apply('pad', [dy!], { low: start, high, interior, value: 0 })];
    },
    kernel([x], [y], { start, step }) {
      const strides = stridesOf(x!.shape);
      const base = start.reduce((sum, s, i) => sum + s * strides[i]!, 0);
      walk(
        y!.shape,
        base,
        strides.map((s, i) => s * step[i]!),
        (i, j) => {
          y!.data[i] = x!.data[j]!;
        },
      );
    },
  },

  pad: {
    doc: 'surrounds with a value, and puts `interior` of it between neighbours',
    arity: [1, 1],
    shape([x], { low, high, interior }, context) {
      const rank = x!.shape.length;
      for (const [name, list] of Object.entries({ low, high, interior }))
        if (list.length !== rank || !list.every(isSize))
          context.fail(`${name} must be ${rank} whole numbers >= 0, got [${list.join(', ')}]`);
      return [
        { shape: x!.shape.map((d, i) => low[i]! + d + Math.max(d - 1, 0) * interior[i]! + high[i]!), dtype: x!.dtype },
      ];
    },
    gradient: ({ inputs: [x], dy: [dy], attrs: { low, interior } }) => {
      const stop = x!.shape.map((d, i) => low[i]! + d + Math.max(d - 1, 0) * interior[i]!);
      return [apply('slice', [dy!], { start: low, stop, step: interior.map((n) => n + 1) })];
    },
    kernel([x], [y], { low, interior, value }) {
      y!.data.fill(value);
      const strides = stridesOf(y!.shape);
      const base = low.reduce((sum, n, i) => sum + n * strides[i]!, 0);
      walk(
        x!.shape,
        base,
        strides.map((s, i) => s * (interior[i]! + 1)),
        (i, j) => {
          y!.data[j] = x!.data[i]!;
        },
      );
    },
  },

  concat: {
    doc: 'joins along one axis',
    arity: [1, Number.POSITIVE_INFINITY],
    shape(inputs, { axis }, context) {
      const first = inputs[0]!;
      if (!(isSize(axis) && axis < first.shape.length)) context.fail(`axis ${axis} does not exist`);
      for (const t of inputs) {
        if (t.dtype !== first.dtype) context.fail('all inputs must have one dtype');
        if (t.shape.length !== first.shape.length || t.shape.some((d, i) => i !== axis && d !== first.shape[i]))
          context.fail(`all inputs must have the same sizes except along axis ${axis}`);
      }
      const joined = inputs.reduce((sum, t) => sum + t.shape[axis]!, 0);
      return [{ shape: first.shape.map((d, i) => (i === axis ? joined : d)), dtype: first.dtype }];
    },
    gradient: ({ inputs, dy: [dy], attrs: { axis }, wanted }) => {
      let at = 0;
      return inputs.map((x, i) => {
        const start = x.shape.map((_, d) => (d === axis ? at : 0));
        at += x.shape[axis]!;
        const stop = x.shape.map((n, d) => (d === axis ? at : n));
        return wanted[i] ? apply('slice', [dy!], { start, stop, step: x.shape.map(() => 1) }) : undefined;
      });
    },
    kernel(inputs, [y], { axis }) {
      const outer = numel(y!.shape.slice(0, axis));
      const row = numel(y!.shape.slice(axis));
      let at = 0;
      for (const x of inputs) {
        const chunk = numel(x.shape.slice(axis));
        for (let i = 0; i < outer; i++) y!.data.set(x.data.subarray(i * chunk, (i + 1) * chunk), i * row + at);
        at += chunk;
      }
    },
  },
} satisfies { [K in OpName]?: OpDef<K> };

export const sourceOps = {
  input: source<'input'>('a value given anew on each run'),
  state: source<'state'>('a value that lives in the device store'),
  constant: {
    doc: 'literal values',
    arity: [0, 0],
    shape(_inputs, { shape, dtype, data }, context) {
      checkSizes(shape, context);
      if (numel(shape) !== data.length) context.fail(`${data.length} values do not fill ${formatShape(shape)}`);
      return [{ shape, dtype }];
    },
    gradient: { notDifferentiable: 'a source has no inputs' },
    kernel(_inputs, [y], { data }) {
      y!.data.set(data);
    },
  } satisfies OpDef<'constant'>,
  full: {
    doc: 'one number everywhere',
    arity: [0, 0],
    shape(_inputs, { shape, dtype }, context) {
      checkSizes(shape, context);
      return [{ shape, dtype }];
    },
    gradient: { notDifferentiable: 'a source has no inputs' },
    kernel(_inputs, [y], { value }) {
      y!.data.fill(value);
    },
  } satisfies OpDef<'full'>,
};

function source<K extends 'input' | 'state'>(doc: string): OpDef<K> {
  return {
    doc,
    arity: [0, 0],
    shape(_inputs, { shape, dtype }, context) {
      checkSizes(shape, context);
      return [{ shape, dtype }];
    },
    gradient: { notDifferentiable: 'a source has no inputs' },
    kernel() {
      throw new Error(`${doc}: backends bind it, no kernel computes it`);
    },
  };
}

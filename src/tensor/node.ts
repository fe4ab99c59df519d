import { allocate, type DType, dtypeOf, type TypedArray } from './dtype.js';
import type { OpAttrs, OpName } from './ops/signatures.js';
import { currentPhase, layerPath, type Phase } from './scope.js';
import { type HostTensor, hostTensor, normaliseAxes, numel, type Shape, sameShape, type TensorType } from './shape.js';

/** One application of an operation. Nodes form a directed acyclic graph through the tensors they take. */
export interface Node<K extends OpName = OpName> {
  readonly op: K;
  readonly attrs: OpAttrs[K];
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly TensorType[];
  /** Path of the layer that made it (`features.0`), empty outside of layers. */
  readonly label: string;
  /** The part of a training step that it belongs to. */
  readonly phase: Phase;
}

/**
 * A symbolic tensor: shape and dtype are known, values are not until somebody runs the graph behind it
 * (`await t.data()`, a `Program`, or the `Trainer`). It is one output of a `Node`.
 */
export class Tensor implements TensorType {
  constructor(
    readonly node: Node,
    readonly index = 0,
  ) {}

  get shape(): Shape {
    return this.node.outputs[this.index]!.shape;
  }
  get dtype(): DType {
    return this.node.outputs[this.index]!.dtype;
  }
  get rank(): number {
    return this.shape.length;
  }

  /** Values in row-major order; compiles and runs what is needed on the default device. */
  async data(): Promise<TypedArray> {
    return (await evaluate([this]))[0]!.data;
  }

  /** The value of a tensor with one element. */
  async item(): Promise<number> {
    return (await this.data())[0]!;
  }

  add(other: Operand): Tensor {
    return apply('add', [this, lift(other, this.dtype)], {});
  }
  sub(other: Operand): Tensor {
    return apply('sub', [this, lift(other, this.dtype)], {});
  }
  mul(other: Operand): Tensor {
    return apply('mul', [this, lift(other, this.dtype)], {});
  }
  div(other: Operand): Tensor {
    return apply('div', [this, lift(other, this.dtype)], {});
  }
  neg(): Tensor {
    return apply('neg', [this], {});
  }
  reshape(shape: Shape): Tensor {
    return apply('reshape', [this], { shape: inferShape(this.shape, shape) });
  }
  permute(axes: readonly number[]): Tensor {
    return apply('permute', [this], { axes });
  }
  broadcastTo(shape: Shape): Tensor {
    return sameShape(shape, this.shape) ? this : apply('broadcastTo', [this], { shape });
  }
  cast(dtype: DType): Tensor {
    return dtype === this.dtype ? this : apply('cast', [this], { dtype });
  }
  /** Sum over `axes` (all when left out). */
  sum(axes?: readonly number[], options: { keepDims?: boolean } = {}): Tensor {
    return apply('sum', [this], this.reduction('sum', axes, options));
  }
  mean(axes?: readonly number[], options: { keepDims?: boolean } = {}): Tensor {
    return apply('mean', [this], this.reduction('mean', axes, options));
  }
  max(axes?: readonly number[], options: { keepDims?: boolean } = {}): Tensor {
    return apply('max', [this], this.reduction('max', axes, options));
  }
  private reduction(op: OpName, axes: readonly number[] | undefined, options: { keepDims?: boolean }) {
    return {
      axes: axes ? normaliseAxes(axes, this.rank, op) : this.shape.map((_, i) => i),
      keepDims: options.keepDims ?? false,
    };
  }
}

/** What arithmetic takes beside a tensor: a number stands for a scalar of the tensor's dtype. */
export type Operand = Tensor | number;

export const lift = (value: Operand, dtype: DType): Tensor =>
  value instanceof Tensor ? value : full([], value, dtype);

/** One number everywhere. */
export const full = (shape: Shape, value: number, dtype: DType = 'float32'): Tensor =>
  apply('full', [], { shape, dtype, value });

/** Replaces one -1 in `shape` by what the element count asks for. */
function inferShape(from: Shape, shape: Shape): Shape {
  const unknown = shape.indexOf(-1);
  if (unknown < 0) return shape;
  const known = shape.reduce((n, d, i) => (i === unknown ? n : n * d), 1);
  return shape.map((d, i) => (i === unknown ? numel(from) / known : d));
}

/** What is known of every op when a node is made: filled by the op table (`ops/table.ts`). */
export type ShapeRule = (op: OpName, inputs: readonly TensorType[], attrs: unknown, label: string) => TensorType[];
let shapeRule: ShapeRule | undefined;
export function setShapeRule(rule: ShapeRule): void {
  shapeRule = rule;
}

/** Applies an operation; all outputs. Throws `ShapeError` if inputs or attributes do not fit. */
export function applyAll<K extends OpName>(op: K, inputs: readonly Tensor[], attrs: OpAttrs[K]): Tensor[] {
  const label = layerPath();
  const outputs = shapeRule!(op, inputs, attrs, label);
  const node: Node<K> = { op, attrs, inputs, outputs, label, phase: currentPhase() };
  return outputs.map((_, i) => new Tensor(node as unknown as Node, i));
}

/** Applies an operation with one output (or takes the first). */
export function apply<K extends OpName>(op: K, inputs: readonly Tensor[], attrs: OpAttrs[K]): Tensor {
  return applyAll(op, inputs, attrs)[0]!;
}

/** Values of `state` nodes outside of any store, for `await t.data()`: whoever makes such a node may register them. */
export const stateValues = new WeakMap<Node, (fallbackName: string) => HostTensor | Tensor>();

type Evaluator = (tensors: readonly Tensor[]) => Promise<HostTensor[]>;
let evaluator: Evaluator | undefined;

/** The backends say here how `await t.data()` is computed. */
export function setEvaluator(run: Evaluator): void {
  evaluator = run;
}

/** Computes the values of several tensors in one program. */
export function evaluate(tensors: readonly Tensor[]): Promise<HostTensor[]> {
  if (!evaluator) throw new Error('no backend is loaded: import from "fovea"');
  return evaluator(tensors);
}

/** A tensor with given values: a number, nested arrays, or a typed array with its shape. */
export function tensor(values: number | NestedArray | TypedArray, shape?: Shape, dtype?: DType): Tensor {
  if (ArrayBuffer.isView(values)) {
    const data = values as TypedArray;
    return constant(hostTensor(data, shape ?? [data.length], dtype ?? dtypeOf(data)));
  }
  const flat: number[] = [];
  const found = flatten(values as number | NestedArray, flat);
  const type = dtype ?? 'float32';
  const data = allocate(type, flat.length);
  data.set(flat);
  return constant(hostTensor(data, shape ?? found, type));
}

export type NestedArray = readonly (number | NestedArray)[];

function flatten(values: number | NestedArray, into: number[]): number[] {
  if (typeof values === 'number') {
    into.push(values);
    return [];
  }
  let inner: number[] | undefined;
  for (const v of values) {
    const s = flatten(v, into);
    if (inner && inner.join() !== s.join()) throw new TypeError('nested arrays must be rectangular');
    inner = s;
  }
  return [values.length, ...(inner ?? [])];
}

export const constant = (value: HostTensor): Tensor =>
  apply('constant', [], { shape: value.shape, dtype: value.dtype, data: value.data });

/** A value given by name on each run of a program. */
export const input = (name: string, shape: Shape, dtype: DType = 'float32'): Tensor =>
  apply('input', [], { name, shape, dtype });

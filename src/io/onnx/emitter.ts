import type { OpAttrs, OpName } from '../../tensor/ops/signatures.js';
import type { HostTensor, TensorType } from '../../tensor/shape.js';
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxType } from './schema.js';

/** One size of a shape: a number, or so many for each image of the batch. */
export type Dim = number | { readonly perImage: number };

/** One of our nodes as a translation rule sees it. */
export interface NodeView<K extends OpName = OpName> {
  readonly attrs: OpAttrs[K];
  /** Names of the ONNX values that it takes. */
  readonly inputs: readonly string[];
  /** Types for the batch that was traced. */
  readonly types: readonly TensorType[];
  readonly out: TensorType;
  /** Sizes of the first output. */
  readonly dims: readonly Dim[];
  /** Sizes of its inputs. */
  readonly inputDims: readonly (readonly Dim[])[];
  /** What the network's layer is called; empty outside of layers. */
  readonly label: string;
}

/** Cannot be said in ONNX: one sentence, begun by the layer that it is about. */
export class OnnxError extends Error {
  override name = 'OnnxError';

  constructor(sentence: string, label = '') {
    super(label ? `${label}: ${sentence}` : sentence);
  }
}

type Attributes = Readonly<Record<string, OnnxAttribute>>;

/** Collects the nodes and stored values of an ONNX graph. */
export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers = new Map<string, OnnxTensor>();
  /** Names of values and nodes that are there or will be. */
  private readonly taken = new Set<string>();
  private readonly constants = new Map<string, string>();
  /** The value that holds the number of images, once it is asked for. */
  private batch: string | undefined;
  /** Layer whose nodes are being made. */
  label = '';

  /** @param image name of the image input, whose first size is the batch */
  constructor(
    private readonly image: string,
    reserved: Iterable<string>,
  ) {
    for (const name of [image, ...reserved]) this.taken.add(name);
  }

  /** Adds a node with one output and gives its name: `output`, or a new one. */
  op(type: string, inputs: readonly string[], attributes: Attributes = {}, output?: string): string {
    const name = this.unique(this.label ? `${this.label}/${type}` : type);
    const value = output ?? name;
    this.nodes.push({ name, type, inputs, outputs: [value], attributes });
    return value;
  }

  /** A stored tensor under its own name (a parameter's path). */
  store(name: string, tensor: OnnxTensor): string {
    this.initializers.set(name, tensor);
    this.taken.add(name);
    return name;
  }

  /** A small constant; equal ones are stored once. */
  constant({ data, shape, dtype }: HostTensor): string {
    return this.shared(dtype, shape, data);
  }

  number(value: number, dtype: 'float32' | 'float64' | 'int32' | 'uint8' | 'bool' = 'float32'): string {
    const array = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array }[
      dtype === 'bool' ? 'uint8' : dtype
    ];
    return this.shared(dtype, [], array.of(value));
  }

  /** A list of 64-bit whole numbers, as shapes and axes are given. */
  integers(values: readonly number[]): string {
    return this.shared('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A shape as a value: a constant, or computed from the number of images. */
  shape(dims: readonly Dim[]): string {
    if (dims.every((d) => typeof d === 'number')) return this.integers(dims as number[]);
    this.batch ??= this.outside(() =>
      this.op('Slice', [this.op('Shape', [this.image]), this.integers([0]), this.integers([1]), this.integers([0])]),
    );
    const parts = dims.map((d) =>
      typeof d === 'number'
        ? this.integers([d])
        : d.perImage === 1
          ? this.batch!
          : this.op('Mul', [this.batch!, this.integers([d.perImage])]),
    );
    return parts.length === 1 ? parts[0]! : this.op('Concat', parts, { axis: 0 });
  }

  private outside<T>(make: () => T): T {
    const { label } = this;
    this.label = '';
    try {
      return make();
    } finally {
      this.label = label;
    }
  }

  private shared(type: OnnxType, shape: readonly number[], data: OnnxTensor['data']): string {
    const small = data.length <= 64;
    const key = `${type}[${shape}]${small ? [...data].map((v) => (Object.is(v, -0) ? '-0' : v)).join() : ''}`;
    const known = small ? this.constants.get(key) : undefined;
    if (known) return known;
    const name = this.unique(this.label ? `${this.label}/constant` : 'constant');
    this.initializers.set(name, { type, shape, data });
    if (small) this.constants.set(key, name);
    return name;
  }

  private unique(wanted: string): string {
    let name = wanted;
    for (let n = 2; this.taken.has(name); n++) name = `${wanted}_${n}`;
    this.taken.add(name);
    return name;
  }
}

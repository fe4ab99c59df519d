import { formatShape } from '../../tensor/shape.js';
import type { FileDType } from '../values.js';
import type { Fail } from './zip.js';

/** What an unpickled file is made of: plain values, containers, and tensors that are not decoded yet. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PyList
  | PyTuple
  | PyDict
  | PyGlobal
  | PyStorage
  | PyTensor;

export class PyList {
  readonly items: Value[] = [];
}

/** Also `torch.Size`. */
export class PyTuple {
  constructor(readonly items: readonly Value[]) {}
}

/** A dict or OrderedDict. */
export class PyDict {
  readonly entries = new Map<Value, Value>();
}

/** Something that Python would import, from {@link GLOBALS}. */
export class PyGlobal {
  constructor(readonly name: string) {}
}

/** Numbers that lie elsewhere in the file. */
export class PyStorage {
  constructor(
    /** Which record of the file. */
    readonly key: string,
    readonly dtype: FileDType,
    /** First element and number of elements, in that record. */
    readonly offset: number,
    readonly length: number,
  ) {}
}

/** A view of a storage. The constructor has checked that it lies inside. */
export class PyTensor {
  readonly count: number;

  constructor(
    readonly storage: PyStorage,
    /** In elements. */
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    fail: Fail,
  ) {
    let count = 1;
    let last = offset;
    for (const [axis, size] of shape.entries()) {
      count *= size;
      last += (size - 1) * strides[axis]!;
    }
    if (count > 0 && !(last < storage.length))
      fail(
        `a tensor of shape ${formatShape(shape)} reaches to element ${last} of a storage that has ${storage.length}`,
      );
    if (!Number.isSafeInteger(count)) fail(`a tensor has the shape ${formatShape(shape)}`);
    this.count = count;
  }
}

const STORAGES: Readonly<Record<string, FileDType>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

/** The element type of a storage class, undefined for any other name. */
export const storageType = (name: string): FileDType | undefined =>
  name.startsWith('torch.') && Object.hasOwn(STORAGES, name.slice(6)) ? STORAGES[name.slice(6)] : undefined;

/** Functions and classes that may be called; what they give is made by us. */
export const CALLABLE = new Set([
  'collections.OrderedDict',
  'torch._utils._rebuild_tensor',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_parameter',
  'torch.Size',
  'torch.device',
]);

/** Element types by name, which stand in files as plain values. */
const DTYPE_NAME =
  /^torch\.(float(16|32|64)|bfloat16|half|double|float|u?int8|int(16|32|64)|long|int|short|bool|complex(64|128))$/;

/** Whether a name may stand in a file at all. */
export const isKnown = (name: string): boolean =>
  CALLABLE.has(name) || storageType(name) !== undefined || DTYPE_NAME.test(name);

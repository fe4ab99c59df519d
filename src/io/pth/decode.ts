import { formatShape, type HostTensor } from '../../tensor/shape.js';
import { quoted } from '../../util/quote.js';
import { decodeValues, FILE_BYTES, needsCopy } from '../values.js';
import type { PyTensor } from './values.js';
import type { Fail } from './zip.js';

/** The bytes of a file's storages. */
export interface Storages {
  /** All of the record `key`, in the order of bytes that `swapped` says. */
  record(key: string): Uint8Array;
  /** Whether numbers are big-endian. */
  readonly swapped: boolean;
}

/**
 * Turns tensors of a file into ours, one after the other: views of the file where type, order and alignment allow, else
 * copies, which together take no more than a small multiple of the file.
 */
export class Decoder {
  private budget: number;

  constructor(
    private readonly storages: Storages,
    fileBytes: number,
    private readonly file: string,
    private readonly fail: Fail,
  ) {
    // Half precision doubles, bytes of integers grow fourfold, and weights may share a storage.
    this.budget = 8 * fileBytes + 2 ** 20;
  }

  decode(name: string, tensor: PyTensor): HostTensor {
    const { storage, shape, count } = tensor;
    const size = FILE_BYTES[storage.dtype];
    const record = this.storages.record(storage.key);
    const begin = (storage.offset + tensor.offset) * size;
    let raw = isContiguous(tensor) ? record.subarray(begin, begin + count * size) : undefined;
    if (!raw || this.storages.swapped || needsCopy(storage.dtype, raw)) {
      this.budget -= count * Math.max(4, size);
      if (this.budget < 0)
        this.fail(
          `its tensors would take far more memory than the file has bytes (at ${quoted(name)} of ${formatShape(shape)})`,
        );
    }
    raw ??= gather(tensor, record, size);
    if (this.storages.swapped && size > 1) raw = swap(raw, size);
    return decodeValues(storage.dtype, raw, shape, `${this.file}: tensor ${quoted(name)}`);
  }
}

function isContiguous({ shape, strides, count }: PyTensor): boolean {
  if (count === 0) return true;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** The values of a view in row-major order. */
function gather({ shape, strides, storage, offset, count }: PyTensor, record: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(count * size);
  const index = new Array<number>(shape.length).fill(0);
  let from = storage.offset + offset;
  for (let to = 0; to < out.length; to += size) {
    for (let b = 0; b < size; b++) out[to + b] = record[from * size + b]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

function swap(raw: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += size) for (let b = 0; b < size; b++) out[i + b] = raw[i + size - 1 - b]!;
  return out;
}

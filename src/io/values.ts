import type { DType, TypedArray } from '../tensor/dtype.js';
import { formatShape, type HostTensor, numel, type Shape } from '../tensor/shape.js';
import { quoted } from '../util/quote.js';

/** Element types of weight files, by safetensors' names; PyTorch's storages are the same ones. */
export type FileDType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

/** Bytes of one element. */
export const FILE_BYTES: Readonly<Record<FileDType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** The type that holds a tensor in a file. */
export const FILE_DTYPE: Readonly<Record<DType, FileDType>> = {
  float32: 'F32',
  float64: 'F64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
};

/** The tensors one after the other. Throws one sentence for a name that occurs twice, or a shape that its values do not fill. */
export function* checkedTensors(
  tensors: Iterable<readonly [string, HostTensor]>,
): Generator<readonly [string, HostTensor]> {
  const names = new Set<string>();
  for (const [name, tensor] of tensors) {
    const { shape, data } = tensor;
    if (names.has(name)) throw new Error(`two tensors are named ${quoted(name)}`);
    names.add(name);
    if (numel(shape) !== data.length)
      throw new Error(
        `${quoted(name)} has ${data.length} values, its shape ${formatShape(shape)} says ${numel(shape)}`,
      );
    yield [name, tensor];
  }
}

/** Whether decoding such values, as they lie here, needs memory beyond the file's own. */
export const needsCopy = (dtype: FileDType, raw: Uint8Array): boolean =>
  !['F64', 'F32', 'I32', 'U8', 'BOOL'].includes(dtype) || raw.byteOffset % FILE_BYTES[dtype] !== 0;

/**
 * Raw little-endian values as a tensor. F16 and BF16 become float32; I64, I16 and I8 become int32. Values are views into
 * `raw` where type and alignment allow.
 *
 * @param raw exactly the bytes of the values
 * @param what the tensor in messages: `w.pth: tensor "a"`
 * @throws Error, one sentence, for an integer beyond int32 or a bool that is neither 0 nor 1
 */
export function decodeValues(dtype: FileDType, raw: Uint8Array, shape: Shape, what: string): HostTensor {
  const count = numel(shape);
  // A view needs an aligned start; otherwise the bytes are copied once.
  const aligned = raw.byteOffset % FILE_BYTES[dtype] === 0 ? raw : raw.slice();
  const { buffer, byteOffset: at } = aligned;
  const give = (data: TypedArray, type: DType): HostTensor => ({ data, shape, dtype: type });
  switch (dtype) {
    case 'F32':
      return give(new Float32Array(buffer, at, count), 'float32');
    case 'F64':
      return give(new Float64Array(buffer, at, count), 'float64');
    case 'F16':
      return give(Float32Array.from(new Uint16Array(buffer, at, count), halfToFloat), 'float32');
    case 'BF16': {
      const bits = Uint32Array.from(new Uint16Array(buffer, at, count), (h) => h << 16);
      return give(new Float32Array(bits.buffer), 'float32');
    }
    case 'I64':
      return give(
        Int32Array.from(new BigInt64Array(buffer, at, count) as unknown as ArrayLike<bigint>, (v) => {
          if (v !== BigInt.asIntN(32, v)) throw new Error(`${what} holds ${v}, which int32 cannot`);
          return Number(v);
        }),
        'int32',
      );
    case 'I32':
      return give(new Int32Array(buffer, at, count), 'int32');
    case 'I16':
      return give(Int32Array.from(new Int16Array(buffer, at, count)), 'int32');
    case 'I8':
      return give(Int32Array.from(new Int8Array(buffer, at, count)), 'int32');
    case 'U8':
      return give(aligned, 'uint8');
    case 'BOOL':
      if (!aligned.every((b) => b <= 1)) throw new Error(`${what} is bool and holds a value beyond 1`);
      return give(aligned, 'bool');
  }
}

/** The raw little-endian bytes of a tensor; int32 as I64 where `wide`. A view where no conversion is needed. */
export function encodeValues({ data }: HostTensor, wide: boolean): Uint8Array {
  if (!wide) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(BigInt64Array.from(Array.from(data, BigInt)).buffer);
}

/** IEEE 754 half precision to a number. */
function halfToFloat(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 31;
  const fraction = h & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

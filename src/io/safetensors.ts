import type { DType, TypedArray } from '../tensor/dtype.js';
import { formatShape, type HostTensor, numel, type Shape } from '../tensor/shape.js';

/**
 * The safetensors format: 8 bytes header length (little endian), a JSON header, raw little-endian values.
 * A file cannot run code, and reading takes no more memory than the file is long.
 * https://huggingface.co/docs/safetensors
 */
type FileDType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

const BYTES: Readonly<Record<FileDType, number>> = {
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

const FILE_DTYPE: Readonly<Record<DType, FileDType>> = {
  float32: 'F32',
  float64: 'F64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
};

/** The same limit as the reference implementation's. */
const MAX_HEADER = 100_000_000;

export interface SafetensorsFile {
  readonly tensors: Map<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface WriteOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** Names of int32 tensors that the file should hold as I64, as PyTorch does for `num_batches_tracked`. */
  readonly int64?: (name: string) => boolean;
}

interface Entry {
  readonly name: string;
  readonly dtype: FileDType;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

/** Compares by UTF-16 code units: the same order on every machine, whatever its language. */
const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * The bytes of a safetensors file. The same tensors and metadata always give the same bytes: metadata keys and names
 * are sorted, wider types come first so that every value is aligned, the header is padded to 8 bytes.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, HostTensor]>,
  { metadata, int64 }: WriteOptions = {},
): Uint8Array {
  const items = [...tensors].map(([name, t]) => {
    if (name === '__metadata__') throw new Error('a tensor cannot be named "__metadata__" in a safetensors file');
    if (numel(t.shape) !== t.data.length)
      throw new Error(
        `"${name}" has ${t.data.length} values, its shape ${formatShape(t.shape)} says ${numel(t.shape)}`,
      );
    const dtype: FileDType = t.dtype === 'int32' && int64?.(name) ? 'I64' : FILE_DTYPE[t.dtype];
    return { name, tensor: t, dtype, bytes: t.data.length * BYTES[dtype] };
  });
  items.sort((a, b) => BYTES[b.dtype] - BYTES[a.dtype] || byName(a.name, b.name));

  const header = new Map<string, unknown>();
  if (metadata)
    header.set('__metadata__', Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => byName(a, b))));
  let offset = 0;
  for (const { name, dtype, tensor, bytes } of items) {
    if (header.has(name)) throw new Error(`two tensors are named "${name}"`);
    header.set(name, { dtype, shape: tensor.shape, data_offsets: [offset, (offset += bytes)] });
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + offset);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(headerLength), true);
  file.set(json, 8);
  file.fill(0x20, 8 + json.length, 8 + headerLength);
  let at = 8 + headerLength;
  for (const { dtype, tensor, bytes } of items) {
    const { data } = tensor;
    if (dtype === 'I64') new BigInt64Array(file.buffer, at, data.length).set(Array.from(data, BigInt));
    else file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += bytes;
  }
  return file;
}

/**
 * Reads a safetensors file. F16 and BF16 become float32; I64, I16 and I8 become int32. Values are views into `bytes`
 * where type and alignment allow.
 *
 * @param file name for messages
 * @throws Error, one sentence that names the file, if anything in it does not fit: lengths, offsets that overlap,
 * leave gaps or point outside, shapes that do not match their bytes, an integer beyond int32
 */
export function readSafetensors(bytes: Uint8Array, file = 'safetensors file'): SafetensorsFile {
  const { entries, metadata, dataStart } = readHeader(bytes, file);
  const tensors = new Map<string, HostTensor>();
  for (const entry of entries) {
    const raw = bytes.subarray(dataStart + entry.begin, dataStart + entry.end);
    tensors.set(entry.name, decode(entry, raw, file));
  }
  return { tensors, metadata };
}

function readHeader(bytes: Uint8Array, file: string) {
  const fail = (message: string): never => {
    throw new Error(`${file} is not a valid safetensors file: ${message}`);
  };
  if (bytes.length < 8) fail(`it has ${bytes.length} bytes, the header alone needs 8`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER, bytes.length - 8)))
    fail(`its header claims ${length} bytes, the file has ${bytes.length}`);
  const dataStart = 8 + Number(length);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch {
    fail('its header is not JSON');
  }
  if (!isRecord(parsed)) return fail('its header is not a JSON object');

  const metadata: [string, string][] = [];
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') {
      if (!isRecord(value)) return fail('its metadata is not an object');
      for (const [k, v] of Object.entries(value)) {
        if (typeof v !== 'string') return fail(`its metadata "${k}" is not a string`);
        metadata.push([k, v]);
      }
    } else entries.push(readEntry(name, value, fail));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const e of entries) {
    if (e.begin !== end) fail(`tensor "${e.name}" begins at byte ${e.begin} of the data, expected ${end}`);
    end = e.end;
  }
  if (end !== bytes.length - dataStart)
    fail(`its tensors take ${end} bytes, the file holds ${bytes.length - dataStart} (it may be cut short)`);
  return { entries, metadata: Object.fromEntries(metadata), dataStart };
}

function readEntry(name: string, value: unknown, fail: (message: string) => never): Entry {
  if (!isRecord(value)) return fail(`tensor "${name}" has no description`);
  const { dtype, shape, data_offsets: offsets } = value;
  const isPair = (v: unknown): v is [number, number] =>
    Array.isArray(v) && v.length === 2 && v.every(isSize) && v[0]! <= v[1]!;
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES, dtype))
    return fail(`tensor "${name}" has the type ${JSON.stringify(dtype)}, which is not supported`);
  if (!Array.isArray(shape) || !shape.every(isSize))
    return fail(`tensor "${name}" has the shape ${JSON.stringify(shape)}`);
  if (!isPair(offsets)) return fail(`tensor "${name}" has the offsets ${JSON.stringify(offsets)}`);
  const type = dtype as FileDType;
  const bytes = numel(shape) * BYTES[type];
  if (bytes !== offsets[1] - offsets[0])
    return fail(
      `tensor "${name}" of shape ${formatShape(shape)} and type ${type} needs ${bytes} bytes, its offsets hold ${offsets[1] - offsets[0]}`,
    );
  return { name, dtype: type, shape, begin: offsets[0], end: offsets[1] };
}

const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const isSize = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0;

function decode({ name, dtype, shape }: Entry, raw: Uint8Array, file: string): HostTensor {
  const count = numel(shape);
  // A view needs an aligned start; otherwise the bytes are copied once.
  const aligned = raw.byteOffset % BYTES[dtype] === 0 ? raw : raw.slice();
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
          if (v !== BigInt.asIntN(32, v)) throw new Error(`${file}: tensor "${name}" holds ${v}, which int32 cannot`);
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
      if (!aligned.every((b) => b <= 1))
        throw new Error(`${file}: tensor "${name}" is bool and holds a value beyond 1`);
      return give(aligned, 'bool');
  }
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

import { formatShape, type HostTensor, numel, type Shape } from '../tensor/shape.js';
import { quoted } from '../util/quote.js';
import { checkedTensors, decodeValues, encodeValues, FILE_BYTES, FILE_DTYPE, type FileDType } from './values.js';

// The safetensors format: 8 bytes header length (little endian), a JSON header, raw little-endian values. A file cannot
// run code, and reading takes no more memory than the file is long. https://huggingface.co/docs/safetensors

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
  const items = [...checkedTensors(tensors)].map(([name, t]) => {
    if (name === '__metadata__') throw new Error('a tensor cannot be named "__metadata__" in a safetensors file');
    const dtype: FileDType = t.dtype === 'int32' && int64?.(name) ? 'I64' : FILE_DTYPE[t.dtype];
    return { name, tensor: t, dtype, bytes: t.data.length * FILE_BYTES[dtype] };
  });
  items.sort((a, b) => FILE_BYTES[b.dtype] - FILE_BYTES[a.dtype] || byName(a.name, b.name));

  const header = new Map<string, unknown>();
  if (metadata)
    header.set('__metadata__', Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => byName(a, b))));
  let offset = 0;
  for (const { name, dtype, tensor, bytes } of items) {
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
    file.set(encodeValues(tensor, dtype === 'I64'), at);
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
    tensors.set(entry.name, decodeValues(entry.dtype, raw, entry.shape, `${file}: tensor ${quoted(entry.name)}`));
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
        if (typeof v !== 'string') return fail(`its metadata ${quoted(k)} is not a string`);
        metadata.push([k, v]);
      }
    } else entries.push(readEntry(name, value, fail));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const e of entries) {
    if (e.begin !== end) fail(`tensor ${quoted(e.name)} begins at byte ${e.begin} of the data, expected ${end}`);
    end = e.end;
  }
  if (end !== bytes.length - dataStart)
    fail(`its tensors take ${end} bytes, the file holds ${bytes.length - dataStart} (it may be cut short)`);
  return { entries, metadata: Object.fromEntries(metadata), dataStart };
}

function readEntry(name: string, value: unknown, fail: (message: string) => never): Entry {
  if (!isRecord(value)) return fail(`tensor ${quoted(name)} has no description`);
  const { dtype, shape, data_offsets: offsets } = value;
  const isPair = (v: unknown): v is [number, number] =>
    Array.isArray(v) && v.length === 2 && v.every(isSize) && v[0]! <= v[1]!;
  if (typeof dtype !== 'string' || !Object.hasOwn(FILE_BYTES, dtype))
    return fail(`tensor ${quoted(name)} has the type ${JSON.stringify(dtype)}, which is not supported`);
  if (!Array.isArray(shape) || !shape.every(isSize))
    return fail(`tensor ${quoted(name)} has the shape ${JSON.stringify(shape)}`);
  if (!isPair(offsets)) return fail(`tensor ${quoted(name)} has the offsets ${JSON.stringify(offsets)}`);
  const type = dtype as FileDType;
  const bytes = numel(shape) * FILE_BYTES[type];
  if (bytes !== offsets[1] - offsets[0])
    return fail(
      `tensor ${quoted(name)} of shape ${formatShape(shape)} and type ${type} needs ${bytes} bytes, its offsets hold ${offsets[1] - offsets[0]}`,
    );
  return { name, dtype: type, shape, begin: offsets[0], end: offsets[1] };
}

const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const isSize = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0;

import type { HostTensor } from '../../tensor/shape.js';
import { quoted } from '../../util/quote.js';
import { FILE_BYTES } from '../values.js';
import { checkNesting } from './check.js';
import { Decoder, type Storages } from './decode.js';
import { findStateDict } from './stateDict.js';
import { unpickle } from './unpickle.js';
import { PyGlobal, PyList, PyStorage, PyTuple, storageType, type Value } from './values.js';
import { type Fail, Zip } from './zip.js';

/** The tensors of a PyTorch file. */
export interface PthFile {
  /** By name, in the file's order. */
  readonly tensors: Map<string, HostTensor>;
  /** 'zip' is written since PyTorch 1.6, 'legacy' before. */
  readonly format: 'zip' | 'legacy';
  /** Keys under which the weights lay inside of a checkpoint: ['model_state_dict']; empty for a plain state dict. */
  readonly within: readonly string[];
}

const FIRST = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
const startsWith = (bytes: Uint8Array, start: readonly number[]) => start.every((b, i) => bytes[i] === b);

const isZip = (bytes: Uint8Array): boolean => startsWith(bytes, [0x50, 0x4b, 3, 4]);

/** Whether a file begins as one of PyTorch's. */
export const isPth = (bytes: Uint8Array): boolean => isZip(bytes) || startsWith(bytes, FIRST);

/**
 * Reads the weights of a PyTorch file, `torch.save(model.state_dict(), ...)` or a checkpoint that holds such a dict, in the
 * zip format or the one before PyTorch 1.6. The pickle inside is read by an unpickler that knows tensors, storages and
 * plain containers only: nothing of the file is run, and it takes no more memory than its length justifies. Half precision
 * and bfloat16 become float32, whole numbers int32.
 *
 * ```ts
 * const { tensors } = readPth(await readFile('vgg16.pth'), 'vgg16.pth');
 * net.loadStateDict(Object.fromEntries(tensors));
 * ```
 * @param file name for messages
 * @throws Error, one sentence that names the file: what else the pickle asks for, a storage or view larger than the file, a
 * container that holds itself, a file cut short, no weights in it
 */
export function readPth(bytes: Uint8Array, file = 'the PyTorch file'): PthFile {
  const fail: Fail = (message) => {
    throw new Error(`${file} cannot be read as PyTorch weights: ${message}`);
  };
  const format = isZip(bytes) ? 'zip' : startsWith(bytes, FIRST) ? 'legacy' : undefined;
  if (!format)
    return fail(
      startsWith(bytes, [0x80])
        ? 'it is a pickle, but not one of torch.save'
        : 'it begins neither as a zip archive nor as an older file of torch.save',
    );
  const { value, storages } = format === 'zip' ? readZip(bytes, fail) : readLegacy(bytes, fail);
  checkNesting(value, fail);
  const { dict, within } = findStateDict(value, fail);
  const decoder = new Decoder(storages, bytes.length, file, fail);
  const tensors = new Map<string, HostTensor>();
  for (const [name, tensor] of dict) tensors.set(name, decoder.decode(name, tensor));
  return { tensors, format, within };
}

interface Read {
  readonly value: Value;
  readonly storages: Storages;
}

function readZip(bytes: Uint8Array, fail: Fail): Read {
  const zip = new Zip(bytes, fail);
  const names = [...zip.entries.keys()];
  const pickles = names.filter((name) => /^[^/]*\/data\.pkl$/.test(name));
  if (pickles.length !== 1) fail(`its archive has ${pickles.length} entries called data.pkl, expected one`);
  const root = pickles[0]!.slice(0, -'data.pkl'.length);
  if (zip.entries.has(`${root}constants.pkl`))
    fail('it is a TorchScript program, not weights: save model.state_dict() instead');
  const order = zip.entries.get(`${root}byteorder`);
  const byteorder = order ? new TextDecoder().decode(zip.read(order)) : 'little';
  if (byteorder !== 'little' && byteorder !== 'big') fail(`its byte order is ${quoted(byteorder)}`);
  const records = new Map<string, Uint8Array>();
  const record = (key: string): Uint8Array => {
    let content = records.get(key);
    if (!content) {
      const entry = zip.entries.get(`${root}data/${key}`);
      if (!entry) return fail(`its archive has no storage ${quoted(key)}`);
      content = zip.read(entry);
      records.set(key, content);
    }
    return content;
  };
  const load = (id: Value): Value => {
    const storage = storageOf(id, fail);
    const entry = zip.entries.get(`${root}data/${storage.key}`);
    const { size } = entry ?? fail(`its archive has no storage ${quoted(storage.key)}`);
    checkLength(storage.key, bytesOf(storage), size, fail);
    return storage;
  };
  const pickle = zip.read(zip.entries.get(pickles[0]!)!);
  const { value } = unpickle(pickle, 0, load, fail);
  return { value, storages: { record, swapped: byteorder === 'big' } };
}

/**
 * Magic number, protocol version and system as one pickle each, then the object, the list of storage keys, and of each
 * storage its length in elements and its bytes, which are little-endian whatever wrote them.
 */
function readLegacy(bytes: Uint8Array, fail: Fail): Read {
  const roots = new Map<string, PyStorage>();
  const none = (): never => fail('a storage stands where none can be');
  let at = FIRST.length;
  const next = (load: (id: Value) => Value): Value => {
    const { value, end } = unpickle(bytes, at, load, fail);
    at = end;
    return value;
  };
  const version = next(none);
  if (version !== 1001) fail(`its version is ${String(version).slice(0, 20)}, expected 1001`);
  next(none);
  const value = next((id) => {
    const storage = storageOf(id, fail);
    const root = roots.get(storage.key) ?? storage;
    roots.set(storage.key, root);
    if (root.dtype !== storage.dtype) fail(`its storage ${quoted(storage.key)} has two types`);
    if (bytesOf(root) > bytes.length)
      fail(`its storage ${quoted(root.key)} claims ${bytesOf(root)} bytes, the file has ${bytes.length}`);
    const view = (id as PyTuple).items[5];
    return view instanceof PyTuple ? viewOf(root, view, fail) : root;
  });
  const keys = next(none);
  const records = new Map<string, Uint8Array>();
  if (!(keys instanceof PyList)) return fail('it has no list of storages');
  for (const key of keys.items) {
    const root = roots.get(String(key));
    if (!root || records.has(root.key)) return fail(`its list of storages names ${quoted(String(key))}`);
    if (at + 8 > bytes.length) fail(`it is cut short before storage ${quoted(root.key)}`);
    const length = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigInt64(0, true);
    at += 8;
    if (length !== BigInt(root.length))
      fail(`its storage ${quoted(root.key)} has ${length} values, expected ${root.length}`);
    checkLength(root.key, bytesOf(root), Math.min(bytesOf(root), bytes.length - at), fail);
    records.set(root.key, bytes.subarray(at, (at += bytesOf(root))));
  }
  const record = (key: string) => records.get(key) ?? fail(`it does not hold storage ${quoted(key)}`);
  return { value, storages: { record, swapped: false } };
}

const bytesOf = ({ dtype, length }: PyStorage) => length * FILE_BYTES[dtype];

function checkLength(key: string, claimed: number, found: number, fail: Fail): void {
  if (claimed !== found) fail(`its storage ${quoted(key)} claims ${claimed} bytes, the file holds ${found}`);
}

/** ('storage', torch.FloatStorage, key, location, number of values, ...) */
function storageOf(id: Value, fail: Fail): PyStorage {
  const [kind, type, key, , length] = id instanceof PyTuple ? id.items : [];
  const dtype = type instanceof PyGlobal ? storageType(type.name) : undefined;
  if (
    kind !== 'storage' ||
    !dtype ||
    typeof key !== 'string' ||
    !Number.isSafeInteger(length) ||
    (length as number) < 0
  )
    return fail('a storage in it is not described as PyTorch does');
  return new PyStorage(key, dtype, 0, length as number);
}

/** (key, first value, number of values): a part of a storage, as PyTorch before 0.4 wrote it. */
function viewOf(root: PyStorage, { items: [, offset, length] }: PyTuple, fail: Fail): PyStorage {
  const whole = (v: Value | undefined): v is number => Number.isSafeInteger(v) && (v as number) >= 0;
  if (!whole(offset) || !whole(length) || offset + length > root.length)
    return fail(`a part of its storage ${quoted(root.key)} lies outside of it`);
  return new PyStorage(root.key, root.dtype, offset, length);
}

import { type HostTensor, stridesOf } from '../../tensor/shape.js';
import { checkedTensors, encodeValues, FILE_DTYPE } from '../values.js';
import { writeZip } from './writeZip.js';

/** Storage classes by our types; `int64` is how PyTorch keeps counters. */
const STORAGE = {
  F64: 'DoubleStorage',
  F32: 'FloatStorage',
  I32: 'IntStorage',
  I64: 'LongStorage',
  U8: 'ByteStorage',
  BOOL: 'BoolStorage',
} as const;

/**
 * The bytes of a PyTorch file (zip format, PyTorch 1.6 or newer) that holds the tensors as an OrderedDict, as
 * `torch.save(model.state_dict(), ...)` writes it: `torch.load(path, weights_only=True)` reads it. The same tensors always
 * give the same bytes.
 *
 * @param int64 names of int32 tensors that the file should hold as int64, as PyTorch does for `num_batches_tracked`
 * @throws Error if a name occurs twice, a shape does not fit its values, or the file would exceed 4 GB
 */
export function writePth(
  tensors: Iterable<readonly [string, HostTensor]>,
  { int64 = () => false }: { readonly int64?: (name: string) => boolean } = {},
): Uint8Array {
  const pickle = new Pickler();
  const entries: [name: string, content: Uint8Array][] = [];
  pickle.op(0x80, 2).global('collections', 'OrderedDict').op(0x29, 0x52, 0x28);
  for (const [name, tensor] of checkedTensors(tensors)) {
    const wide = tensor.dtype === 'int32' && int64(name);
    const key = String(entries.length);
    entries.push([`data/${key}`, encodeValues(tensor, wide)]);
    const type = STORAGE[wide ? 'I64' : (FILE_DTYPE[tensor.dtype] as keyof typeof STORAGE)];
    // name: _rebuild_tensor_v2(('storage', type, key, 'cpu', count) as a persistent id, 0, shape, strides, False, {})
    pickle.text(name).global('torch._utils', '_rebuild_tensor_v2').op(0x28, 0x28);
    pickle.text('storage').global('torch', type).text(key).text('cpu').int(tensor.data.length).op(0x74, 0x51);
    pickle.int(0).tuple(tensor.shape).tuple(stridesOf(tensor.shape)).op(0x89);
    pickle.global('collections', 'OrderedDict').op(0x29, 0x52, 0x74, 0x52);
  }
  pickle.op(0x75, 0x2e);
  const utf8 = new TextEncoder();
  return writeZip('archive', [
    ['data.pkl', pickle.bytes()],
    ['byteorder', utf8.encode('little')],
    ...entries,
    ['version', utf8.encode('3\n')],
  ]);
}

/** Writes pickle operations of protocol 2. */
class Pickler {
  private readonly out: number[] = [];

  op(...bytes: number[]): this {
    this.out.push(...bytes);
    return this;
  }
  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.op(0x58)
      .u32(bytes.length)
      .op(...bytes);
  }
  global(module: string, name: string): this {
    return this.op(0x63, ...new TextEncoder().encode(`${module}\n${name}\n`));
  }
  int(value: number): this {
    if (value < 2 ** 31) return this.op(0x4a).u32(value);
    return this.op(0x8a, 8)
      .u32(value % 2 ** 32)
      .u32(Math.floor(value / 2 ** 32));
  }
  tuple(values: readonly number[]): this {
    this.op(0x28);
    for (const v of values) this.int(v);
    return this.op(0x74);
  }
  bytes(): Uint8Array {
    return Uint8Array.from(this.out);
  }
  private u32(value: number): this {
    return this.op(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255);
  }
}

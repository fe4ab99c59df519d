import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors.js';
import { allocate, DTYPES } from '../../src/tensor/dtype.js';
import { type HostTensor, hostTensor, numel } from '../../src/tensor/shape.js';

const anyTensor = fc
  .tuple(fc.constantFrom(...DTYPES), fc.array(fc.nat(5), { maxLength: 4 }), fc.infiniteStream(fc.integer()))
  .map(([dtype, shape, values]): HostTensor => {
    const data = allocate(dtype, numel(shape));
    for (let i = 0; i < data.length; i++) {
      const v = values.next().value!;
      data[i] = dtype === 'bool' ? v & 1 : dtype.startsWith('float') ? v / 7 : v;
    }
    return { data, shape, dtype };
  });

/** A file with a header written by hand. */
function file(header: unknown, dataBytes: number, claimed?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

describe('safetensors', () => {
  it('gives back what was written, bit for bit, wherever the bytes lie', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((n) => n !== '__metadata__'),
          anyTensor,
        ),
        fc.dictionary(fc.string(), fc.string()),
        fc.nat(7),
        (tensors, metadata, shift) => {
          const bytes = writeSafetensors(Object.entries(tensors), { metadata });
          const moved = new Uint8Array(bytes.length + shift).subarray(shift);
          moved.set(bytes);
          const back = readSafetensors(moved);
          expect(Object.keys(back.metadata).sort()).toEqual(Object.keys(metadata).sort());
          for (const [k, v] of Object.entries(metadata)) expect(back.metadata[k]).toBe(v);
          expect(back.tensors.size).toBe(Object.keys(tensors).length);
          for (const [name, t] of Object.entries(tensors)) {
            const b = back.tensors.get(name)!;
            expect([b.dtype, b.shape]).toEqual([t.dtype, t.shape]);
            expect(new Uint8Array(b.data.slice().buffer)).toEqual(new Uint8Array(t.data.slice().buffer));
          }
        },
      ),
    );
  });

  it('does not depend on the order of tensors and metadata, and aligns header and values', () => {
    const a = hostTensor(Uint8Array.of(1, 2, 3), [3]);
    const b = hostTensor(Float64Array.of(1.5), [1]);
    const c = hostTensor(Float32Array.of(2.5), []);
    const one = writeSafetensors(
      [
        ['a', a],
        ['b', b],
        ['c', c],
      ],
      { metadata: { x: '1', y: '2' } },
    );
    const two = writeSafetensors(
      [
        ['c', c],
        ['a', a],
        ['b', b],
      ],
      { metadata: { y: '2', x: '1' } },
    );
    expect(two).toEqual(one);
    const length = Number(new DataView(one.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const { data } = readSafetensors(one).tensors.get('b')!;
    expect(data.byteOffset % 8).toBe(0);
  });

  it('holds int32 as I64 where asked, and reads it back as int32', () => {
    const count = hostTensor(Int32Array.of(-7, 2 ** 31 - 1), [2]);
    const bytes = writeSafetensors([['n', count]], { int64: () => true });
    expect(new TextDecoder().decode(bytes)).toContain('"I64"');
    expect(readSafetensors(bytes).tensors.get('n')).toEqual(count);
    const big = writeSafetensors([['n', hostTensor(Float64Array.of(0), [1])]]);
    const text = new TextDecoder('latin1').decode(big).replace('F64', 'I64');
    const edited = Uint8Array.from(text, (ch) => ch.charCodeAt(0));
    new DataView(edited.buffer).setBigInt64(edited.length - 8, 2n ** 40n, true);
    expect(() => readSafetensors(edited, 'x.safetensors')).toThrow(/^x\.safetensors: tensor "n" holds 1099511627776/);
  });

  it('reads half precision and bfloat16 as float32', () => {
    const half = file({ h: { dtype: 'F16', shape: [6], data_offsets: [0, 12] } }, 12);
    const bits = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x3555];
    const view = new DataView(half.buffer);
    for (const [i, h] of bits.entries()) view.setUint16(half.length - 12 + 2 * i, h, true);
    expect([...readSafetensors(half).tensors.get('h')!.data]).toEqual([
      1,
      -2,
      65504,
      2 ** -24,
      Number.POSITIVE_INFINITY,
      0.333251953125,
    ]);
    const brain = file({ b: { dtype: 'BF16', shape: [2], data_offsets: [0, 4] } }, 4);
    new DataView(brain.buffer).setUint16(brain.length - 4, 0x3f80, true);
    new DataView(brain.buffer).setUint16(brain.length - 2, 0xc040, true);
    expect([...readSafetensors(brain).tensors.get('b')!.data]).toEqual([1, -3]);
  });

  const ok = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  it.each([
    ['nothing in it', new Uint8Array(0), /has 0 bytes/],
    ['a header longer than the file', file({ a: ok }, 8, 2n ** 40n), /header claims 1099511627776 bytes/],
    ['a header that is not JSON', file('{"a":', 0), /header is not JSON/],
    ['a header that is a list', file([], 0), /not a JSON object/],
    ['metadata that is not text', file({ __metadata__: { a: 1 } }, 0), /metadata "a" is not a string/],
    ['an unknown type', file({ a: { ...ok, dtype: 'toString' } }, 8), /type "toString", which is not supported/],
    ['a negative size', file({ a: { ...ok, shape: [-2] } }, 8), /shape \[-2\]/],
    ['a size beyond all bounds', file({ a: { ...ok, shape: [2 ** 40, 2 ** 40] } }, 8), /needs .* bytes/],
    ['shape and bytes that differ', file({ a: { ...ok, shape: [3] } }, 8), /needs 12 bytes, its offsets hold 8/],
    ['offsets outside', file({ a: ok }, 4), /take 8 bytes, the file holds 4/],
    ['offsets that are no pair', file({ a: { ...ok, data_offsets: [0] } }, 8), /offsets \[0\]/],
    ['offsets backwards', file({ a: { ...ok, shape: [0], data_offsets: [8, 0] } }, 8), /offsets \[8,0\]/],
    [
      'overlapping tensors',
      file({ a: ok, b: { ...ok, data_offsets: [4, 12] } }, 12),
      /"b" begins at byte 4 .* expected 8/,
    ],
    ['a gap', file({ a: ok, b: { ...ok, data_offsets: [12, 20] } }, 20), /"b" begins at byte 12 .* expected 8/],
    ['bytes left over', file({ a: ok }, 12), /take 8 bytes, the file holds 12/],
  ])('refuses %s in one sentence that names the file', (_, bytes, message) => {
    expect(() => readSafetensors(bytes, 'w.safetensors')).toThrow(message);
    expect(() => readSafetensors(bytes, 'w.safetensors')).toThrow(
      /^w\.safetensors is not a valid safetensors file: .*[^\n]$/,
    );
  });

  it('never does anything but read or throw on damaged files', () => {
    const good = writeSafetensors(
      [
        ['a', hostTensor(new Float32Array(6), [2, 3])],
        ['b', hostTensor(Int32Array.of(1, 2), [2])],
      ],
      { metadata: { k: 'v' } },
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(good.length),
        (edits, cut) => {
          const bytes = good.slice(0, cut === 0 ? undefined : cut);
          for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
          try {
            readSafetensors(bytes);
          } catch (error) {
            expect((error as Error).message).toMatch(/safetensors file/);
          }
        },
      ),
    );
  });
});

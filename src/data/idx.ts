/** An array as an IDX file holds it. */
export interface IdxArray {
  readonly shape: readonly number[];
  /** Row-major; a view of the file's bytes. */
  readonly data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes (LeCun's format of MNIST: a magic number 0x0000 08 RANK, sizes as big-endian
 * 32-bit integers, then the bytes).
 *
 * Throws one sentence that names `file`: wrong magic, another rank, bytes missing or left over.
 *
 * @param rank expected number of axes: 3 for images, 1 for labels
 */
export function parseIdx(bytes: Uint8Array, file: string, rank: number): IdxArray {
  const expected = `expected an IDX file of ${rank === 1 ? 'labels' : rank === 3 ? 'images' : `rank ${rank}`}`;
  if (bytes.length < 4) throw new Error(`${file} has only ${bytes.length} bytes; ${expected}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const wanted = 0x800 | rank;
  if (magic !== wanted)
    throw new Error(
      `${file} begins with the magic number ${hex(magic)}; ${expected}, which begins with ${hex(wanted)}`,
    );
  const header = 4 + 4 * rank;
  if (bytes.length < header) throw new Error(`${file} ends within its header of ${header} bytes; ${expected}`);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((a, b) => a * b, 1);
  if (bytes.length !== header + count) {
    const found = bytes.length - header;
    throw new Error(
      `${file} is ${found < count ? 'cut short' : 'too long'}: its header promises ${shape.join(' x ')} = ${count} bytes ` +
        `of values, it holds ${found}; fetch it again`,
    );
  }
  return { shape, data: bytes.subarray(header) };
}

const hex = (n: number): string => `0x${n.toString(16).padStart(8, '0')}`;

/**
 * A checksum by its polynomial, bits reversed, eight bytes at a time. Table t has the remainders of bytes that stand t bytes
 * before the end.
 */
function crcOf(polynomial: number): (bytes: Uint8Array) => number {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? polynomial ^ (c >>> 1) : c >>> 1;
    tables[0]![n] = c;
  }
  for (let t = 1; t < 8; t++)
    for (let n = 0; n < 256; n++) {
      const before = tables[t - 1]![n]!;
      tables[t]![n] = tables[0]![before & 255]! ^ (before >>> 8);
    }
  type Table = Uint32Array;
  const [T0, T1, T2, T3, T4, T5, T6, T7] = tables as [Table, Table, Table, Table, Table, Table, Table, Table];
  return (bytes) => {
    let c = 0xffffffff;
    let i = 0;
    for (const end = bytes.length - 7; i < end; i += 8) {
      c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
      c =
        T7[c & 255]! ^
        T6[(c >>> 8) & 255]! ^
        T5[(c >>> 16) & 255]! ^
        T4[c >>> 24]! ^
        T3[bytes[i + 4]!]! ^
        T2[bytes[i + 5]!]! ^
        T1[bytes[i + 6]!]! ^
        T0[bytes[i + 7]!]!;
    }
    for (; i < bytes.length; i++) c = T0[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
    return (c ^ 0xffffffff) >>> 0;
  };
}

/** The checksum of zip archives and PNG files. */
export const crc32 = crcOf(0xedb88320);

/** CRC-32C (Castagnoli), the checksum of TFRecords. */
export const crc32c = crcOf(0x82f63b78);

/** Extra bits and bases of DEFLATE's length and distance codes (RFC 1951, 3.2.5). */
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_EXTRA = Array.from({ length: 30 }, (_, i) => Math.max(0, (i >> 1) - 1));
const LENGTH_BASE = LENGTH_EXTRA.map((_, i) =>
  i === 28 ? 258 : 3 + LENGTH_EXTRA.slice(0, i).reduce((sum, bits) => sum + (1 << bits), 0),
);
const DISTANCE_BASE = DISTANCE_EXTRA.map(
  (_, i) => 1 + DISTANCE_EXTRA.slice(0, i).reduce((sum, bits) => sum + (1 << bits), 0),
);
/** Order in which the lengths of the code-length code are written. */
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A canonical Huffman code: how many symbols have each length, and the symbols in order of their codes. */
interface Code {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

const FIXED_LENGTHS = Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
const FIXED = [huffman(FIXED_LENGTHS), huffman(new Uint8Array(30).fill(5))] as const;

/**
 * Unpacks raw DEFLATE data (RFC 1951) of known length: exactly `size` bytes come out, and no memory beyond them is taken.
 * It is here and not the platform's, since browsers unpack only asynchronously.
 *
 * @param fail says in one sentence what is wrong, and throws
 */
export function inflate(bytes: Uint8Array, size: number, fail: (message: string) => never): Uint8Array {
  const out = new Uint8Array(size);
  let at = 0;
  let held = 0;
  let holding = 0;
  let filled = 0;
  const damaged = (): never => fail('its packed data is damaged');

  const bits = (count: number): number => {
    while (holding < count) {
      if (at >= bytes.length) damaged();
      held |= bytes[at++]! << holding;
      holding += 8;
    }
    const value = held & ((1 << count) - 1);
    held >>>= count;
    holding -= count;
    return value;
  };
  const symbol = ({ counts, symbols }: Code): number => {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= 15; length++) {
      code |= bits(1);
      const count = counts[length]!;
      if (code - first < count) return symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return damaged();
  };
  const tables = (): readonly [Code, Code] => {
    const literals = bits(5) + 257;
    const distances = bits(5) + 1;
    const lengths = new Uint8Array(19);
    for (let i = 0, n = bits(4) + 4; i < n; i++) lengths[CODE_ORDER[i]!] = bits(3);
    const code = huffman(lengths);
    const all = new Uint8Array(literals + distances);
    for (let i = 0; i < all.length; ) {
      const s = symbol(code);
      if (s < 16) {
        all[i++] = s;
        continue;
      }
      if (s === 16 && i === 0) damaged();
      const value = s === 16 ? all[i - 1]! : 0;
      const times = s === 16 ? 3 + bits(2) : s === 17 ? 3 + bits(3) : 11 + bits(7);
      if (i + times > all.length) damaged();
      all.fill(value, i, (i += times));
    }
    return [huffman(all.subarray(0, literals)), huffman(all.subarray(literals))];
  };
  const block = ([literal, distance]: readonly [Code, Code]): void => {
    for (;;) {
      const s = symbol(literal);
      if (s === 256) return;
      if (s < 256) {
        if (filled >= size) damaged();
        out[filled++] = s;
        continue;
      }
      if (s > 285) damaged();
      const length = LENGTH_BASE[s - 257]! + bits(LENGTH_EXTRA[s - 257]!);
      const d = symbol(distance);
      if (d > 29) damaged();
      const back = DISTANCE_BASE[d]! + bits(DISTANCE_EXTRA[d]!);
      if (back > filled || filled + length > size) damaged();
      for (let i = 0; i < length; i++, filled++) out[filled] = out[filled - back]!;
    }
  };

  for (let last = 0; !last; ) {
    last = bits(1);
    const type = bits(2);
    if (type === 0) {
      // Stored: the rest of the byte is left out.
      held = holding = 0;
      const length = bytes[at]! | (bytes[at + 1]! << 8);
      at += 4;
      if (!(at + length <= bytes.length) || filled + length > size) damaged();
      out.set(bytes.subarray(at, at + length), filled);
      at += length;
      filled += length;
    } else if (type === 3) damaged();
    else block(type === 1 ? FIXED : tables());
  }
  if (filled !== size) damaged();
  return out;
}

/** Lengths that leave too few codes for all symbols give a code without any symbol. */
function huffman(lengths: Uint8Array): Code {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length]!++;
  counts[0] = 0;
  for (let length = 1, left = 1; length <= 15; length++) {
    left = 2 * left - counts[length]!;
    if (left < 0) counts.fill(0);
  }
  const offsets = new Uint16Array(17);
  for (let i = 1; i <= 15; i++) offsets[i + 1] = offsets[i]! + counts[i]!;
  const symbols = new Uint16Array(lengths.length);
  for (const [s, length] of lengths.entries()) if (counts[length]! > 0) symbols[offsets[length]!++] = s;
  return { counts, symbols };
}

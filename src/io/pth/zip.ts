import { quoted } from '../../util/quote.js';
import { crc32 } from '../crc32.js';
import { inflate } from './inflate.js';

/** Says in one sentence what is wrong, and throws. */
export type Fail = (message: string) => never;

/** A file inside a zip archive. Nothing is unpacked yet. */
export interface ZipEntry {
  readonly name: string;
  /** 0: as it is, 8: DEFLATE. */
  readonly method: number;
  readonly packed: number;
  readonly size: number;
  readonly crc: number;
  /** Where its local header begins. */
  readonly at: number;
}

const UTF8 = new TextDecoder();

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

/**
 * A zip archive over the bytes of a file: stored and deflated entries, zip64 where sizes ask for it. Every offset and
 * length is checked against the file before it is used. Checksums of stored entries are not looked at, as in PyTorch.
 */
export class Zip {
  readonly entries = new Map<string, ZipEntry>();
  private readonly view: DataView;
  private unpacked = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly fail: Fail,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { at, length, count } = this.directory();
    let next = at;
    for (let i = 0; i < count; i++) next = this.entry(next, at + length);
  }

  /** The content of an entry: a view if it is stored. */
  read(entry: ZipEntry): Uint8Array {
    const { at, name, packed, size } = entry;
    if (at + 30 > this.bytes.length || this.u32(at) !== LOCAL)
      this.fail(`the entry ${quoted(name)} of the archive has no header`);
    const begin = at + 30 + this.u16(at + 26) + this.u16(at + 28);
    if (begin + packed > this.bytes.length) this.cut();
    const raw = this.bytes.subarray(begin, begin + packed);
    if (entry.method === 0) {
      if (packed !== size) this.fail(`the entry ${quoted(name)} of the archive has two sizes, ${packed} and ${size}`);
      return raw;
    }
    if (entry.method !== 8) this.fail(`the entry ${quoted(name)} is packed by method ${entry.method}, expected 0 or 8`);
    // Weights hardly pack at all: what grows this much was made to fill the memory.
    this.unpacked += size;
    if (this.unpacked > 16 * this.bytes.length + 2 ** 20)
      this.fail(`it would unpack to more than ${this.unpacked} bytes, far more than its ${this.bytes.length}`);
    const content = inflate(raw, size, this.fail);
    if (crc32(content) !== entry.crc) this.fail(`the entry ${quoted(name)} of the archive is damaged`);
    return content;
  }

  /** Where the list of entries lies, as the end of the file says. */
  private directory(): { at: number; length: number; count: number } {
    const { bytes } = this;
    const least = Math.max(0, bytes.length - 22 - 0xffff);
    let end = bytes.length - 22;
    while (end >= least && this.u32(end) !== END) end--;
    if (end < least) return this.cut();
    let count = this.u16(end + 10);
    let length = this.u32(end + 12);
    let at = this.u32(end + 16);
    if (end >= 20 && this.u32(end - 20) === LOCATOR64) {
      const end64 = this.u64(end - 12);
      if (end64 + 56 > bytes.length || this.u32(end64) !== END64) return this.fail('its zip64 end is damaged');
      count = this.u64(end64 + 32);
      length = this.u64(end64 + 40);
      at = this.u64(end64 + 48);
    }
    if (at + length > end) return this.cut();
    if (count * 46 > length) return this.fail(`its archive claims ${count} entries in a list of ${length} bytes`);
    return { at, length, count };
  }

  /** Reads the entry of the list at `at`; gives where the next one begins. */
  private entry(at: number, end: number): number {
    if (at + 46 > end || this.u32(at) !== CENTRAL) this.fail('the list of its archive is damaged');
    const nameEnd = at + 46 + this.u16(at + 28);
    const extraEnd = nameEnd + this.u16(at + 30);
    const next = extraEnd + this.u16(at + 32);
    if (next > end) this.fail('the list of its archive is damaged');
    const name = UTF8.decode(this.bytes.subarray(at + 46, nameEnd));
    if (this.u16(at + 8) & 1) this.fail('its archive is encrypted');
    const wide = this.wide(nameEnd, extraEnd);
    const number = (field: number) => (this.u32(at + field) === 0xffffffff ? wide() : this.u32(at + field));
    // In the order of the zip64 field.
    const size = number(24);
    const packed = number(20);
    const local = number(42);
    if (this.entries.has(name)) this.fail(`its archive holds ${quoted(name)} twice`);
    this.entries.set(name, { name, method: this.u16(at + 10), size, packed, crc: this.u32(at + 16), at: local });
    return next;
  }

  /** Gives the numbers of an entry's zip64 field one after the other. */
  private wide(from: number, end: number): () => number {
    let at = from;
    while (at + 4 <= end && this.u16(at) !== 1) at += 4 + this.u16(at + 2);
    const last = at + 4 <= end ? Math.min(end, at + 4 + this.u16(at + 2)) : at;
    at += 4;
    return () => {
      if (at + 8 > last) this.fail('a size in its archive is missing');
      at += 8;
      return this.u64(at - 8);
    };
  }

  private cut(): never {
    return this.fail(`its archive is cut short or damaged (the file has ${this.bytes.length} bytes)`);
  }
  private u16(at: number): number {
    return this.view.getUint16(at, true);
  }
  private u32(at: number): number {
    return this.view.getUint32(at, true);
  }
  /** A number that can only be right if it is within the file. */
  private u64(at: number): number {
    const value = this.view.getBigUint64(at, true);
    return value > BigInt(this.bytes.length) ? this.fail(`its archive claims ${value} bytes`) : Number(value);
  }
}

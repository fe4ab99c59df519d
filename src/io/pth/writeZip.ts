import { crc32 } from '../crc32.js';

/** Where the values of a storage begin: PyTorch maps files into memory at such places. */
const ALIGNMENT = 64;

/**
 * A zip archive of stored entries in one folder, each aligned.
 * @throws Error if it would exceed 4 GB or 65,534 entries
 */
export function writeZip(folder: string, files: readonly (readonly [name: string, content: Uint8Array])[]): Uint8Array {
  const utf8 = new TextEncoder();
  let at = 0;
  const entries = files.map(([file, content]) => {
    const name = utf8.encode(`${folder}/${file}`);
    const begin = at;
    const plain = begin + 30 + name.length + 4;
    const padding = (ALIGNMENT - (plain % ALIGNMENT)) % ALIGNMENT;
    at = plain + padding + content.length;
    return { name, content, begin, padding, crc: crc32(content) };
  });
  const listAt = at;
  for (const { name } of entries) at += 46 + name.length;
  if (at + 22 >= 2 ** 32 - 1 || entries.length >= 0xffff)
    throw new Error(
      `the weights take ${at} bytes in ${entries.length} records, more than a .pth file of fovea holds: write safetensors`,
    );
  const out = new Uint8Array(at + 22);
  const view = new DataView(out.buffer);
  let list = listAt;
  const u16 = (position: number, value: number) => view.setUint16(position, value, true);
  const u32 = (position: number, value: number) => view.setUint32(position, value, true);
  for (const { name, content, begin, padding, crc } of entries) {
    // What header and list share: version, UTF-8 names, stored, 1 January 1980, checksum, sizes, length of the name.
    const both = (position: number) => {
      u16(position, 20);
      u16(position + 2, 0x0800);
      u16(position + 8, 0x0021);
      u32(position + 10, crc);
      u32(position + 14, content.length);
      u32(position + 18, content.length);
      u16(position + 22, name.length);
    };
    u32(begin, 0x04034b50);
    both(begin + 4);
    u16(begin + 28, padding + 4);
    out.set(name, begin + 30);
    // A field of padding, as PyTorch's writer has it.
    u16(begin + 30 + name.length, 0x4246);
    u16(begin + 32 + name.length, padding);
    out.set(content, begin + 34 + name.length + padding);
    u32(list, 0x02014b50);
    u16(list + 4, 20);
    both(list + 6);
    u32(list + 42, begin);
    out.set(name, list + 46);
    list += 46 + name.length;
  }
  u32(list, 0x06054b50);
  u16(list + 8, entries.length);
  u16(list + 10, entries.length);
  u32(list + 12, list - listAt);
  u32(list + 16, listAt);
  return out;
}

/// <reference lib="dom" />
import { crc32 } from '../../io/pth/crc32.js';

/**
 * The bytes of a PNG of 1 (grey) or 4 (red, green, blue, opacity) values a pixel. A canvas would write one too, but
 * loses the colour of what is transparent.
 */
export async function encodePng(pixels: Uint8Array, width: number, height: number, channels: 1 | 4): Promise<Blob> {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, channels === 1 ? 0 : 6);
  const line = width * channels;
  // Each row says first how it is filtered: differences from the row above compress photos well.
  const filter = channels === 1 ? 0 : 2;
  const rows = new Uint8Array(height * (line + 1));
  for (let y = 0, at = 0; y < height; y++) {
    rows[at++] = filter;
    for (let i = y * line; i < (y + 1) * line; i++)
      rows[at++] = filter === 0 || y === 0 ? pixels[i]! : pixels[i]! - pixels[i - line]!;
  }
  const stream = new Blob([rows]).stream().pipeThrough(new CompressionStream('deflate'));
  const data = new Uint8Array(await new Response(stream).arrayBuffer());
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const end = new Uint8Array(0);
  const parts = [chunk('IHDR', new Uint8Array(header.buffer)), chunk('IDAT', data), chunk('IEND', end)];
  return new Blob([signature, ...parts], { type: 'image/png' });
}

function chunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

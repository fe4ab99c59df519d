/// <reference lib="dom" />
import { pngParts } from '../../io/png.js';

/**
 * The bytes of a PNG of 1 (grey) or 4 (red, green, blue, opacity) values a pixel. A canvas would write one too, but
 * loses the colour of what is transparent.
 */
export async function encodePng(pixels: Uint8Array, width: number, height: number, channels: 1 | 4): Promise<Blob> {
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
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  const parts = pngParts({ width, height, pixels: channels === 1 ? 'grey' : 'rgba', packed });
  return new Blob(parts, { type: 'image/png' });
}

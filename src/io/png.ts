import { crc32 } from './crc32.js';

/** The first bytes of a PNG file. */
export const PNG_SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** What a pixel of 8 bits a value is made of, by PNG's numbers. */
const COLOUR_TYPE = { grey: 0, palette: 3, rgba: 6 } as const;

export interface PngImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: keyof typeof COLOUR_TYPE;
  /** RGB of each index. */
  readonly palette?: Uint8Array;
  /** Rows, each behind its filter byte, packed as zlib does (RFC 1950). */
  readonly packed: Uint8Array;
}

/** The bytes of a PNG file, in parts. https://www.w3.org/TR/png */
export function pngParts({ width, height, pixels, palette, packed }: PngImage): Uint8Array<ArrayBuffer>[] {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, COLOUR_TYPE[pixels]);
  return [
    PNG_SIGNATURE,
    chunk('IHDR', new Uint8Array(header.buffer)),
    ...(palette ? [chunk('PLTE', palette)] : []),
    chunk('IDAT', packed),
    chunk('IEND', new Uint8Array(0)),
  ];
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

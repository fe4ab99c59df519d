import { OnnxError } from './emitter.js';

/** Largest float16. */
const LARGEST = 65504;

/**
 * float32 rounded to the nearest float16 (ties to even), as bits.
 * @throws OnnxError naming the tensor if a value is beyond float16's range
 */
export function toHalf(values: Float32Array, name: string): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const b = bits[i]!;
    const sign = (b >>> 16) & 0x8000;
    const exponent = ((b >>> 23) & 255) - 112;
    if (exponent >= 31 || (exponent === 30 && (b & 0x7fffff) >= 0x7ff000))
      throw new OnnxError(
        `"${name}" holds ${values[i]}, beyond half precision's largest ${LARGEST}: export it in full precision`,
      );
    if (exponent >= 1) out[i] = sign | round((exponent << 23) | (b & 0x7fffff), 13);
    else if (exponent > -11) out[i] = sign | round((b & 0x7fffff) | 0x800000, 14 - exponent);
    else out[i] = sign;
  }
  return out;
}

/** v / 2^shift to the nearest whole number, ties to even. */
function round(v: number, shift: number): number {
  const kept = v >>> shift;
  const rest = v & (2 ** shift - 1);
  const middle = 2 ** (shift - 1);
  return rest > middle || (rest === middle && kept & 1) ? kept + 1 : kept;
}

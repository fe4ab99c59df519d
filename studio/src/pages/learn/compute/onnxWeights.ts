import type { Plane } from './ops.js';

/** The fields of a message in protocol buffers' wire format: what ONNX files are written in. */
function* fields(bytes: Uint8Array): Generator<{ field: number; value: number | Uint8Array }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('the ONNX file ends in the middle of a field');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const kind = tag % 8;
    if (kind === 0) yield { field, value: varint() };
    else {
      const length = kind === 2 ? varint() : kind === 1 ? 8 : 4;
      if (at + length > bytes.length) throw new Error('the ONNX file ends in the middle of a field');
      yield { field, value: bytes.subarray(at, (at += length)) };
    }
  }
}

// Numbers of fields in onnx.proto3.
const GRAPH = 7;
const INITIALIZER = 5;
const TENSOR = { dims: 1, type: 2, name: 8, raw: 9 } as const;
const FLOAT = 1;

/** The float32 weights of an ONNX file by name: those with their bytes in the file. */
export function onnxWeights(file: Uint8Array): Map<string, { shape: number[]; data: Float32Array }> {
  const found = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const model of fields(file)) {
    if (model.field !== GRAPH || typeof model.value === 'number') continue;
    for (const part of fields(model.value)) {
      if (part.field !== INITIALIZER || typeof part.value === 'number') continue;
      const tensor = readTensor(part.value);
      if (tensor) found.set(tensor.name, tensor);
    }
  }
  return found;
}

function readTensor(bytes: Uint8Array): { name: string; shape: number[]; data: Float32Array } | undefined {
  let [name, type] = ['', 0];
  const shape: number[] = [];
  let raw: Uint8Array | undefined;
  for (const { field, value } of fields(bytes)) {
    if (typeof value === 'number') {
      if (field === TENSOR.dims) shape.push(value);
      else if (field === TENSOR.type) type = value;
    } else if (field === TENSOR.dims) shape.push(...packed(value));
    else if (field === TENSOR.name) name = new TextDecoder().decode(value);
    else if (field === TENSOR.raw) raw = value;
  }
  if (type !== FLOAT || !raw) return undefined;
  return { name, shape, data: new Float32Array(raw.slice().buffer) };
}

/** Whole numbers one behind the other, seven bits a byte. */
function packed(bytes: Uint8Array): number[] {
  const out: number[] = [];
  let [value, scale] = [0, 1];
  for (const byte of bytes) {
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte < 128) {
      out.push(value);
      [value, scale] = [0, 1];
    }
  }
  return out;
}

/**
 * The filters of a network's first convolution, if it looks at one grey channel through 3x3 or 5x5: scaled so that the
 * largest weight is 1, since the network saw normalised pixels.
 */
export function firstFilters(file: Uint8Array): Plane[] {
  for (const [name, { shape, data }] of onnxWeights(file)) {
    // Means and deviations of a network that takes bytes are no layer's.
    if (shape.length !== 4 || !name.endsWith('.weight')) continue;
    const [count, channels, height, width] = shape as [number, number, number, number];
    if (channels !== 1 || height !== width || (height !== 3 && height !== 5)) return [];
    return Array.from({ length: count }, (_, i) => {
      const weights = data.slice(i * height * width, (i + 1) * height * width);
      const most = weights.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1;
      return { height, width, data: weights.map((v) => v / most) };
    });
  }
  return [];
}

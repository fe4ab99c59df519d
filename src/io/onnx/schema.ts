import type { TypedArray } from '../../tensor/dtype.js';
import { Message } from '../protobuf.js';

/** Element types by the numbers of ONNX's `TensorProto.DataType`. */
export const ONNX_TYPE = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
} as const;
export type OnnxType = keyof typeof ONNX_TYPE;

/** A stored tensor. Values are little-endian, row-major. */
export interface OnnxTensor {
  readonly type: OnnxType;
  readonly shape: readonly number[];
  readonly data: TypedArray | BigInt64Array | Uint16Array;
}

/** An attribute: a number is an integer unless given as `{ float }`. */
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number } | OnnxTensor;

export interface OnnxNode {
  readonly name: string;
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output of the graph; a size that is a string may be anything, the same wherever it has that name. */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxModel {
  readonly name: string;
  readonly doc: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly producer: { readonly name: string; readonly version: string };
}

/** Version of the operators' definitions: 17 is read by onnxruntime from 1.12 (2022) on. */
export const OPSET = 17;
/** Version of the file format that belongs to it. */
const IR_VERSION = 8;

/**
 * The bytes of an `.onnx` file (ModelProto). https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @throws RangeError beyond 2 GB, which no protocol buffer can hold
 */
export function encodeModel(model: OnnxModel): Uint8Array {
  const graph = new Message()
    .messages(1, model.nodes.map(encodeNode))
    .string(2, model.name)
    .messages(
      5,
      [...model.initializers].map(([name, tensor]) => encodeTensor(tensor, name)),
    )
    .messages(11, model.inputs.map(encodeValue))
    .messages(12, model.outputs.map(encodeValue));
  const file = new Message()
    .int(1, IR_VERSION)
    .string(2, model.producer.name)
    .string(3, model.producer.version)
    .string(6, model.doc)
    .message(7, graph)
    .message(8, new Message().string(1, '').int(2, OPSET))
    .messages(
      14,
      Object.entries(model.metadata).map(([key, value]) => new Message().string(1, key).string(2, value)),
    );
  if (file.length >= 2 ** 31)
    throw new RangeError(
      `the ONNX file would take ${(file.length / 2 ** 30).toFixed(1)} GB, the format ends at 2 GB: store the weights in half precision`,
    );
  return file.finish();
}

function encodeNode({ name, type, inputs, outputs, attributes }: OnnxNode): Message {
  return new Message()
    .strings(1, inputs)
    .strings(2, outputs)
    .string(3, name)
    .string(4, type)
    .messages(
      5,
      Object.entries(attributes).map(([key, value]) => encodeAttribute(key, value)),
    );
}

function encodeAttribute(name: string, value: OnnxAttribute): Message {
  const attribute = new Message().string(1, name);
  const kind = (type: number) => attribute.int(20, type);
  if (typeof value === 'number') return kind(2).int(3, value);
  if (typeof value === 'string') return kind(3).string(4, value);
  if (isList(value)) return kind(7).ints(8, value);
  if ('float' in value) return kind(1).float(2, value.float);
  return kind(4).message(5, encodeTensor(value));
}

const isList = (value: OnnxAttribute): value is readonly number[] => Array.isArray(value);

function encodeTensor({ type, shape, data }: OnnxTensor, name?: string): Message {
  return new Message()
    .ints(1, shape)
    .int(2, ONNX_TYPE[type])
    .string(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function encodeValue({ name, type, shape }: OnnxValue): Message {
  const dims = shape.map((d) => (typeof d === 'number' ? new Message().int(1, d) : new Message().string(2, d)));
  const tensor = new Message().int(1, ONNX_TYPE[type]).message(2, new Message().messages(1, dims));
  return new Message().string(1, name).message(2, new Message().message(1, tensor));
}

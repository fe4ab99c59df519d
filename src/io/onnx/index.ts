import { bytesPerElement } from '../../tensor/dtype.js';
import { type HostTensor, numel, type TensorType } from '../../tensor/shape.js';
import { decodeValues } from '../values.js';
import { toHalf } from './half.js';
import { encodeModel, ONNX_TYPE, type OnnxNode, type OnnxTensor, type OnnxValue } from './schema.js';
import { type Describe, type Translated, translate } from './translate.js';

export { OnnxError } from './emitter.js';
export { OPSET } from './schema.js';
export type { Describe } from './translate.js';

export interface OnnxOptions {
  /** Name of the graph. */
  readonly name: string;
  /** [C, H, W] of the images. */
  readonly imageShape: readonly [number, number, number];
  /** `uint8` if what `describe` gives prepares the pixels itself, `float32` if they come prepared. */
  readonly imageType: 'uint8' | 'float32';
  /** Values of the parameters and buffers by path. */
  readonly states: ReadonlyMap<string, HostTensor>;
  /** Order of the pixels of the input: NCHW (default), or NHWC as image decoders give them. */
  readonly layout?: 'nchw' | 'nhwc';
  /** Store parameters as float16; they become float32 when the file is loaded. Default false. */
  readonly half?: boolean;
  /**
   * A height and width, other than those of `imageShape`, which the network takes as well: if it computes the same for
   * both, the file takes images of any such size.
   */
  readonly otherSize?: readonly [number, number];
  readonly doc?: string;
  /** Any facts as text, for a file that takes images of any size or of one only. */
  readonly metadata?: (anySize: boolean) => Readonly<Record<string, string>>;
  readonly producer?: { readonly name: string; readonly version: string };
}

export interface OnnxFile {
  readonly bytes: Uint8Array;
  readonly input: OnnxValue;
  readonly outputs: readonly OnnxValue[];
  readonly nodes: number;
  /** Order of the input's pixels. */
  readonly layout: 'nchw' | 'nhwc';
  /** Whether height and width of the images may differ from those it was written for. */
  readonly anySize: boolean;
}

/**
 * A network's inference as an ONNX file for batches of any size. Parameters keep their names and stay apart: batch
 * normalisation is a node of its own, which runtimes fold when they load the file.
 *
 * @param describe gives the graph for images of a type, as `buildPrediction` does
 * @throws OnnxError, one sentence, if the network holds what ONNX cannot say
 */
export function writeOnnx(describe: Describe, options: OnnxOptions): OnnxFile {
  const { otherSize, half = false, name, doc = '', metadata } = options;
  const { producer = { name: 'fovea', version: '' } } = options;
  const model = translate(describe, options);
  const anySize = otherSize !== undefined && sizeDoesNotMatter(model, describe, { ...options, otherSize });
  const free = (value: OnnxValue): OnnxValue => {
    if (!anySize) return value;
    const [from, names] =
      value === model.input && options.layout === 'nhwc'
        ? [1, INPUT_SIZE]
        : [2, value === model.input ? INPUT_SIZE : OUTPUT_SIZE];
    return { ...value, shape: value.shape.map((d, i) => names[i - from] ?? d) };
  };
  const input = free(model.input);
  const outputs = model.outputs.map((o) => (o.shape.length === 4 ? free(o) : o));
  const { nodes, initializers } = half ? halved(model) : model;
  const facts = metadata?.(anySize) ?? {};
  const bytes = encodeModel({ name, doc, nodes, initializers, inputs: [input], outputs, metadata: facts, producer });
  return { bytes, input, outputs, nodes: nodes.length, layout: options.layout ?? 'nchw', anySize };
}

const INPUT_SIZE = ['height', 'width'] as const;
const OUTPUT_SIZE = ['output_height', 'output_width'] as const;

/** Whether the same nodes and constants come out for images of another size. */
function sizeDoesNotMatter(
  model: Translated,
  describe: Describe,
  options: OnnxOptions & { readonly otherSize: readonly [number, number] },
): boolean {
  if (!model.outputs.every((o) => o.shape.length === 4)) return false;
  const [channels] = options.imageShape;
  const other = translate(describe, { ...options, imageShape: [channels, ...options.otherSize] });
  const constants = ({ initializers }: Translated) =>
    [...initializers].map(([name, t]) => [name, t.type, t.shape, options.states.has(name) ? '' : [...t.data].join()]);
  return (
    JSON.stringify(model.nodes) === JSON.stringify(other.nodes) &&
    JSON.stringify(constants(model)) === JSON.stringify(constants(other))
  );
}

/** Whether half precision rounds a parameter: of those with few values nothing is gained by it. */
const isHalved = (type: string, values: number): boolean => type === 'float32' && values >= 256;

/**
 * The values that a file in half precision computes with.
 * @throws OnnxError naming a parameter that is beyond half precision's range
 */
export function halfStates(states: ReadonlyMap<string, HostTensor>): Map<string, HostTensor> {
  return new Map(
    [...states].map(([name, t]) => {
      if (!isHalved(t.dtype, t.data.length)) return [name, t] as const;
      const bits = toHalf(t.data as Float32Array, name);
      return [name, decodeValues('F16', new Uint8Array(bits.buffer), t.shape, name)] as const;
    }),
  );
}

/** Large parameters in float16, each with a cast behind it that runtimes do once, when they load the file. */
function halved({ nodes, initializers }: Translated): Pick<Translated, 'nodes' | 'initializers'> {
  const casts: OnnxNode[] = [];
  const stored = new Map<string, OnnxTensor>();
  for (const [name, tensor] of initializers) {
    if (!isHalved(tensor.type, tensor.data.length)) {
      stored.set(name, tensor);
      continue;
    }
    const halfName = `${name}.half`;
    stored.set(halfName, { ...tensor, type: 'float16', data: toHalf(tensor.data as Float32Array, name) });
    casts.push({
      name: `${name}/Cast`,
      type: 'Cast',
      inputs: [halfName],
      outputs: [name],
      attributes: { to: ONNX_TYPE.float32 },
    });
  }
  return { nodes: [...casts, ...nodes], initializers: stored };
}

/** Bytes of the values of a network's parameters and buffers. */
export const bytesOfStates = (states: ReadonlyMap<string, TensorType>, half = false): number =>
  [...states.values()].reduce((sum, { shape, dtype }) => {
    const values = numel(shape);
    return sum + values * (half && isHalved(dtype, values) ? 2 : bytesPerElement(dtype));
  }, 0);

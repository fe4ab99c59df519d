import { type OnnxFile, writeOnnx } from '../io/onnx/index.js';
import type { Module } from '../nn/module.js';
import type { Normalize } from '../train/config.js';
import { buildPrediction } from '../train/step.js';
import { tileGeometry } from '../train/tiles.js';

/** A network with its weights on the host, and what is known of it. */
export interface ExportedNetwork {
  readonly net: Module;
  /** What it is called: a registered name, or its class. */
  readonly name: string;
  /** [C, H, W] */
  readonly inputShape: readonly [number, number, number];
  readonly classes: readonly string[];
  readonly normalize: Normalize;
  readonly task: 'classification' | 'segmentation';
}

export interface ExportOnnxOptions {
  /** Take bytes 0..255 and normalise them inside the graph; default: normalised float32 comes in. */
  readonly preprocess?: boolean;
  /** Order of the bytes with `preprocess`; default nchw. */
  readonly layout?: 'nchw' | 'nhwc';
  /** Store the weights in float16. */
  readonly half?: boolean;
  readonly version?: string;
}

/** The name under which the ONNX file gives a network's only output: scores before softmax or sigmoid. */
const OUTPUT = 'logits';

/**
 * Writes a network's inference as an ONNX file, with the classes, the preprocessing and the network's name as metadata.
 * Networks of masks that compute the same for every size take images of any multiple of their stride.
 * @throws OnnxError, one sentence, if the network holds what ONNX cannot say
 */
export function exportOnnx(network: ExportedNetwork, options: ExportOnnxOptions = {}): OnnxFile {
  const { net, name, inputShape, classes, normalize, task } = network;
  const { preprocess = false, layout = 'nchw', half, version = '' } = options;
  net.bindNames();
  const geometry = tileGeometry(net, inputShape);
  const [, height, width] = inputShape;
  const multiple = geometry?.multiple ?? 1;
  // Twice and thrice the stride more: a computation that depends on the size shows.
  const otherSize = geometry ? ([height + 2 * multiple, width + 3 * multiple] as const) : undefined;
  const fitting = height % multiple === 0 && width % multiple === 0;
  return writeOnnx(
    (image) => {
      const { outputs } = buildPrediction({ net, normalize }, image);
      return {
        outputs: Object.fromEntries(Object.entries(outputs!).map(([k, v]) => [k === 'output' ? OUTPUT : k, v])),
      };
    },
    {
      name,
      imageShape: inputShape,
      imageType: preprocess ? 'uint8' : 'float32',
      layout: preprocess ? layout : 'nchw',
      half,
      states: new Map(Object.entries(net.stateDict())),
      ...(otherSize && fitting ? { otherSize } : {}),
      doc: `${name}, written by Fovea. Outputs are scores before ${geometry?.outputs === 1 ? 'sigmoid' : 'softmax'}.`,
      metadata: (anySize) => ({
        network: name,
        task,
        classes: JSON.stringify(classes),
        input: JSON.stringify({
          shape: inputShape,
          layout: preprocess ? layout : 'nchw',
          values: preprocess ? 'bytes 0..255' : '(bytes / 255 - mean) / std',
          ...(anySize ? { multiple } : {}),
        }),
        normalize: JSON.stringify({ mean: normalize.mean, std: normalize.std }),
      }),
      producer: { name: 'fovea', version },
    },
  );
}

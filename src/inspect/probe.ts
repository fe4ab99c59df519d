import type { Backend } from '../backends/backend.js';
import { defaultBackend } from '../backends/eager.js';
import { materialise } from '../nn/materialise.js';
import type { Module } from '../nn/module.js';
import { gradients } from '../tensor/autodiff.js';
import { buildGraph } from '../tensor/graph.js';
import type { Tensor } from '../tensor/node.js';
import { formatShape, type HostTensor, ShapeError } from '../tensor/shape.js';
import { suggest, unknownName } from '../util/suggest.js';
import { type TracedModel, traceModel } from './tracing.js';

export interface ProbeOptions {
  /** Also the gradient of `of` by each layer's output. Default false. */
  readonly gradients?: boolean;
  /** A scalar of the network's (main) output. Default: the sum of all its values. */
  readonly of?: (output: Tensor) => Tensor;
  /** Default: the default device. */
  readonly backend?: Backend;
}

/** What a layer gave for the images. */
export interface Probed {
  readonly value: HostTensor;
  readonly gradient?: HostTensor;
}

export interface ProbeResult {
  /** The network's (main) output. */
  readonly output: HostTensor;
  /** By layer path. */
  readonly layers: Readonly<Record<string, Probed>>;
}

/**
 * Outputs of named layers, and the gradients that reach them, for given images, in evaluation mode.
 *
 * ```ts
 * const { layers } = await probe(net, images, ['features.0'], { gradients: true });
 * layers['features.0']!.value.shape; // [N, 20, 24, 24]
 * ```
 * @param images float32 [N, C, H, W], normalised as in training
 * @param layers paths such as `features.0`; '' is the network itself
 * @throws Error suggesting the nearest name for a layer that is not there; ShapeError for images that do not fit
 */
export async function probe(
  model: Module,
  images: HostTensor,
  layers: readonly string[],
  options: ProbeOptions = {},
): Promise<ProbeResult> {
  const traced = traceImages(model, images);
  const wanted = layers.map((path) => layerOutput(traced, path));
  const output = [...traced.outputs.values()][0]!;
  const outputs: Record<string, Tensor> = { output };
  for (const [i, t] of wanted.entries()) outputs[`value/${i}`] = t;
  if (options.gradients) {
    const score = options.of ? options.of(output) : output.sum();
    for (const [i, g] of gradients(score, wanted).entries()) outputs[`gradient/${i}`] = g;
  }
  const values = await runOnce(model, outputs, { image: images }, options.backend);
  return {
    output: values.output!,
    layers: Object.fromEntries(
      layers.map((path, i) => {
        const gradient = values[`gradient/${i}`];
        return [path, { value: values[`value/${i}`]!, ...(gradient ? { gradient } : {}) }];
      }),
    ),
  };
}

/** The network on images of this size. Throws a ShapeError if they are none. */
export function traceImages(model: Module, images: HostTensor): TracedModel {
  if (images.shape.length !== 4 || images.dtype !== 'float32')
    throw new ShapeError(
      `probing takes float32 images [N, C, H, W], got ${images.dtype}${formatShape(images.shape)}: normalise them as in training`,
    );
  const [batch, channels, height, width] = images.shape as [number, number, number, number];
  return traceModel(model, [channels, height, width], { batch });
}

/** @throws Error suggesting the nearest name */
export function layerOutput({ layers }: TracedModel, path: string): Tensor {
  const output = layers.get(path);
  if (output) return output;
  const names = [...layers.keys()].filter(Boolean);
  if (names.length <= 24) throw new Error(unknownName('layer', path, names));
  const near = suggest(path, names);
  throw new Error(
    `unknown layer "${path}"${near ? `, did you mean "${near}"?` : ''} (the network has ${names.length}, fovea inspect lists them)`,
  );
}

/** Computes some tensors of a network with its values, once. */
export async function runOnce(
  model: Module,
  outputs: Readonly<Record<string, Tensor>>,
  inputs: Readonly<Record<string, HostTensor>>,
  backend?: Backend,
): Promise<Record<string, HostTensor>> {
  const device = backend ?? (await defaultBackend());
  const store = device.createStore();
  try {
    await materialise(model, device, store);
    const program = await device.compile(buildGraph({ outputs }), store, { name: 'probe' });
    const values = await program.run(inputs);
    program.dispose();
    return values;
  } finally {
    store.dispose();
  }
}

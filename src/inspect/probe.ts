import type { Backend } from '../backends/backend.js';
import { defaultBackend } from '../backends/eager.js';
import { materialise } from '../nn/materialise.js';
import type { Module } from '../nn/module.js';
import { gradients } from '../tensor/autodiff.js';
import { buildGraph } from '../tensor/graph.js';
import { apply, input, type Tensor } from '../tensor/node.js';
import { formatShape, type HostTensor, hostTensor, ShapeError } from '../tensor/shape.js';
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

export interface GradCamOptions {
  /** The layer whose maps are weighed. Default: the last convolution. */
  readonly layer?: string;
  /** Class index for all images. Default: each image's most likely one. */
  readonly class?: number;
  readonly backend?: Backend;
}

export interface GradCam {
  /** float32 [N, H', W'] of the layer's size, 0 or above; how much each place speaks for the class. */
  readonly map: HostTensor;
  readonly layer: string;
  /** Class index of each image. */
  readonly classes: readonly number[];
  /** Scores before softmax, [N, classes]. */
  readonly output: HostTensor;
}

/**
 * Where in the images the evidence for a class lies: the layer's maps weighed by the mean gradient of the class score
 * over each map, summed, negative parts cut off (Selvaraju et al.: Grad-CAM, 2017).
 * @throws Error if the network is no classifier or the layer's output is no feature map
 */
export async function gradCam(model: Module, images: HostTensor, options: GradCamOptions = {}): Promise<GradCam> {
  const traced = traceImages(model, images);
  const output = [...traced.outputs.values()][0]!;
  if (output.rank !== 2)
    throw new Error(`Grad-CAM needs a classifier: this network gives ${formatShape(output.shape)}, not [N, classes]`);
  const [batch, classes] = output.shape as [number, number];
  if (
    options.class !== undefined &&
    !(Number.isInteger(options.class) && options.class >= 0 && options.class < classes)
  )
    throw new RangeError(`class ${options.class} does not exist: the network has ${classes}, counted from 0`);
  const layer = options.layer ?? lastConvolution(traced);
  const maps = layerOutput(traced, layer);
  if (maps.rank !== 4)
    throw new Error(`Grad-CAM needs feature maps: ${layer} gives ${formatShape(maps.shape)}, take a convolution`);

  const scores = await runOnce(model, { output }, { image: images }, options.backend);
  const chosen = Array.from({ length: batch }, (_, n) => options.class ?? largest(scores.output!, n));
  const pick = new Float32Array(batch * classes);
  for (const [n, c] of chosen.entries()) pick[n * classes + c] = 1;
  const [gradient] = gradients(output.mul(input('pick', [batch, classes])).sum(), [maps]);
  const weights = gradient!.mean([2, 3], { keepDims: true });
  const map = apply('relu', [maps.mul(weights).sum([1])], {});
  const values = await runOnce(
    model,
    { map },
    { image: images, pick: hostTensor(pick, [batch, classes]) },
    options.backend,
  );
  return { map: values.map!, layer, classes: chosen, output: scores.output! };
}

function traceImages(model: Module, images: HostTensor): TracedModel {
  if (images.shape.length !== 4 || images.dtype !== 'float32')
    throw new ShapeError(
      `probing takes float32 images [N, C, H, W], got ${images.dtype}${formatShape(images.shape)}: normalise them as in training`,
    );
  const [batch, channels, height, width] = images.shape as [number, number, number, number];
  return traceModel(model, [channels, height, width], { batch });
}

/** @throws Error suggesting the nearest name */
function layerOutput({ layers }: TracedModel, path: string): Tensor {
  const output = layers.get(path);
  if (output) return output;
  const names = [...layers.keys()].filter(Boolean);
  if (names.length <= 24) throw new Error(unknownName('layer', path, names));
  const near = suggest(path, names);
  throw new Error(
    `unknown layer "${path}"${near ? `, did you mean "${near}"?` : ''} (the network has ${names.length}, fovea inspect lists them)`,
  );
}

/** Path of the last layer that is a convolution. */
export function lastConvolution({ layers }: TracedModel): string {
  const found = [...layers].filter(([path, t]) => t.node.op === 'conv2d' && t.node.label === path).at(-1);
  if (!found) throw new Error('the network has no convolution to look at: name a layer');
  return found[0];
}

function largest({ data, shape }: HostTensor, n: number): number {
  const classes = shape[1]!;
  let best = 0;
  for (let c = 1; c < classes; c++) if (data[n * classes + c]! > data[n * classes + best]!) best = c;
  return best;
}

async function runOnce(
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

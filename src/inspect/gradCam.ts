import type { Backend } from '../backends/backend.js';
import type { Module } from '../nn/module.js';
import { classMaps } from '../report/maskSamples.js';
import { gradients } from '../tensor/autodiff.js';
import { apply, input, type Tensor } from '../tensor/node.js';
import { formatShape, type HostTensor, hostTensor } from '../tensor/shape.js';
import { argmax } from '../util/numbers.js';
import { layerOutput, runOnce, traceImages } from './probe.js';
import type { TracedModel } from './tracing.js';

export interface GradCamOptions {
  /** The layer whose maps are weighed. Default: the last convolution; of a network for masks, the last of its smallest maps. */
  readonly layer?: string;
  /** Class index for all images. Default: each image's most likely one; of masks, the largest but for the background. */
  readonly class?: number;
  readonly backend?: Backend;
}

export interface GradCam {
  /** float32 [N, H', W'] of the layer's size, 0 or above; how much each place speaks for the class. */
  readonly map: HostTensor;
  readonly layer: string;
  /** Class index of each image. */
  readonly classes: readonly number[];
  /** Scores before softmax, [N, classes], or logits of masks, [N, channels, H", W"]. */
  readonly output: HostTensor;
  /** Of masks: which part of each picture was found to be of the class, from 0 to 1. */
  readonly shares?: readonly number[];
}

/** Whose evidence is looked for: a weight for each value of the output, and what that means. */
interface Chosen {
  readonly pick: Float32Array;
  readonly classes: readonly number[];
  readonly shares?: readonly number[];
}

/**
 * Where in the images the evidence for a class lies: the layer's maps weighed by the mean gradient of the class score
 * over each map, summed, negative parts cut off (Selvaraju et al.: Grad-CAM, 2017). The score of masks is the sum of the
 * class's logits over all pixels found to be of it (Vinogradova et al.: Towards Interpretable Semantic Segmentation via
 * Gradient-weighted Class Activation Mapping, 2020); one channel alone is the logit of class 1 against class 0.
 * @throws Error if the network gives neither classes nor masks, or the layer's output is no feature map
 */
export async function gradCam(model: Module, images: HostTensor, options: GradCamOptions = {}): Promise<GradCam> {
  const traced = traceImages(model, images);
  const output = [...traced.outputs.values()][0]!;
  const masks = output.rank === 4;
  if (output.rank !== 2 && !masks)
    throw new Error(
      `Grad-CAM needs classes or masks: this network gives ${formatShape(output.shape)}, not [N, classes] or [N, classes, H, W]`,
    );
  const classes = masks && output.shape[1] === 1 ? 2 : output.shape[1]!;
  const asked = options.class;
  if (asked !== undefined && !(Number.isInteger(asked) && asked >= 0 && asked < classes))
    throw new RangeError(`class ${asked} does not exist: the network has ${classes}, counted from 0`);
  const layer = options.layer ?? lastConvolution(traced, masks);
  const maps = layerOutput(traced, layer);
  if (maps.rank !== 4)
    throw new Error(`Grad-CAM needs feature maps: ${layer} gives ${formatShape(maps.shape)}, take a convolution`);

  const scores = (await runOnce(model, { output }, { image: images }, options.backend)).output!;
  const chosen = masks ? chooseMask(scores, asked) : chooseClass(scores, asked);
  const [gradient] = gradients(output.mul(input('pick', output.shape)).sum(), [maps]);
  const weights = gradient!.mean([2, 3], { keepDims: true });
  const map = apply('relu', [maps.mul(weights).sum([1])], {});
  const inputs = { image: images, pick: hostTensor(chosen.pick, output.shape) };
  const values = await runOnce(model, { map }, inputs, options.backend);
  return {
    map: values.map!,
    layer,
    classes: chosen.classes,
    output: scores,
    ...(chosen.shares ? { shares: chosen.shares } : {}),
  };
}

function chooseClass({ data, shape }: HostTensor, asked: number | undefined): Chosen {
  const [batch, classes] = shape as [number, number];
  const pick = new Float32Array(batch * classes);
  const chosen = Array.from({ length: batch }, (_, n) => asked ?? argmax(data, n * classes, classes));
  for (const [n, c] of chosen.entries()) pick[n * classes + c] = 1;
  return { pick, classes: chosen };
}

function chooseMask({ data, shape }: HostTensor, asked: number | undefined): Chosen {
  const [, channels, height, width] = shape as [number, number, number, number];
  const area = height * width;
  const pick = new Float32Array(data.length);
  const classes: number[] = [];
  const shares: number[] = [];
  for (const [n, found] of classMaps(data, shape).entries()) {
    const start = n * channels * area;
    const counts = new Array<number>(Math.max(2, channels)).fill(0);
    for (const c of found) counts[c]!++;
    // The background is what is left where there is nothing else.
    const chosen = asked ?? (counts[0] === area ? 0 : 1 + argmax(counts.slice(1)));
    for (let i = 0; i < area; i++) {
      if (found[i] !== chosen) continue;
      if (channels === 1) pick[start + i] = chosen === 1 ? 1 : -1;
      else pick[start + chosen * area + i] = 1;
    }
    classes.push(chosen);
    shares.push(counts[chosen]! / area);
  }
  return { pick, classes, shares };
}

/** Path of the last layer that is a convolution; of those with the smallest maps, if so asked. */
function lastConvolution({ layers }: TracedModel, smallest: boolean): string {
  const area = (t: Tensor) => t.shape[2]! * t.shape[3]!;
  const all = [...layers].filter(([path, t]) => t.node.op === 'conv2d' && t.node.label === path);
  const least = Math.min(...all.map(([, t]) => area(t)));
  const found = all.filter(([, t]) => !smallest || area(t) === least).at(-1);
  if (!found) throw new Error('the network has no convolution to look at: name a layer');
  return found[0];
}

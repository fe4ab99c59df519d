import type { Image } from '../data/dataset.js';
import type { Fit } from '../data/open.js';
import type { Module } from '../nn/module.js';
import { type HostTensor, hostTensor } from '../tensor/shape.js';
import type { Normalize, RunConfig } from '../train/config.js';
import { tileGeometry } from '../train/tiles.js';
import { type ImageHeader, loadImage } from './image.js';

export interface SeenImageOptions {
  readonly net: Module;
  readonly config: Pick<RunConfig, 'inputShape' | 'normalize'>;
  /** How the run's images became their size. Default as in training: photos with masks stretched, others cut. */
  readonly fit?: Fit | undefined;
  readonly invert?: boolean;
  readonly header?: ImageHeader;
  /** What is said of a network that takes other channels. Default: that of no run in particular. */
  readonly of?: string;
}

/**
 * An image file (or its bytes) as a network sees it: as bytes, and normalised [1, C, H, W].
 * @throws ImageError, one sentence, if it cannot be read; Error if the network takes no image files
 */
export async function seenImage(
  source: string | Uint8Array,
  { net, config, fit, invert = false, header, of = '' }: SeenImageOptions,
): Promise<{ readonly image: Image; readonly normalised: HostTensor }> {
  const { inputShape, normalize } = config;
  const [channels, height, width] = inputShape;
  if (channels !== 1 && channels !== 3)
    throw new Error(`the network${of && ` of ${of}`} takes ${channels} channels; image files have 1 or 3`);
  const image = await loadImage(source, {
    channels,
    size: [height, width],
    invert,
    fit: fit ?? (tileGeometry(net, inputShape) ? 'fill' : 'cover'),
    ...(header ? { header } : {}),
  });
  return { image, normalised: normalised(image.data, inputShape, normalize) };
}

function normalised(bytes: Uint8Array, shape: readonly number[], { mean, std }: Normalize): HostTensor {
  const [channels, height, width] = shape as [number, number, number];
  const area = height * width;
  const data = new Float32Array(channels * area);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < area; i++) data[c * area + i] = (bytes[c * area + i]! / 255 - mean[c]!) / std[c]!;
  return hostTensor(data, [1, channels, height, width]);
}

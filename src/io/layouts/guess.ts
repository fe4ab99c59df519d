import type { ImageShape } from '../../models/registry.js';
import { scaled } from '../../models/size.js';
import { VGG_CONFIGS } from '../../models/vgg.js';
import type { Json } from '../../util/registry.js';
import type { Weights } from './names.js';

/** A network of the registry that weights may belong to, as far as names and shapes tell. */
export interface Guess {
  readonly name: string;
  readonly options: Readonly<Record<string, Json>>;
  readonly inputShape: ImageShape;
  readonly classes: number;
  /** Whose names these are. */
  readonly layout: string;
  /** False for a file of convolutions alone. */
  readonly head: boolean;
}

const size = (weights: Weights, name: string, axis: number): number | undefined => weights.get(name)?.shape[axis];
const option = (name: string, value: Json, usual: Json): Record<string, Json> =>
  value === usual ? {} : { [name]: value };

/** What the weights, by our names, seem to belong to. Whether they fit is for the network itself to say. */
export const guess = (weights: Weights): Guess | undefined => vgg(weights) ?? googlenet(weights) ?? unet(weights);

function vgg(weights: Weights): Guess | undefined {
  const convolutions = [...weights].flatMap(([name, { shape }]) => {
    const index = /^features\.(\d+)\.weight$/.exec(name)?.[1];
    return index !== undefined && shape.length === 4 && shape[2] === 3 ? [{ index: Number(index), shape }] : [];
  });
  convolutions.sort((a, b) => a.index - b.index);
  const [first] = convolutions;
  if (first?.index !== 0) return undefined;
  const bn = weights.has('features.1.running_mean');
  const depth = [11, 13, 16, 19].find((_, i) => {
    const indices = indicesOf(Object.values(VGG_CONFIGS)[i]!, bn ? 3 : 2);
    return indices.length === convolutions.length && indices.every((n, k) => n === convolutions[k]!.index);
  });
  if (depth === undefined) return undefined;
  const [channels, inChannels] = first.shape as [number, number];
  const width = channels / 64;
  const small = size(weights, 'classifier.weight', 0);
  const units = size(weights, 'classifier.0.weight', 0) ?? 0;
  const full = units > 0 ? size(weights, 'classifier.6.weight', 0) : undefined;
  const hidden = units > 0 && units !== scaled(4096, width) ? Math.max(1, Math.round(units / width)) : 4096;
  return {
    name: `vgg${depth}${bn ? '_bn' : ''}`,
    options: {
      ...option('width', width, 1),
      ...option('hidden', hidden, 4096),
      ...(small === undefined ? {} : { head: 'small' }),
      ...(full === undefined ? {} : { head: 'full' }),
    },
    inputShape: small === undefined ? [inChannels, 224, 224] : [inChannels, 32, 32],
    classes: small ?? full ?? 1000,
    // torchvision has no small head.
    layout: small === undefined ? 'torchvision' : 'fovea',
    head: small !== undefined || full !== undefined,
  };
}

/** Where the convolutions of a column of the paper's table stand, with `step` layers each. */
function indicesOf(layers: readonly (number | 'M')[], step: number): number[] {
  const found: number[] = [];
  let at = 0;
  for (const layer of layers) {
    if (layer !== 'M') found.push(at);
    at += layer === 'M' ? 1 : step;
  }
  return found;
}

function googlenet(weights: Weights): Guess | undefined {
  const channels = size(weights, 'conv1.conv.weight', 0);
  if (channels === undefined || !weights.has('inception3a.branch1.conv.weight')) return undefined;
  const classes = size(weights, 'fc.weight', 0);
  const bn = weights.has('conv1.bn.weight');
  return {
    name: bn ? 'googlenet' : 'googlenet_paper',
    options: {
      ...option('width', channels / 64, 1),
      ...option('auxLogits', weights.has('aux1.fc1.weight') && weights.has('aux2.fc1.weight'), true),
    },
    inputShape: [size(weights, 'conv1.conv.weight', 1) ?? 3, 224, 224],
    classes: classes ?? 1000,
    layout: bn ? 'torchvision' : 'fovea',
    head: classes !== undefined,
  };
}

function unet(weights: Weights): Guess | undefined {
  const first = weights.get('inc.double_conv.0.weight')?.shape;
  if (!first) return undefined;
  const bn = weights.has('inc.double_conv.1.running_mean');
  const features = [first[0]!];
  for (let level = 1; ; level++) {
    const channels = size(weights, `down${level}.maxpool_conv.1.double_conv.0.weight`, 0);
    if (channels === undefined) break;
    features.push(channels);
  }
  const bilinear = !weights.has('up1.up.weight');
  // The bilinear form has half the channels at the bottom.
  if (bilinear) features.push(2 * features.pop()!);
  const usual = [64, 128, 256, 512, 1024];
  const same = features.length === usual.length && features.every((f, i) => f === usual[i]);
  const classes = size(weights, 'outc.conv.weight', 0);
  return {
    name: bn ? 'unet' : 'unet_paper',
    options: { ...(same ? {} : { features }), ...option('bilinear', bilinear, false) },
    inputShape: bn ? [first[1] ?? 3, 128, 128] : [first[1] ?? 1, 572, 572],
    classes: classes ?? 1,
    layout: bn ? 'milesial/Pytorch-UNet' : 'fovea',
    head: classes !== undefined,
  };
}

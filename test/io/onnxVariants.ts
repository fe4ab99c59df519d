import { createModel, type ImageShape, modelEntry, modelNames } from '../../src/models/index.js';
import type { Module } from '../../src/nn/module.js';

/** Networks that are exported in the tests: every registered one and its variants, reduced where it can be. */
export interface Variant {
  readonly title: string;
  readonly name: string;
  readonly inputShape: ImageShape;
  readonly options: Readonly<Record<string, unknown>>;
}

const narrow = (name: string) => (modelEntry(name).options.includes('width') ? { width: 1 / 8 } : {});

/** Beside the registered ones: the options that change the computation, and sizes that divide by nothing. */
const more: readonly Omit<Variant, 'title'>[] = [
  { name: 'lenet5', inputShape: [3, 32, 32], options: {} },
  { name: 'vgg11_bn', inputShape: [3, 32, 32], options: { width: 1 / 8 } },
  { name: 'vgg11', inputShape: [1, 97, 131], options: { width: 1 / 8, head: 'full', hidden: 64 } },
  { name: 'vgg13_bn', inputShape: [3, 97, 131], options: { width: 1 / 8, head: 'small' } },
  { name: 'googlenet', inputShape: [3, 97, 131], options: { width: 1 / 8, transformInput: true } },
  { name: 'googlenet', inputShape: [3, 64, 64], options: { width: 1 / 8, auxLogits: false } },
  { name: 'unet', inputShape: [3, 50, 70], options: { width: 1 / 8 } },
  { name: 'unet', inputShape: [1, 64, 48], options: { width: 1 / 8, bilinear: true } },
  { name: 'unet', inputShape: [3, 50, 70], options: { width: 1 / 8, bilinear: true } },
  { name: 'unet', inputShape: [3, 64, 64], options: { features: [8, 16, 24], dropout: 0.5 } },
  { name: 'unet_vgg11', inputShape: [3, 64, 96], options: { width: 1 / 8, bilinear: true, batchNorm: true } },
  { name: 'unet_googlenet', inputShape: [3, 97, 131], options: { width: 1 / 8, transformInput: true } },
];

/** Small images; LeNets have one size, and 188x188 is the least that the paper's U-Net takes. */
function shapeOf(name: string): ImageShape {
  const { family, inputShape } = modelEntry(name);
  if (family === 'lenet') return inputShape;
  return [inputShape[0], ...(name === 'unet_paper' ? ([188, 188] as const) : ([112, 112] as const))];
}

export const VARIANTS: readonly Variant[] = [
  ...modelNames().map((name) => ({ name, inputShape: shapeOf(name), options: narrow(name) })),
  ...more,
].map((v) => ({ ...v, title: `${v.name} ${v.inputShape.join('x')} ${JSON.stringify(v.options)}` }));

export const classesOf = (name: string): number => (modelEntry(name).task === 'segmentation' ? 2 : 7);

export const build = ({ name, inputShape, options }: Variant): Module =>
  createModel(name, { inputShape, classes: classesOf(name), ...options });

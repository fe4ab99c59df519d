export { GoogLeNet, GoogLeNetFeatures, type GoogLeNetOptions, googlenet, googlenetPaper } from './googlenet.js';
export { LeNet, LeNet5, lenet, lenet5 } from './lenet.js';
export {
  createModel,
  IMAGENET,
  type ImageShape,
  type ModelEntry,
  modelEntry,
  modelNames,
  type NetworkOptions,
  type Preprocessing,
  registerModel,
} from './registry.js';
export { UNet, type UNetOptions, unet, unetPaper } from './unet.js';
export { type EncoderName, EncoderUNet, type EncoderUNetOptions, encoderUnet } from './unetEncoder.js';
export {
  VGG,
  VGG_CONFIGS,
  VGGFeatures,
  type VGGFeaturesOptions,
  type VGGLayer,
  type VGGOptions,
  vgg,
  vgg11,
  vgg13,
  vgg16,
  vgg19,
} from './vgg.js';

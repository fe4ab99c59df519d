export { LeNet, LeNet5, lenet, lenet5 } from './lenet.js';
export {
  createModel,
  type ImageShape,
  type ModelEntry,
  modelEntry,
  modelNames,
  type NetworkOptions,
  registerModel,
} from './registry.js';

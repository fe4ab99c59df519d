export { type CrossEntropyOptions, crossEntropy } from './crossEntropy.js';
export { type BceWithLogitsOptions, bceWithLogits, mse } from './elementwise.js';
export { type Loss, sum, type Term } from './loss.js';
export { lossRegistry, parseLoss } from './registry.js';

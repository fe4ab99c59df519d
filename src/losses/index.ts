export type { ClassOptions } from './classes.js';
export { type CrossEntropyOptions, crossEntropy } from './crossEntropy.js';
export { type BceWithLogitsOptions, bceWithLogits, mse } from './elementwise.js';
export { type FocalOptions, focal } from './focal.js';
export { type Loss, sum, type Term } from './loss.js';
export { type LovaszOptions, lovasz } from './lovasz.js';
export { dice, focalTversky, jaccard, type OverlapOptions, type TverskyOptions, tversky } from './overlap.js';
export { lossRegistry, parseLoss, type SharedLossOptions } from './registry.js';

export {
  type Batch,
  type DataDescription,
  type Dataset,
  type Image,
  type ImageShape,
  type Normalize,
  type PortableDataset,
  registerKind,
  type Sample,
  type SampleKey,
} from './dataset.js';
export { type IdxArray, parseIdx } from './idx.js';
export { type BatchWorkers, DataLoader, type DataLoaderOptions } from './loader.js';
export { MemoryDataset, type MemoryOptions, materialise } from './memory.js';
export { measureNormalize, NORMALIZE } from './normalize.js';
export {
  type DataParts,
  dataNames,
  type Fit,
  type OpenDataOptions,
  type OpenedData,
  openData,
  registerSource,
} from './open.js';
export { permutation, RandomStream } from './rng.js';
export { SHAPE_CLASSES, ShapesDataset, type ShapesOptions } from './shapes.js';
export { Concat, type SplitPair, Subset, splitFraction, splitLast, take } from './subset.js';
export * from './transforms.js';

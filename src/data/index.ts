export { CELLS_CLASSES, CellsDataset } from './cells.js';
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
  type Targets,
  type Unreadable,
  UnreadableError,
} from './dataset.js';
export type { GeneratedOptions } from './generated.js';
export { type IdxArray, parseIdx } from './idx.js';
export { type BatchWorkers, DataLoader, type DataLoaderOptions } from './loader.js';
export { countMasks, hasMasks, type MaskCounts, MaskDataset, type MaskOptions, outputChannels } from './masks.js';
export { MemoryDataset, type MemoryOptions, materialise } from './memory.js';
export { measureNormalize, NORMALIZE } from './normalize.js';
export {
  type DataParts,
  dataNames,
  describeSkipped,
  type Fit,
  type MaskSource,
  type OpenDataOptions,
  type OpenedData,
  openData,
  type PartLists,
  registerSource,
} from './open.js';
export { permutation, RandomStream } from './rng.js';
export { SHAPE_CLASSES, ShapesDataset, type ShapesOptions } from './shapes.js';
export { SHAPES_SEG_CLASSES, ShapesSegDataset } from './shapesSeg.js';
export { type Fold, parseFold, type Split, type SplitOptions, splitDataset } from './split.js';
export { Concat, type SplitPair, Subset, splitFraction, splitLast, take } from './subset.js';
export * from './transforms.js';

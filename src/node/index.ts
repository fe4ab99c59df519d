/** What only Node has. Importing it teaches `data` and `train` about files, images, packages and worker threads. */
import './paths.js';
import './workers.js';

export { cacheDirectory } from './cache.js';
export {
  type DatasetListing,
  type DatasetReport,
  type GetDatasetOptions,
  type GotDataset,
  getDataset,
  listDatasets,
  showDataset,
} from './datasets.js';
export { fileError, isMissing } from './errors.js';
export { openFolder } from './folder.js';
export { FolderDataset } from './folderDataset.js';
export { encodePng, IMAGE_ENDINGS, imageSize, type LoadImageOptions, loadImage, saveImage } from './image.js';
export { MaskFolderDataset } from './maskDataset.js';
export { findPairs } from './maskPairs.js';
export { MNIST_FILES, openIdx } from './mnist.js';
export { openSegmentation } from './segmentation.js';
export { FileStorage, writeFileAtomic } from './storage.js';
export { WorkerPool } from './workers.js';

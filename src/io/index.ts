export { networkFor, type Recognised, type RecogniseOptions, recognise } from './layouts/index.js';
export { type PthFile, readPth, writePth } from './pth/index.js';
export { readTensors, type TensorFile } from './read.js';
export { readSafetensors, type SafetensorsFile, type WriteOptions, writeSafetensors } from './safetensors.js';

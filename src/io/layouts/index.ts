export { ourNames, type Renamed, type Weights } from './names.js';
export { networkFor, type Recognised, type RecogniseOptions, recognise } from './recognise.js';

export { isPth, type PthFile, readPth } from './read.js';
export { writePth } from './write.js';

import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { extname, join } from 'node:path';
import { setPathSource } from '../data/open.js';
import { fileError } from './errors.js';
import { openFolder } from './folder.js';
import { findPairs } from './maskPairs.js';
import { isIdxDirectory, openIdx } from './mnist.js';
import { openSegmentation } from './segmentation.js';

setPathSource({
  exists: existsSync,
  async open(given, options) {
    const path = given.startsWith('~/') ? join(homedir(), given.slice(2)) : given;
    let isDirectory: boolean;
    try {
      isDirectory = statSync(path).isDirectory();
    } catch (error) {
      throw fileError(error, path, 'open');
    }
    if (!isDirectory && extname(path).toLowerCase() !== '.csv')
      throw new Error(
        `${path} is a file; expected a folder of class folders with images, of images and masks, or of IDX files, or a CSV of images and masks`,
      );
    if (isDirectory && (await isIdxDirectory(path))) return openIdx(path, given, options);
    const pairs = await findPairs(path, options.masks);
    return pairs ? openSegmentation(pairs, options) : openFolder(path, options);
  },
});

import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setPathSource } from '../data/open.js';
import { fileError } from './errors.js';
import { openFolder } from './folder.js';
import { isIdxDirectory, openIdx } from './mnist.js';

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
    if (!isDirectory)
      throw new Error(`${path} is a file; expected a folder of class folders with images, or of IDX files`);
    return (await isIdxDirectory(path)) ? openIdx(path, given, options) : openFolder(path, options);
  },
});

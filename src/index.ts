/** Fovea in Node: everything in `browser.ts`, with the native engine as the default device, files and image decoding. */
import { setDefaultBackend } from './backends/eager.js';
import { openDevice } from './node/device.js';
import { loadImage } from './node/image.js';
import { FileStorage } from './node/storage.js';
import { setImageLoader } from './train/images.js';
import { setStorageOpener } from './train/storage.js';

export * from './browser.js';
export { openDevice } from './node/device.js';
export * as node from './node/index.js';

setDefaultBackend(async () => (await openDevice()).backend);
setImageLoader(async (source, [channels, height, width]) => {
  if (channels !== 1 && channels !== 3)
    throw new Error(`the network takes ${channels} channels; image files have 1 or 3`);
  return (await loadImage(source, { channels, size: [height, width] })).data;
});
setStorageOpener((path) => new FileStorage(path));

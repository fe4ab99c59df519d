import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadNative } from '../../src/backends/native/index.js';
import { cacheDirectory } from '../../src/node/cache.js';
import { fovea } from '../cli/process.js';

const native = loadNative();
const mnist = existsSync(join(cacheDirectory(), 'datasets/mnist/train-images-idx3-ubyte'));

/** Why no network can learn digits here; empty if one can. */
export const noDigits = !native.ok
  ? ` (skipped: learning digits takes minutes without the native engine: ${native.reason})`
  : mnist
    ? ''
    : ' (skipped: MNIST is not here; `fovea data get mnist` fetches it)';

/** Trains what the pages show: a U-Net that draws a sheet each epoch, two networks to compare, one that reads digits. */
export async function prepareRuns(runs: string): Promise<void> {
  const train = async (out: string, args: string) => {
    const { code, stderr } = await fovea(['train', ...args.split(' '), '--out', join(runs, out), '--quiet'], runs);
    if (code !== 0) throw new Error(`${out} was not trained: ${stderr}`);
  };
  const cells = 'unet --features 4,8,16 --data cells --images 120 --size 64 --epochs 5 --samples-every 1';
  await train('cells', `${cells} --optimizer adam --lr 0.01 --batch-size 4`);
  const shapes = 'lenet --data shapes --images 400 --epochs 3';
  await train('shapes/slow', shapes);
  await train('shapes/quick', `${shapes} --optimizer adam --lr 0.002`);
  if (!noDigits) await train('digits', 'lenet --data mnist --limit 12000 --epochs 1');
}

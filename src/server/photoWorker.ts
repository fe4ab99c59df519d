/** A worker thread that turns photos into pictures of their masks; the other end is `photos.ts`. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { encodeCut } from '../node/cutout.js';
import { ImageError } from '../node/image.js';
import { segmentPhoto } from '../node/segmentPhoto.js';
import type { HostTensor } from '../tensor/shape.js';
import type { FromWorker, PhotoAnswer, PhotoAsked, ToWorker } from './photoMessages.js';

// The engine's threads wait for each other: where cores are few, one that is held up by a photo holds up the whole batch.
// On Linux this is about this thread alone; elsewhere it would be the process.
if (process.platform === 'linux')
  try {
    setPriority(0, 5);
  } catch {
    // Not allowed here: photos and engine share the cores evenly.
  }

const port = parentPort!;
const say = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

interface Call {
  resolve(output: HostTensor): void;
  reject(error: Error): void;
}

const calls = new Map<number, Call>();
let nextCall = 0;

/** The engine lives in the main thread. */
const predictFor = (id: number) => (images: HostTensor) =>
  new Promise<HostTensor>((resolve, reject) => {
    const call = nextCall++;
    calls.set(call, { resolve, reject });
    // A copy: tiles are cut into the same memory one after the other.
    const data = images.data.slice();
    say({ kind: 'predict', id, call, images: { ...images, data } }, [data.buffer as ArrayBuffer]);
  });

async function answer(id: number, photo: Uint8Array, asked: PhotoAsked): Promise<PhotoAnswer> {
  const { as, format, classes, ...options } = asked;
  const mask = await segmentPhoto(photo, { ...options, predict: predictFor(id) });
  const { height, width, foreground, seen } = mask;
  const about = { height, width, foreground, seen };
  if (as !== 'json') return { ...about, picture: await encodeCut(photo, mask, { mode: as, format, classes }) };
  return { ...about, shares: classes === 2 ? [1 - foreground, foreground] : sharesOf(mask.classes, classes) };
}

function sharesOf(pixels: Uint8Array, classes: number): number[] {
  const counts = new Uint32Array(classes);
  for (let i = 0; i < pixels.length; i++) counts[pixels[i]!]!++;
  return Array.from(counts, (n) => n / pixels.length);
}

port.on('message', async (message: ToWorker) => {
  if (message.kind === 'output') {
    const call = calls.get(message.call);
    calls.delete(message.call);
    if ('output' in message) call?.resolve(message.output);
    else call?.reject(new Error(message.error));
    return;
  }
  const { id } = message;
  try {
    say({ kind: 'done', id, answer: await answer(id, message.photo, message.asked) });
  } catch (error) {
    const { message: text } = error as Error;
    say({ kind: 'failed', id, error: text, fault: error instanceof ImageError ? error.fault : undefined });
  }
});

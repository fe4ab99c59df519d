/** A worker thread that assembles batches; the other end is `workers.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { openPortable } from '../data/dataset.js';
import { assembleBatch, type WorkersRequest } from '../data/loader.js';
import type { Job, Reply } from './workers.js';

const port = parentPort!;
const { portable, modules } = workerData as WorkersRequest;
const opened = Promise.all(modules.map((module) => import(module))).then(() => openPortable(portable));
// A failure is reported with each job, not as the end of the thread.
opened.catch(() => {});

port.on('message', async ({ id, indices, key }: Job) => {
  try {
    const batch = await assembleBatch(await opened, indices, key);
    const reply: Reply = { id, batch };
    port.postMessage(reply, [batch.image.data.buffer as ArrayBuffer, batch.target.data.buffer as ArrayBuffer]);
  } catch (error) {
    const reply: Reply = { id, error: error instanceof Error ? error.message : String(error) };
    port.postMessage(reply);
  }
});

import { Worker } from 'node:worker_threads';
import { Hono } from 'hono';
import { workerOptions, workerScript } from '../../../node/workerScript.js';
import type { RunConfig } from '../../../train/config.js';
import { HttpProblem } from '../../problem.js';
import type { SampleListing } from '../api.js';
import { tagged } from './answer.js';
import { Shelf } from './shelf.js';
import { IDLE, type TrainedRuns } from './trained.js';

/** Images of a run that are shown. */
const SHOWN = 48;

export interface SamplesAsked {
  readonly config: RunConfig;
  readonly most: number;
}

export interface SampleImage {
  readonly index: number;
  readonly label: string | null;
  readonly png: Uint8Array<ArrayBuffer>;
}

export type FromSamples = { readonly images: readonly SampleImage[] } | { readonly error: string };

/** Images that a run was validated on. */
export function sampleRoutes(runs: TrainedRuns): Hono {
  const app = new Hono();
  const shelf = new Shelf<readonly SampleImage[]>({ most: 6, idle: 2 * IDLE });

  const samples = async <T>(id: string, work: (images: readonly SampleImage[], stamp: string) => T | Promise<T>) => {
    const found = await runs.find(id);
    const open = async () => runs.refusing(409, async () => readSamples(await runs.config(found)));
    return shelf.use(found.path, found.stamp, open, (images) => work(images, found.stamp));
  };
  app.get('/api/runs/:run/samples', async (c) => {
    const listing: SampleListing = await samples(c.req.param('run'), (images) => ({
      samples: images.map(({ index, label }) => ({ index, label })),
    }));
    return c.json(listing);
  });
  app.get('/api/runs/:run/samples/:index', (c) => {
    const { run, index } = c.req.param();
    return samples(run, (images, stamp) => {
      const image = images.find((i) => String(i.index) === index);
      if (!image) throw new HttpProblem(404, `${run} has no sample ${index}: GET its samples says which there are`);
      return tagged(c, `${stamp}/${index}`, 'image/png', () => image.png);
    });
  });
  return app;
}

/** Data is opened in a thread of its own: decoding, unpacking and drawing it would hold up all other requests. */
function readSamples(config: RunConfig): Promise<readonly SampleImage[]> {
  const workerData: SamplesAsked = { config, most: SHOWN };
  const worker = new Worker(workerScript('samplesWorker', import.meta.url), { ...workerOptions, workerData });
  return new Promise<readonly SampleImage[]>((resolve, reject) => {
    worker.once('message', (message: FromSamples) => {
      if ('error' in message) reject(new Error(message.error));
      else resolve(message.images);
    });
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the thread that reads the images ended unexpectedly')));
  }).finally(() => worker.terminate());
}

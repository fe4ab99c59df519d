/** A worker thread that opens a run's data and gives some of its images; the other end is `samples.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { checkClasses, dataOf, isNamedData, openWith, pathThen } from '../../../cli/data-source.js';
import { Terminal } from '../../../cli/terminal.js';
import { type Dataset, UnreadableError } from '../../../data/dataset.js';
import type { OpenDataOptions, OpenedData } from '../../../data/open.js';
import { encodePng } from '../../../node/image.js';
import { spread } from '../../../report/maskSamples.js';
import type { RunConfig } from '../../../train/config.js';
import type { Json } from '../../../util/registry.js';
import type { FromSamples, SampleImage, SamplesAsked } from './samples.js';

const say = (message: FromSamples): void => parentPort!.postMessage(message);

async function open(config: RunConfig): Promise<OpenedData> {
  const trained = dataOf(config);
  if (!trained) throw new Error('this run does not say what data it was trained on, so there are no images to show');
  const name = pathThen(trained.name, config);
  const [channels, height, width] = config.inputShape;
  const { augment: _, limit: __, ...options } = trained.options;
  const named = isNamedData(name);
  const opening: OpenDataOptions = {
    seed: config.training.seed,
    ...options,
    ...(named ? {} : { size: [height, width], channels: channels as 1 | 3, classes: config.classes }),
  };
  // A few images are shown: of folders only those are decoded.
  const terminal = new Terminal(true, true).withoutNotes();
  Object.defineProperty(terminal, 'warn', { value: () => {} });
  const few = await openWith(terminal, name, { ...opening, memory: 0 });
  if (named || sameImages(few.describe() as Json, trained.identity)) return few;
  // Where images were left out in training since they could not be decoded, all are decoded again to split them alike.
  return openWith(terminal, name, opening);
}

/** Whether what is shown is described alike, wherever it lies; training images may have been changed at random. */
function sameImages(a: Json, b: Json): boolean {
  const text = (value: Json) => {
    const { valid, test } = (value ?? {}) as { valid?: Json; test?: Json };
    return JSON.stringify([valid, test], (key, v) => (key === 'path' ? undefined : (v as unknown)));
  };
  return text(a) === text(b);
}

async function imagesOf(dataset: Dataset, most: number): Promise<SampleImage[]> {
  const images: SampleImage[] = [];
  for (const index of spread(dataset.length, most)) {
    try {
      const { image, target } = await dataset.get(index);
      const png = await encodePng({ data: Uint8Array.from(image), shape: dataset.inputShape });
      const label = typeof target === 'number' ? (dataset.classes[target] ?? String(target)) : null;
      images.push({ index, label, png: Uint8Array.from(png) });
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
    }
  }
  return images;
}

try {
  const { config, most } = workerData as SamplesAsked;
  const data = await open(config);
  checkClasses(data, config);
  say({ images: await imagesOf(data.valid ?? data.test ?? data.all, most) });
} catch (error) {
  say({ error: error instanceof Error ? error.message : String(error) });
}

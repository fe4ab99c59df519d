import type { Dataset } from '../data/dataset.js';
import { hasMasks } from '../data/masks.js';
import { classMaps, imageIou, type MaskSample, middle, spread } from '../report/maskSamples.js';
import { maskSheet } from '../report/maskSheet.js';
import { hostTensor } from '../tensor/shape.js';
import type { EpochRecord } from '../train/events.js';
import { openStorage } from '../train/storage.js';
import type { Trainer } from '../train/trainer.js';

/** Photos of the sheets that show progress. */
const SHOWN = 8;

/** What a network says about some images of a data set with masks, a few at a time. */
export async function maskSamples(
  trainer: Trainer,
  dataset: Dataset,
  indices: readonly number[],
  batchSize = 8,
  signal?: AbortSignal,
): Promise<MaskSample[]> {
  const [channels, height, width] = dataset.inputShape;
  const area = channels * height * width;
  const samples: MaskSample[] = [];
  for (let from = 0; from < indices.length; from += batchSize) {
    signal?.throwIfAborted();
    const some = indices.slice(from, from + batchSize);
    const read = await Promise.all(some.map(async (index) => dataset.get(index)));
    const images = new Uint8Array(some.length * area);
    for (const [i, { image }] of read.entries()) images.set(image, i * area);
    const output = await trainer.predict(hostTensor(images, [some.length, channels, height, width]));
    const [, , h, w] = output.shape as [number, number, number, number];
    for (const [i, predicted] of classMaps(output.data as Float32Array, output.shape).entries()) {
      const { image, target } = read[i]!;
      const truth = middle(Uint8Array.from(target as Uint8Array), height, width, [h, w]);
      samples.push({
        index: some[i]!,
        image: { data: middle(Uint8Array.from(image), height, width, [h, w]), shape: [channels, h, w] },
        truth,
        predicted,
        iou: imageIou(truth, predicted, dataset.classes.length, dataset.ignoreIndex),
      });
    }
  }
  return samples;
}

/** The photos that every sheet of a run shows. */
export const shownPhotos = (dataset: Dataset): number[] => spread(dataset.length, SHOWN);

/** Name of the sheet of an epoch in the folder `samples` of a run. */
export const sheetName = (epoch: number): string => `epoch-${String(epoch).padStart(3, '0')}.png`;

/**
 * Draws a sheet of the same validation photos each time `every` epochs are done: `samples/epoch-010.png`. Undefined for
 * networks that do not make masks.
 */
export function sampleSheets(
  trainer: Trainer,
  valid: Dataset | undefined,
  { every, out, title, resume }: { every: number; out: string; title: string; resume: boolean },
): ((record: EpochRecord) => Promise<void>) | undefined {
  if (every === 0 || !valid || !hasMasks(valid)) return undefined;
  const storage = openStorage(`${out}/samples`);
  let cleared = resume;
  return async ({ epoch, valid: scores }) => {
    // What an earlier run of that name has drawn would look like this one's.
    if (!cleared)
      for (const name of await storage.list()) if (/^epoch-\d+\.png$/.test(name)) await storage.remove(name);
    cleared = true;
    if (epoch % every !== 0) return;
    const samples = await maskSamples(trainer, valid, shownPhotos(valid));
    const iou = typeof scores?.iou === 'number' ? `, IoU of the whole set ${(100 * scores.iou).toFixed(1)} %` : '';
    const sheet = await maskSheet(samples, {
      title: `${title}, epoch ${epoch}`,
      subtitle: `${samples.length} validation photos; white: the true border${iou}`,
      classes: valid.classes,
      ignoreIndex: valid.ignoreIndex,
    });
    await storage.writeAtomic(sheetName(epoch), sheet);
  };
}

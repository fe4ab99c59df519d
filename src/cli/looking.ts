import type { Dataset } from '../data/dataset.js';
import { hasMasks } from '../data/masks.js';
import type { Module } from '../nn/module.js';
import type { MaskReport } from '../report/data.js';
import { classMaps, imageIou, type MaskSample, middle, overlap, spread } from '../report/maskSamples.js';
import { maskSheet, overlaysOf } from '../report/maskSheet.js';
import { hostTensor } from '../tensor/shape.js';
import type { EpochRecord } from '../train/events.js';
import type { TrainerOptions } from '../train/options.js';
import { openStorage } from '../train/storage.js';
import { Trainer } from '../train/trainer.js';

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
        iou: imageIou(overlap(truth, predicted, dataset.classes.length, dataset.ignoreIndex)),
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

/** Images that are ranked by IoU; of larger sets that many, spread evenly. */
const RANKED = 2000;
const EXTREMES = 6;
/** Photos and epochs of the picture of progress. */
const PROGRESS_PHOTOS = 4;
const PROGRESS_EPOCHS = 6;

/** What the report of a run says about masks: the usual photos, and the worst and best of the validation set. */
export async function maskReport(
  net: Module,
  objective: TrainerOptions,
  dataset: Dataset,
  split: string,
  out: string,
  signal: AbortSignal,
): Promise<MaskReport> {
  const trainer = new Trainer(net, { ...objective, normalize: dataset.normalize });
  try {
    const ious: { index: number; iou: number }[] = [];
    const looked = spread(dataset.length, RANKED);
    // Only their IoU is kept: the pictures of a large set would not fit into memory.
    for (let from = 0; from < looked.length; from += 64)
      for (const { index, iou } of await maskSamples(trainer, dataset, looked.slice(from, from + 64), 8, signal))
        ious.push({ index, iou });
    const ranked = ious.filter(({ iou }) => !Number.isNaN(iou)).sort((a, b) => a.iou - b.iou || a.index - b.index);
    const extremes = Math.min(EXTREMES, ranked.length >> 1);
    const samples = (of: readonly { index: number }[]) =>
      maskSamples(
        trainer,
        dataset,
        of.map(({ index }) => index),
        8,
        signal,
      );
    const shown = await maskSamples(trainer, dataset, shownPhotos(dataset), 8, signal);
    const progress = await progressOf(out, shown);
    return {
      split,
      images: ious.length,
      undefinedIou: ious.length - ranked.length,
      classes: dataset.classes,
      ...(dataset.ignoreIndex === undefined ? {} : { ignoreIndex: dataset.ignoreIndex }),
      shown,
      worst: await samples(ranked.slice(0, extremes)),
      best: await samples(ranked.slice(ranked.length - extremes).reverse()),
      ...(progress ? { progress } : {}),
    };
  } finally {
    await trainer.dispose();
  }
}

/** Overlays of the first photos over some epochs, from the sheets that the run has drawn. */
async function progressOf(out: string, shown: readonly MaskSample[]): Promise<MaskReport['progress']> {
  const storage = openStorage(`${out}/samples`);
  const names = (await storage.list()).filter((name) => /^epoch-\d+\.png$/.test(name));
  const number = (name: string) => Number(/\d+/.exec(name)![0]);
  const all = names.sort((a, b) => number(a) - number(b));
  // The first, the last, and some between.
  const count = Math.min(all.length, PROGRESS_EPOCHS);
  const chosen = Array.from(
    { length: count },
    (_, k) => all[Math.round((k * (all.length - 1)) / Math.max(1, count - 1))]!,
  );
  const epochs: number[] = [];
  const photos: Uint8Array[][] = Array.from({ length: Math.min(PROGRESS_PHOTOS, shown.length) }, () => []);
  for (const name of chosen) {
    const sheet = await storage.read(name);
    const overlays = sheet && (await overlaysOf(sheet, photos.length, shown.length, shown[0]!.image.shape));
    if (!overlays) continue;
    epochs.push(number(name));
    for (const [i, png] of overlays.entries()) photos[i]!.push(png);
  }
  return epochs.length > 0 ? { epochs, photos } : undefined;
}

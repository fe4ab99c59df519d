import type { Dataset } from '../data/dataset.js';
import { DataLoader } from '../data/loader.js';
import { hasMasks } from '../data/masks.js';
import { classMaps, imageIou, middle, overlap } from '../report/maskSamples.js';
import { hostTensor } from '../tensor/shape.js';
import { hashOf } from '../train/doctor/data.js';
import type { Trainer } from '../train/trainer.js';
import { argmax } from '../util/numbers.js';

/** What a network does on each image of a set: what races are decided by. */
export interface ImageScores {
  readonly measure: 'accuracy' | 'IoU';
  /** 1 or 0 for right or wrong; for masks the image's IoU, null where neither mask has foreground. */
  readonly scores: readonly (number | null)[];
  /** By class: part of its images that are recognised; for masks IoU over all pixels. Null where there are none. */
  readonly classes: readonly (number | null)[];
  /** The same for the same images of one size in the same batches: tells the seeds of a contestant apart. */
  readonly images: number;
}

/** Scores every image of a set with the trainer's network in evaluation mode. */
export async function scoreImages(
  trainer: Trainer,
  dataset: Dataset,
  batchSize: number,
  signal: AbortSignal,
): Promise<ImageScores> {
  const masks = hasMasks(dataset);
  const loader = new DataLoader(dataset, { batchSize });
  const scores: (number | null)[] = [];
  const hits = new Float64Array(dataset.classes.length);
  const all = new Float64Array(dataset.classes.length);
  let images = 0;
  try {
    for await (const { image, target } of loader.epoch(0)) {
      signal.throwIfAborted();
      if (image.shape[0] === 0) continue;
      images = (images * 3 + (hashOf(image.data) ?? 0)) % Number.MAX_SAFE_INTEGER;
      const output = await trainer.predict(hostTensor(image.data, image.shape));
      const logits = output.data as Float32Array;
      if (!masks) {
        const width = output.shape[1]!;
        for (let i = 0; i < image.shape[0]; i++) {
          const truth = target.data[i]!;
          const right = argmax(logits, i * width, width) === truth ? 1 : 0;
          scores.push(right);
          hits[truth]! += right;
          all[truth]! += 1;
        }
        continue;
      }
      const [, , height, width] = image.shape;
      const [, , h, w] = output.shape as [number, number, number, number];
      for (const [i, predicted] of classMaps(logits, output.shape).entries()) {
        const whole = target.data.subarray(i * height * width, (i + 1) * height * width) as Uint8Array;
        const truth = middle(Uint8Array.from(whole), height, width, [h, w]);
        const counts = overlap(truth, predicted, dataset.classes.length, dataset.ignoreIndex);
        const iou = imageIou(counts);
        scores.push(Number.isNaN(iou) ? null : iou);
        for (const c of hits.keys()) {
          hits[c]! += counts.hit[c]!;
          all[c]! += counts.either[c]!;
        }
      }
    }
  } finally {
    await loader.close();
  }
  return {
    measure: masks ? 'IoU' : 'accuracy',
    scores,
    images,
    classes: Array.from(hits, (h, c) => (all[c] === 0 ? null : h / all[c]!)),
  };
}

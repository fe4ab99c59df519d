import type { Dataset } from '../data/dataset.js';
import { DataLoader } from '../data/loader.js';
import { hasMasks } from '../data/masks.js';
import { classMaps, imageIou, middle } from '../report/maskSamples.js';
import { hostTensor } from '../tensor/shape.js';
import { hashOf } from '../train/doctor/data.js';
import type { Trainer } from '../train/trainer.js';

/** What a network does on each image of a set: what races are decided by. */
export interface ImageScores {
  readonly measure: 'accuracy' | 'IoU';
  /** 1 or 0 for right or wrong; for masks the image's IoU, null where neither mask has foreground. */
  readonly scores: readonly (number | null)[];
  /** By class: part of its images that are recognised; for masks IoU over all pixels. Null where there are none. */
  readonly classes: readonly (number | null)[];
  /** The same for the same images in the same order. */
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
          const right = largest(logits, i * width, width) === truth ? 1 : 0;
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
        const iou = imageIou(truth, predicted, dataset.classes.length, dataset.ignoreIndex);
        scores.push(Number.isNaN(iou) ? null : iou);
        for (const [p, t] of truth.entries()) {
          if (t === dataset.ignoreIndex) continue;
          all[t]! += 1;
          if (predicted[p] === t) hits[t]! += 1;
          else all[predicted[p]!]! += 1;
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

function largest(values: Float32Array, from: number, count: number): number {
  let best = 0;
  for (let k = 1; k < count; k++) if (values[from + k]! > values[from + best]!) best = k;
  return best;
}

import type { Dataset } from '../data/dataset.js';
import { hasMasks } from '../data/masks.js';
import { confusionMatrix } from '../metrics/confusion.js';
import type { Module } from '../nn/module.js';
import type { Evaluation } from '../report/data.js';
import { chooseSamples, type Sample, type Verdict } from '../report/samples.js';
import { hostTensor } from '../tensor/shape.js';
import type { RunConfig } from '../train/config.js';
import type { Scores } from '../train/events.js';
import type { TrainerOptions } from '../train/options.js';
import { topClasses } from '../train/ranked.js';
import { Trainer } from '../train/trainer.js';
import { evaluationBar } from './progress.js';
import type { Terminal } from './terminal.js';

/** Images that are looked at one by one for the sheet of samples; of larger sets, that many spread evenly. */
const LOOK_AT = 10_000;
const SHOWN = 32;

export interface MeasureOptions {
  /** In words: "validation". */
  readonly split: string;
  readonly weights: string;
  readonly batchSize: number;
  readonly signal: AbortSignal;
  readonly workers?: number | 'auto';
  /** Also choose samples for a report. */
  readonly samples: boolean;
}

/**
 * Images that go through the network of a run at once where it is measured. Losses of masks may be about the whole batch,
 * and masks are large: the same batches as in training.
 */
export const measuringBatch = (dataset: Dataset, { training }: RunConfig): number =>
  hasMasks(dataset) ? training.batchSize : Math.max(64, training.batchSize);

/** Measures a network with weights on a data set: loss, metrics, confusion, and images to show. */
export async function measure(
  net: Module,
  objective: TrainerOptions,
  dataset: Dataset,
  options: MeasureOptions,
  terminal: Terminal,
): Promise<Evaluation & { scores: Scores }> {
  // A table of classes and single verdicts are for networks that name one class for an image.
  const classifies = (dataset.targetShape ?? []).length === 0;
  const confusion = confusionMatrix();
  const own = (objective.metrics ?? []).filter((m) => m.name !== confusion.name);
  const metrics = classifies ? [...own, confusion] : own;
  const trainer = new Trainer(net, { ...objective, metrics, normalize: dataset.normalize });
  const bar = await evaluationBar(terminal, `evaluating the ${options.split} set`);
  const off = trainer.on(bar.listen);
  try {
    const { batchSize, signal, workers } = options;
    const { confusion: counts, ...scores } = await trainer.evaluate(dataset, { batchSize, signal, workers });
    const numbers = Object.entries(scores).filter((e): e is [string, number] => typeof e[1] === 'number');
    const { loss, ...rest } = Object.fromEntries(numbers) as { loss: number } & Record<string, number>;
    return {
      split: options.split,
      images: dataset.length,
      weights: options.weights,
      loss,
      metrics: rest,
      ...(counts ? { confusion: counts as readonly (readonly number[])[] } : {}),
      samples: options.samples && classifies ? await showSamples(trainer, dataset, options) : [],
      scores: scores as Scores,
    };
  } finally {
    off();
    bar.end();
    await trainer.dispose();
  }
}

/** Asks the network about the images and keeps those worth showing. */
async function showSamples(
  trainer: Trainer,
  dataset: Dataset,
  { batchSize, signal }: MeasureOptions,
): Promise<Sample[]> {
  const looked = Math.min(dataset.length, LOOK_AT);
  const at = (k: number) => Math.floor((k * dataset.length) / looked);
  const verdicts: Verdict[] = [];
  for (let from = 0; from < looked; from += batchSize) {
    signal.throwIfAborted();
    const size = Math.min(batchSize, looked - from);
    const truths: number[] = [];
    const area = dataset.inputShape.reduce((a, b) => a * b, 1);
    const images = new Uint8Array(size * area);
    for (let i = 0; i < size; i++) {
      const { image, target } = await dataset.get(at(from + i));
      images.set(image, i * area);
      truths.push(target as number);
    }
    const output = await trainer.predict(hostTensor(images, [size, ...dataset.inputShape]));
    for (const [i, [best]] of topClasses(output.data as Float32Array, output.shape[1]!, 1).entries())
      verdicts.push({ truth: truths[i], predicted: best!.index, probability: best!.probability });
  }
  const chosen = chooseSamples(verdicts, SHOWN);
  return Promise.all(
    chosen.map(async (k) => {
      const { image } = await dataset.get(at(k));
      return { ...verdicts[k]!, image: Uint8Array.from(image), shape: dataset.inputShape, index: at(k) };
    }),
  );
}

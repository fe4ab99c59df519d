import type { Dataset } from '../data/dataset.js';
import { DataLoader } from '../data/loader.js';
import type { HostTensor } from '../tensor/shape.js';
import type { EvaluateEvent, Scores } from './events.js';
import type { EvaluateOptions } from './options.js';
import type { Session } from './session.js';
import { buildEvaluation, countsOf, type Objective, programKey } from './step.js';
import { Sums } from './sums.js';

/**
 * Loss and metrics of a network on a data set, in evaluation mode and in the data's order.
 * @throws Error naming the parameter if the loss is not finite because a weight is not
 */
export async function evaluate(
  session: Session,
  objective: Objective,
  dataset: Dataset,
  { batchSize = 64, workers, signal }: EvaluateOptions,
  emit: (event: EvaluateEvent) => void,
): Promise<Scores> {
  const loader = new DataLoader(dataset, { batchSize, workers });
  const sums = new Sums(objective.metrics);
  let waiting: { images: number; batch: number; result: Promise<Record<string, HostTensor>> } | undefined;
  const settle = async ({ images, batch, result }: NonNullable<typeof waiting>) => {
    const out = await result;
    sums.add(images, out.loss!.data[0]!, countsOf(out));
    emit({ type: 'evaluate', batch: batch + 1, batches: loader.batchesPerEpoch });
  };
  try {
    let batch = 0;
    for await (const { image, target } of loader.epoch(0)) {
      signal?.throwIfAborted();
      const key = programKey('evaluate', objective, image, target);
      const program = await session.program(key, () => buildEvaluation(objective, { image, target }));
      // The next batch is on its way before the result of the one before is looked at.
      const result = program.run({ image, target });
      result.catch(() => {});
      const before = waiting;
      waiting = { images: image.shape[0], batch: batch++, result };
      if (before) await settle(before);
    }
    if (waiting) await settle(waiting);
  } finally {
    await loader.close();
  }
  return sums.scores();
}

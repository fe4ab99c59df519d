import type { Program } from '../backends/backend.js';
import type { DataLoader } from '../data/loader.js';
import type { HostTensor } from '../tensor/shape.js';
import type { EvaluateEvent, Scores } from './events.js';
import type { Session } from './session.js';
import { type BatchType, buildEvaluation, countsOf, type Objective, programKey } from './step.js';
import { Sums } from './sums.js';

/** Loss and metrics of one batch. */
export function evaluationProgram(session: Session, objective: Objective, type: BatchType): Promise<Program> {
  const key = programKey('evaluate', objective, type.image, type.target);
  return session.program(key, () => buildEvaluation(objective, type), session.averaged);
}

/**
 * Loss and metrics of a network on a data set, in evaluation mode. The loader stays open.
 * @param signal aborting it ends the evaluation with its reason after the batch that runs
 */
export async function evaluate(
  session: Session,
  objective: Objective,
  loader: DataLoader,
  emit: (event: EvaluateEvent) => void,
  signal?: AbortSignal,
): Promise<Scores> {
  const sums = new Sums(objective.metrics);
  let waiting: { images: number; batch: number; result: Promise<Record<string, HostTensor>> } | undefined;
  const settle = async ({ images, batch, result }: NonNullable<typeof waiting>) => {
    const out = await result;
    sums.add(images, out.loss!.data[0]!, countsOf(out));
    emit({ type: 'evaluate', batch: batch + 1, batches: loader.batchesPerEpoch });
  };
  let batch = 0;
  for await (const { image, target } of loader.epoch(0)) {
    signal?.throwIfAborted();
    if (image.shape[0] === 0) continue;
    const program = await evaluationProgram(session, objective, { image, target });
    // The next batch is on its way before the result of the one before is looked at.
    const result = program.run({ image, target });
    result.catch(() => {});
    const before = waiting;
    waiting = { images: image.shape[0], batch: batch++, result };
    if (before) await settle(before);
  }
  if (waiting) await settle(waiting);
  return sums.scores();
}

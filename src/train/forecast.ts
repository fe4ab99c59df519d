import { defaultBackend } from '../backends/eager.js';
import type { Dataset } from '../data/dataset.js';
import { DataLoader } from '../data/loader.js';
import type { Module } from '../nn/module.js';
import { bytesPerElement } from '../tensor/dtype.js';
import { numel } from '../tensor/shape.js';
import { batchType } from './batchTypes.js';
import { START } from './checkpoint.js';
import { checkFits } from './checks.js';
import { evaluationProgram } from './evaluate.js';
import type { FitOptions, TrainerOptions } from './options.js';
import { Session } from './session.js';
import { type Objective, objectiveFor } from './step.js';
import { type Running, Stepper } from './stepper.js';

/** What a run will take, measured on some of its own steps. */
export interface Forecast {
  /** Of a training step, data loading included. */
  readonly stepSeconds: number;
  /** Training images a second. */
  readonly imagesPerSecond: number;
  /** Of the training part of an epoch. */
  readonly trainSeconds: number;
  /** Of a validation pass; 0 without one. */
  readonly validSeconds: number;
  /** Steps that were timed. */
  readonly steps: number;
  /** Bytes on the device at the most: values that stay, and the programs of training and validation. */
  readonly deviceBytes: number;
  /** Bytes that writing a checkpoint takes beside that. */
  readonly checkpointBytes: number;
}

export interface ForecastOptions {
  /** Seconds of timing; at least three steps are timed where they are quick, and no more than the run has. Default 1. */
  readonly seconds?: number;
  readonly signal?: AbortSignal;
}

/** On the slow reference backend a few images tell enough: its time goes by the image. */
const REFERENCE_IMAGES = 4;

/**
 * Predicts time and memory of a run by doing a little of it on a copy: the step is compiled as `fit` compiles it (but with
 * the table's algorithms where `tune` would measure them first), fed by the same loader, and timed for a moment. The network and the run directory stay as they are. Other programs that use
 * the machine while it is measured, or later, make the prediction wrong by as much.
 */
export async function forecast(
  net: Module,
  trainer: TrainerOptions,
  train: Dataset,
  fit: FitOptions,
  { seconds = 1, signal }: ForecastOptions = {},
): Promise<Forecast> {
  const backend = trainer.backend ?? (await defaultBackend());
  const slow = backend.device.backend === 'reference';
  const { batchSize: whole = 32, seed = 0, dropLast, workers, accumulate = 1, valid } = fit;
  const batchSize = Math.min(whole, train.length, slow ? REFERENCE_IMAGES : whole);
  const batches = dropLast ? Math.floor(train.length / whole) : Math.ceil(train.length / whole);
  const objective = objectiveFor(net, trainer, train.normalize);
  checkFits(objective, train);
  if (valid) checkFits(objective, valid);
  const session = new Session(net, backend, { exact: trainer.exact });
  try {
    await session.materialise(seed);
    const loader = new DataLoader(train, { batchSize, seed, shuffle: true, dropLast: true, workers });
    const stepper = new Stepper(session, objective, {
      optimizer: trainer.optimizer!,
      clip: trainer.clip,
      ema: trainer.ema,
      seed,
      accumulate,
      batchesPerEpoch: Number.MAX_SAFE_INTEGER,
    });
    const type = batchType(train, batchSize);
    await stepper.prepare(type, false);
    const prepared = 2 * loader.workerCount;
    // As many images as the run has: a short run is not measured for longer than it trains.
    const most = Math.max(1, Math.floor((fit.epochs * batches * whole) / batchSize));
    const steps = await timed(stepping(stepper, loader), { seconds, most, prepared, signal });
    const program = (await stepper.program(type)).memoryBytes;
    let evaluation = { seconds: 0, bytes: 0 };
    if (valid && valid.length > 0)
      evaluation = await timeValidation(session, objective, valid, batchSize, {
        seconds: seconds / 3,
        workers,
        signal,
      });
    const kept = new Set([...net.states().keys(), ...stepper.slots]);
    const bytes = [...session.store.entries()].map(
      ([name, { shape, dtype }]) => [name, numel(shape) * bytesPerElement(dtype)] as const,
    );
    const stored = bytes.reduce((sum, [, b]) => sum + b, 0);
    const saved = bytes.reduce((sum, [name, b]) => sum + (kept.has(name) ? b : 0), 0);
    const scale = whole / batchSize;
    const perStep = steps.seconds * Math.min(scale, train.length / batchSize);
    return {
      stepSeconds: perStep,
      imagesPerSecond: batchSize / steps.seconds,
      trainSeconds: (dropLast ? batches * whole : train.length) * (steps.seconds / batchSize),
      validSeconds: evaluation.seconds,
      steps: steps.count,
      deviceBytes: stored + scale * (program + evaluation.bytes),
      // Read back, then encoded.
      checkpointBytes: fit.out === undefined ? 0 : 2 * saved,
    };
  } finally {
    session.dispose();
  }
}

/** Steps one after the other as `fit` does them: the next is on its way before the result of the last is awaited. */
async function* stepping(stepper: Stepper, loader: DataLoader): AsyncGenerator<void, void, undefined> {
  let position = START;
  let running: Running | undefined;
  try {
    for (let epoch = 0, found = 0; epoch === 0 || found > 0; epoch++)
      for await (const batch of loader.epoch(epoch)) {
        if (batch.image.shape[0] !== loader.batchSize) continue;
        found++;
        const queued = await stepper.queue(batch, position);
        position = queued.next;
        const last = running;
        running = queued;
        if (!last) continue;
        await last.result;
        yield;
      }
  } finally {
    await running?.result.catch(() => {});
    await loader.close();
  }
}

/** Seconds of a whole pass over the validation set, and the bytes of its program. */
async function timeValidation(
  session: Session,
  objective: Objective,
  valid: Dataset,
  batchSize: number,
  { seconds, workers, signal }: { seconds: number; workers: FitOptions['workers']; signal?: AbortSignal | undefined },
) {
  const size = Math.min(batchSize, valid.length);
  const loader = new DataLoader(valid, { batchSize: size, dropLast: true, workers });
  const program = await evaluationProgram(session, objective, batchType(valid, size));
  async function* evaluating(): AsyncGenerator<void, void, undefined> {
    try {
      for (let pass = 0, found = 0; pass === 0 || found > 0; pass++)
        for await (const { image, target } of loader.epoch(0)) {
          if (image.shape[0] !== size) continue;
          found++;
          await program.run({ image, target });
          yield;
        }
    } finally {
      await loader.close();
    }
  }
  const most = Math.ceil(valid.length / size);
  const { seconds: each } = await timed(evaluating(), { seconds, most, prepared: 0, signal });
  return { seconds: (each * valid.length) / size, bytes: program.memoryBytes };
}

interface Timing {
  readonly seconds: number;
  /** Turns that are done at the most. */
  readonly most: number;
  /** Turns after the first that use what was prepared before: they do not count either, if there is time. */
  readonly prepared: number;
  readonly signal?: AbortSignal | undefined;
}

/** A first turn that takes this long is not repeated for the sake of precision. */
const LONG = 5;

/** Seconds of a turn: the first one, which is slow, does not count. Of few and long turns at least two are measured. */
async function timed(
  turns: AsyncGenerator<void, void, undefined>,
  { seconds, most, prepared, signal }: Timing,
): Promise<{ seconds: number; count: number }> {
  const begin = performance.now();
  const marks: number[] = [];
  for await (const _ of turns) {
    signal?.throwIfAborted();
    const now = performance.now();
    marks.push(now);
    const first = (marks[0]! - begin) / 1000;
    if (first > LONG || most === 1) return { seconds: first, count: 1 };
    const last = marks.length >= most;
    const late = last || (now - begin) / 1000 > 3 * seconds;
    // Code gets faster while it is new; where turns are long, neither that nor what was prepared is worth waiting for.
    const fresh = marks.findIndex((m) => m - begin > 400 * seconds);
    const from = Math.min(Math.max(prepared, fresh), late ? marks.length - 3 : Number.POSITIVE_INFINITY);
    const count = marks.length - 1 - Math.max(0, from);
    const elapsed = (now - marks[marks.length - 1 - count]!) / 1000;
    if (last || (count >= 2 && (late || (count >= 3 && elapsed >= seconds))))
      return { seconds: elapsed / count, count };
  }
  throw new Error('there is nothing to measure with: no batch could be read whole');
}

import type { Dataset } from '../data/dataset.js';
import { DataLoader } from '../data/loader.js';
import type { Schedule } from '../optim/scheduler.js';
import type { HostTensor } from '../tensor/shape.js';
import { batchTypes } from './batchTypes.js';
import { encodeCard } from './card.js';
import { encodeWeights, type Position, START } from './checkpoint.js';
import { checkFits, checkMonitor } from './checks.js';
import { firstBadTensor, NonFiniteError } from './diagnose.js';
import { Doctor } from './doctor/doctor.js';
import { evaluate, evaluationProgram } from './evaluate.js';
import type { EpochRecord, FitResult, Scores, StopReason, TrainEvent } from './events.js';
import { gaveUp, interrupted, notFinite, type Place } from './messages.js';
import { Monitor } from './monitor.js';
import type { FitOptions, TrainerOptions } from './options.js';
import { RateMeter } from './rate.js';
import { Recorder } from './recorder.js';
import type { Session } from './session.js';
import { type BatchType, countsOf, type Objective } from './step.js';
import { type Running, Stepper } from './stepper.js';
import { Sums } from './sums.js';
import { averageName, stateOf } from './update.js';

/** One call of `Trainer.fit`. */
export class Fit {
  private readonly loader: DataLoader;
  private readonly validLoader: DataLoader | undefined;
  private readonly monitor: Monitor;
  private readonly schedule: Schedule | undefined;
  private readonly recorder: Recorder;
  private readonly stepper: Stepper;
  private readonly doctor: Doctor | undefined;
  private rate = new RateMeter();
  private position = START;
  private sums: Sums;
  private history: EpochRecord[] = [];
  private stop = false;
  private lr = 0;

  constructor(
    private readonly session: Session,
    private readonly objective: Objective,
    trainer: TrainerOptions,
    private readonly train: Dataset,
    private readonly options: FitOptions,
    private readonly emit: (event: TrainEvent) => void,
  ) {
    const { epochs, batchSize, seed, dropLast, workers, valid, monitor, earlyStopping } = options;
    if (!trainer.optimizer) throw new Error('fit needs an optimizer: give one to the Trainer');
    if (!(Number.isInteger(epochs) && epochs > 0))
      throw new Error(`epochs is ${epochs}, it must be a whole number, at least 1`);
    if (seed !== undefined && !(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31))
      throw new Error(`the seed is ${seed}, it must be a whole number from 0 to 2^31 - 1`);
    this.loader = new DataLoader(train, { batchSize, seed, dropLast, workers, shuffle: true });
    const { batchSize: size } = this.loader;
    this.validLoader = valid && new DataLoader(valid, { batchSize: size, workers });
    this.monitor = new Monitor(
      monitor ?? { of: valid ? 'valid.loss' : 'train.loss', direction: 'lower' },
      earlyStopping,
    );
    checkMonitor(this.monitor.options.of, objective.metrics, valid !== undefined);
    const { batchesPerEpoch } = this.loader;
    const { accumulate = 1 } = options;
    this.schedule = trainer.scheduler?.start({ epochs, stepsPerEpoch: Math.ceil(batchesPerEpoch / accumulate) });
    this.stepper = new Stepper(session, objective, {
      optimizer: trainer.optimizer,
      clip: trainer.clip,
      ema: trainer.ema,
      seed: seed ?? 0,
      accumulate,
      batchesPerEpoch,
      schedule: this.schedule,
    });
    this.recorder = new Recorder({
      session,
      objective,
      trainer,
      train,
      options,
      batchSize: size,
      monitor: this.monitor,
    });
    this.sums = new Sums(objective.metrics);
    const { optimizer } = trainer;
    if (options.doctor)
      this.doctor = new Doctor({
        ...{ session, objective, optimizer, train, valid, emit },
        seed: seed ?? 0,
        signal: options.signal,
      });
  }

  async run(): Promise<FitResult> {
    const begin = performance.now();
    try {
      checkFits(this.objective, this.train);
      if (this.options.valid) checkFits(this.objective, this.options.valid);
      await this.prepare();
      const reason = await this.epochs();
      const best = this.monitor.best;
      await this.adopt();
      await this.session.readBack();
      const result: FitResult = {
        reason,
        history: this.history,
        ...(best ? { best: { ...best, monitor: this.monitor.options.of } } : {}),
        skipped: [...this.loader.skipped, ...(this.validLoader?.skipped ?? [])],
        seconds: (performance.now() - begin) / 1000,
      };
      this.emit({ type: 'end', result });
      return result;
    } finally {
      this.session.averaged = undefined;
      this.session.tuning?.leave();
      await this.loader.close();
      await this.validLoader?.close();
    }
  }

  /** The averaged weights become the network's own, for those who go on with it. */
  private async adopt(): Promise<void> {
    const { averaged } = this.stepper;
    if (averaged.size === 0) return;
    const { session } = this;
    const states = session.store.entries();
    const updates = [...averaged].map((path) => [path, stateOf(averageName(path), states.get(path)!)] as const);
    const program = await session.compile('adopt averages', { updates: Object.fromEntries(updates) });
    await program.run();
    program.dispose();
  }

  /** Values on the device, files in order, programs compiled. */
  private async prepare(): Promise<void> {
    const { session, recorder, options } = this;
    const opened = await recorder.open();
    await recorder.followChoices(opened !== undefined, (message) => this.emit({ type: 'warning', message }));
    await session.materialise(options.seed ?? 0);
    if (opened) {
      const { state, tensors, history } = opened;
      this.position = state.position;
      this.sums = new Sums(this.objective.metrics, state.sums);
      this.lr = state.lr;
      this.monitor.restore(state.monitor);
      this.schedule?.load(state.scheduler);
      this.history = history;
      this.stop = this.monitor.exhausted;
      await session.write(tensors);
    }
    await this.stepper.prepare(this.firstType, opened !== undefined && this.position.step > 0);
    session.averaged = this.stepper.averaged;
    await this.compileAll();
    if (!opened) this.lr = this.stepper.rate(this.firstType, this.position);
    this.emit({
      type: 'start',
      device: session.backend.device,
      config: recorder.config,
      parameters: this.objective.net.parameterCount(),
      trainImages: this.train.length,
      validImages: options.valid?.length ?? 0,
      batchesPerEpoch: this.loader.batchesPerEpoch,
      epochs: options.epochs,
      ...(recorder.location ? { location: recorder.location } : {}),
      ...(opened ? { resumed: { epoch: this.position.epoch, batch: this.position.batch } } : {}),
      history: [...this.history],
    });
    // From here on the run can go on after a crash.
    if (!opened) await this.save();
  }

  /** The type of a full batch. */
  private get firstType(): BatchType {
    return batchTypes(this.train, this.loader)[0];
  }

  /**
   * Compiles whatever the run will need: no step has to wait for it, and what is measured for it is on the disk before the
   * first one.
   */
  private async compileAll(): Promise<void> {
    const { session, objective, stepper, validLoader } = this;
    const { valid } = this.options;
    for (const type of batchTypes(this.train, this.loader)) await stepper.program(type);
    if (!valid || !validLoader) return;
    for (const type of batchTypes(valid, validLoader)) await evaluationProgram(session, objective, type);
  }

  private async epochs(): Promise<StopReason> {
    const { options } = this;
    while (this.position.epoch <= options.epochs && !this.stop) {
      if (!(await this.epoch())) return this.stopped('interrupted');
    }
    return this.stop && this.position.epoch <= options.epochs ? this.stopped('early-stopping') : 'done';
  }

  /** The rest of the running epoch. False if it was interrupted; then the position is saved. */
  private async epoch(): Promise<boolean> {
    const { signal } = this.options;
    const { epoch } = this.position;
    let begin = performance.now();
    this.rate = new RateMeter();
    const before = this.sums.images;
    let running: Running | undefined;
    let next = this.position;
    try {
      for await (const batch of this.loader.epoch(epoch - 1, next.batch)) {
        if (signal?.aborted) break;
        if (batch.indices.length === 0) {
          // None of its images can be read and the data set leaves such out: the epoch goes on behind it.
          if (running) await this.settle(running);
          running = undefined;
          this.position = next = await this.stepper.skip(next, this.firstType);
          continue;
        }
        if (this.doctor?.due) {
          // It judges by all steps so far, and its own time is none of theirs.
          if (running) await this.settle(running);
          running = undefined;
        }
        const looked = performance.now();
        await this.doctor?.beforeStep(batch, next);
        const looking = performance.now() - looked;
        this.rate.leaveOut(looking);
        begin += looking;
        // The next step is on its way before the result of the one before is looked at.
        const queued = await this.stepper.queue(batch, next);
        next = queued.next;
        const last = running;
        running = queued;
        if (last) await this.settle(last);
        if (this.isTimeToSave(next)) {
          await this.settle(running);
          running = undefined;
          await this.save();
        }
      }
      if (running) await this.settle(running);
    } catch (error) {
      await running?.result.catch(() => {});
      throw error;
    }
    if (this.position.batch < this.loader.batchesPerEpoch) return this.leave();
    const seconds = (performance.now() - begin) / 1000;
    const images = this.sums.images - before;
    const train = this.sums.scores();
    await this.doctor?.afterEpoch(this.position.step);
    let scores: Scores | undefined;
    try {
      scores = await this.validate();
    } catch (error) {
      if (signal?.aborted) return this.leave();
      throw error;
    }
    await this.finish({
      epoch,
      train,
      ...(scores ? { valid: scores } : {}),
      lr: this.lr,
      seconds,
      imagesPerSecond: images > 0 ? images / seconds : 0,
    });
    return true;
  }

  /** Saves a position in the middle of an epoch: all its steps may be done and its validation not. */
  private async leave(): Promise<false> {
    await this.save();
    return false;
  }

  /** Writes a finished epoch down: its line, then the best weights, then the checkpoint that counts it. */
  private async finish(record: EpochRecord): Promise<void> {
    const { best, stop } = this.monitor.update(record);
    this.schedule?.observe?.(this.monitor.valueOf(record));
    this.stop = stop;
    this.history.push(record);
    this.position = { ...this.position, epoch: record.epoch + 1, batch: 0 };
    this.sums = new Sums(this.objective.metrics);
    await this.recorder.line(record);
    if (best && this.recorder.location) {
      const weights = await this.weights();
      const about = {
        ...encodeCard(this.recorder.config),
        'fovea.epoch': `${record.epoch}`,
        [`fovea.${this.monitor.options.of}`]: `${this.monitor.best?.value}`,
      };
      this.emit({ type: 'checkpoint', file: await this.recorder.best(encodeWeights(weights, about)) });
    }
    await this.save();
    this.emit({ type: 'epoch', record, epochs: this.options.epochs, best });
    try {
      await this.options.afterEpoch?.(record);
    } catch (error) {
      this.emit({ type: 'warning', message: `after epoch ${record.epoch}: ${(error as Error).message}` });
    }
  }

  /** Scores on the validation set, of the averaged weights if there are any. */
  private async validate(): Promise<Scores | undefined> {
    const { session, objective, validLoader, options } = this;
    return validLoader && evaluate(session, objective, validLoader, this.emit, options.signal);
  }

  /** Parameters and buffers as they are to be used: averaged where there is an average. */
  private async weights(): Promise<Map<string, HostTensor>> {
    const paths = [...this.objective.net.states().keys()];
    const { averaged } = this.stepper;
    const nameOf = (path: string) => (averaged.has(path) ? averageName(path) : path);
    const found = await this.session.read(new Set(paths.map(nameOf)));
    return new Map(paths.map((path) => [path, found.get(nameOf(path))!]));
  }

  private async save(): Promise<void> {
    if (!this.recorder.location) return;
    const states = this.objective.net.states();
    const { slots, sums } = this.stepper;
    const kept = new Set([...states.keys(), ...slots, ...(this.position.pending > 0 ? sums : [])]);
    const tensors = await this.session.read(kept);
    const file = await this.recorder.last(tensors, {
      position: this.position,
      lr: this.lr,
      sums: this.sums.snapshot(),
      monitor: this.monitor.snapshot(),
      scheduler: this.schedule?.state() ?? null,
    });
    this.emit({ type: 'checkpoint', file });
  }

  private isTimeToSave({ step, batch }: Position): boolean {
    const every = this.options.saveEverySteps;
    return every !== undefined && step % every === 0 && batch < this.loader.batchesPerEpoch;
  }

  /** Takes the result of a step: the run is now after it. */
  private async settle(running: Running): Promise<void> {
    const out = await running.result;
    const images = running.batch.image.shape[0];
    const loss = out.loss!.data[0]!;
    if (out.healthy!.data[0] !== 1) throw await this.nonFinite(running, loss);
    this.sums.add(images, loss, countsOf(out));
    this.position = running.next;
    this.lr = running.lr;
    this.doctor?.afterStep(loss, running.lr);
    const { sums } = this;
    this.emit({
      type: 'step',
      epoch: running.next.epoch,
      step: running.next.step,
      batch: running.next.batch,
      batches: this.loader.batchesPerEpoch,
      loss,
      lr: running.lr,
      imagesPerSecond: this.rate.add(images),
      get scores() {
        return sums.scores();
      },
    });
  }

  private async nonFinite({ tensors, inputs, next }: Running, loss: number): Promise<NonFiniteError> {
    const culprit = await firstBadTensor(this.session, tensors, inputs);
    return new NonFiniteError(notFinite(this.place(next), loss, culprit), next.step, culprit);
  }

  private stopped(reason: Exclude<StopReason, 'done'>): StopReason {
    const { epoch, batch } = this.position;
    const message = reason === 'interrupted' ? interrupted(this.place(this.position)) : gaveUp(epoch - 1, this.monitor);
    this.emit({ type: 'stopped', reason, message, next: { epoch, batch } });
    return reason;
  }

  private place(position: Position): Place {
    return { ...position, batches: this.loader.batchesPerEpoch, location: this.recorder.location };
  }
}

import type { StepSchedule } from '../optim/apply.js';
import type { Schedule } from '../optim/scheduler.js';
import type { GraphSpec } from '../tensor/graph.js';
import type { Tensor } from '../tensor/node.js';
import { type HostTensor, hostTensor } from '../tensor/shape.js';
import type { Position } from './checkpoint.js';
import { NonFiniteError, type StepTensors } from './diagnose.js';
import { rngKey, type Session } from './session.js';
import { type BatchType, buildApplyStep, buildGatherStep, buildTrainStep, type Objective, programKey } from './step.js';
import { HEALTHY, scalar, type Update, type Updating } from './update.js';

/** What a step is made from: a loader's batch, or one of normalised images. */
export interface StepBatch {
  /** uint8 or float32 [N, C, H, W], as `BatchType` says. */
  readonly image: HostTensor & { readonly shape: readonly [number, number, number, number] };
  readonly target: HostTensor;
}

/** A step that was handed to the device and not looked at yet. */
export interface Running {
  readonly batch: StepBatch;
  /** For finding the first bad tensor. */
  readonly tensors: StepTensors;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  readonly lr: number;
  /** The position after it. */
  readonly next: Position;
  /** `loss`, `healthy` and metric counts. */
  readonly result: Promise<Record<string, HostTensor>>;
}

export interface StepperOptions extends Updating {
  readonly seed: number;
  /** Batches whose gradients make one update. */
  readonly accumulate: number;
  readonly batchesPerEpoch: number;
  readonly schedule?: Schedule | undefined;
}

/**
 * Hands training batches to the device: each is one step, or `accumulate` of them are, with the gradients added up in
 * between. A group ends with its epoch, however many batches it has by then.
 */
export class Stepper {
  /** States beside the network's own that a checkpoint keeps: optimizer slots and averages. */
  slots: ReadonlySet<string> = new Set();
  /** States that a checkpoint keeps while a group is under way: sums of gradients. */
  sums: ReadonlySet<string> = new Set();
  /** Paths of what has a moving average; empty without. */
  averaged: ReadonlySet<string> = new Set();
  private readonly plans = new Map<string, Plan>();

  constructor(
    private readonly session: Session,
    private readonly objective: Objective,
    private readonly options: StepperOptions,
  ) {
    const { accumulate, ema } = options;
    if (!(Number.isInteger(accumulate) && accumulate >= 1))
      throw new Error(`accumulate is ${accumulate}, it must be a whole number of batches, at least 1`);
    if (ema !== undefined && !(ema >= 0 && ema < 1))
      throw new Error(`ema is ${ema}, the decay of the moving average must be from 0 to below 1, for example 0.999`);
  }

  /**
   * Compiles the step for a batch type and gives the optimizer's slots, averages and sums their first values. So far all
   * steps were finite.
   * @param resumed what a checkpoint brought back stays as it is
   */
  async prepare(type: BatchType, resumed: boolean): Promise<void> {
    const plan = this.plan(type);
    const { update } = plan;
    this.averaged = update.averaged;
    this.slots = new Set(Object.keys(update.initial));
    this.sums = new Set(Object.keys(plan.gathered));
    const { store } = this.session;
    await store.set(HEALTHY, hostTensor(Uint8Array.of(1), [], 'bool'));
    const missing = ([name]: readonly [string, Tensor]) => !resumed || !store.has(name);
    const updates = Object.fromEntries(Object.entries({ ...update.initial, ...plan.gathered }).filter(missing));
    if (Object.keys(updates).length > 0) {
      const program = await this.session.compile('slots', { updates });
      await program.run();
      program.dispose();
    }
    await plan.program();
    await plan.end?.();
  }

  /** What the step of a batch computes. */
  spec(type: BatchType): GraphSpec {
    return this.plan(type).spec;
  }

  /** The program of a batch's step. */
  program(type: BatchType): Promise<Program> {
    return this.plan(type).program();
  }

  /** The learning rate at a position (of the first group of parameters). */
  rate(type: BatchType, at: Position): number {
    return this.plan(type).update.learningRates(this.rates(at))[0] ?? 0;
  }

  /** Hands a batch to the device. `at` is the position before it. */
  async queue(batch: StepBatch, at: Position): Promise<Running> {
    const { seed, accumulate } = this.options;
    const plan = this.plan(batch);
    const program = await plan.program();
    const finish = await plan.end?.();
    const images = batch.image.shape[0];
    const step = at.step + 1;
    const pending = at.pending + images;
    const ends = this.endsGroup(at.batch);
    const rates = this.rates(at);
    const update = plan.update.inputs(at.updates + 1, rates);
    const inputs = {
      image: batch.image,
      target: batch.target,
      rng: rngKey(seed, step),
      ...(accumulate === 1
        ? update
        : { 'gather.keep': scalar(at.pending === 0 ? 0 : 1), 'gather.images': scalar(images) }),
    };
    const runs = [program.run(inputs)];
    if (finish && ends) runs.push(finish.run({ ...update, 'gather.scale': scalar(1 / pending) }));
    const result = Promise.all(runs).then(join);
    // Awaited one step later; until then a failure is nobody's unhandled rejection.
    result.catch(() => {});
    return {
      batch,
      tensors: plan.tensors,
      inputs,
      lr: plan.update.learningRates(rates)[0] ?? 0,
      next: {
        epoch: at.epoch,
        batch: at.batch + 1,
        step,
        updates: at.updates + (ends ? 1 : 0),
        pending: ends ? 0 : pending,
      },
      result,
    };
  }

  /**
   * The position after a batch of which no image could be read. If it is the last of its group, the update from the
   * others is made here.
   */
  async skip(at: Position, type: BatchType): Promise<Position> {
    const next = { ...at, batch: at.batch + 1 };
    if (!this.endsGroup(at.batch) || at.pending === 0) return next;
    const plan = this.plan(type);
    const program = await plan.end!();
    const update = plan.update.inputs(at.updates + 1, this.rates(at));
    const { healthy } = await program.run({ ...update, 'gather.scale': scalar(1 / at.pending) });
    if (healthy!.data[0] !== 1)
      throw new NonFiniteError(`training stopped after step ${at.step}: a gradient is not finite`, at.step, undefined);
    return { ...next, updates: at.updates + 1, pending: 0 };
  }

  private endsGroup(batch: number): boolean {
    const { accumulate, batchesPerEpoch } = this.options;
    return (batch + 1) % accumulate === 0 || batch + 1 === batchesPerEpoch;
  }

  private rates({ epoch, updates }: Position): StepSchedule {
    const { schedule } = this.options;
    if (!schedule) return {};
    const t = schedule.unit === 'step' ? updates : epoch - 1;
    return { lr: (base) => schedule.lr(t, base), momentum: schedule.momentum?.(t) };
  }

  /** The step for a batch type, made by the first who asks. */
  private plan({ image, target }: BatchType): Plan {
    const key = programKey('train', this.objective, image, target);
    let plan = this.plans.get(key);
    if (!plan) {
      plan =
        this.options.accumulate === 1 ? this.whole(key, { image, target }) : this.gathering(key, { image, target });
      this.plans.set(key, plan);
    }
    return plan;
  }

  private whole(key: string, type: BatchType): Plan {
    const { optimizer, clip, ema } = this.options;
    const { spec, update, tensors } = buildTrainStep(this.objective, type, optimizer, { clip, ema });
    return { spec, update, tensors, gathered: {}, program: () => this.session.program(key, () => spec) };
  }

  private gathering(key: string, type: BatchType): Plan {
    const gather = buildGatherStep(this.objective, type);
    const { spec, update } = buildApplyStep(this.objective, gather.buffers, this.options);
    return {
      spec: gather.spec,
      update,
      tensors: gather.tensors,
      gathered: gather.initial,
      program: () => this.session.program(`gather ${key}`, () => gather.spec),
      // One for all batch types: it sees sums only.
      end: () => this.session.program('update from sums', () => spec),
    };
  }
}

type Program = Awaited<ReturnType<Session['program']>>;

/** A step for one batch type. */
interface Plan {
  readonly spec: GraphSpec;
  readonly update: Update;
  readonly tensors: StepTensors;
  /** First values of the sums of gradients. */
  readonly gathered: Readonly<Record<string, Tensor>>;
  readonly program: () => Promise<Program>;
  /** Makes the update of a group; absent where the program itself does. */
  readonly end?: () => Promise<Program>;
}

/** Outputs of a batch, healthy only if the update after it is. */
function join([out, end]: Record<string, HostTensor>[]): Record<string, HostTensor> {
  return end && end.healthy!.data[0] !== 1 ? { ...out!, healthy: end.healthy! } : out!;
}

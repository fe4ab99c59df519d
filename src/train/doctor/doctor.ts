import type { Dataset } from '../../data/dataset.js';
import { hasMasks } from '../../data/masks.js';
import type { Optimizer } from '../../optim/optimizer.js';
import type { Position } from '../checkpoint.js';
import type { TrainEvent } from '../events.js';
import type { Session } from '../session.js';
import type { Objective } from '../step.js';
import type { StepBatch } from '../stepper.js';
import { ClassCounts, imbalance, leakage, offByOne } from './data.js';
import type { Ailment, Finding } from './finding.js';
import { JUDGEMENTS } from './judge.js';
import { takeVitals, type Vitals } from './vitals.js';

export interface DoctorContext {
  readonly session: Session;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  readonly train: Dataset;
  readonly valid: Dataset | undefined;
  readonly seed: number;
  readonly emit: (event: TrainEvent) => void;
  readonly signal: AbortSignal | undefined;
}

/** Steps of this call before which the network is looked at; then after three times as many each time. */
const FIRST_LOOKS = [0, 20, 60];
/** Batches whose targets are counted. */
const COUNTED = 20;

/**
 * Watches a run and says what it sees: each finding once, with evidence and a remedy. It looks at the network a few times,
 * ever more seldom, through a program of its own that changes nothing; the run has the same bits with and without it.
 */
export class Doctor {
  private readonly said = new Set<Ailment>();
  private readonly looks: Vitals[] = [];
  private readonly losses: number[] = [];
  private readonly counts: ClassCounts;
  private done = 0;
  private nextLook = 0;
  private counted = 0;
  private lr: number | undefined;
  private compared = false;

  constructor(private readonly context: DoctorContext) {
    const { train } = context;
    this.counts = new ClassCounts(train.classes, hasMasks(train), train.ignoreIndex);
  }

  /** Before the next batch it will look at the network: all steps up to there have to be done. */
  get due(): boolean {
    return this.done === this.nextLook;
  }

  /** Before a batch is handed to the device; `at` is the position before it. */
  async beforeStep(batch: StepBatch, at: Position): Promise<void> {
    this.count(batch);
    const { due } = this;
    this.done++;
    if (!due) return;
    const { session, objective, seed } = this.context;
    this.nextLook = FIRST_LOOKS.find((n) => n > this.nextLook) ?? 3 * this.nextLook;
    const look = await takeVitals(session, objective, batch, seed, at.step);
    // The first one says how it began; of the others the last ones matter.
    if (this.looks.length > 3) this.looks.splice(1, 1);
    this.looks.push(look);
    this.judge(at.step);
  }

  afterStep(loss: number, lr: number): void {
    this.losses.push(loss);
    this.lr = lr;
  }

  /** After the training part of an epoch: compares the images of both sets, once. */
  async afterEpoch(step: number): Promise<void> {
    const { train, valid, signal } = this.context;
    if (this.compared || !valid || valid.length === 0) return;
    this.compared = true;
    this.say(await leakage(train, valid, { signal }), step);
  }

  private judge(step: number): void {
    const { optimizer } = this.context;
    const { looks, losses, lr } = this;
    const history = {
      looks,
      losses,
      lr: lr ?? optimizer.groups[0]?.lr ?? 0,
      optimizer: optimizer.spec ?? { name: optimizer.name },
      foreground: this.counts.foreground,
    };
    for (const judgement of JUDGEMENTS) this.say(judgement(history), step);
  }

  /** Labels are counted whole where they are known, masks and others in the first batches. */
  private count({ target }: StepBatch): void {
    if (this.counted > COUNTED) return;
    const { objective, train } = this.context;
    const labels = this.counted === 0 ? train.labels?.() : undefined;
    this.counts.add(labels ?? target.data);
    this.counted = labels ? COUNTED : this.counted + 1;
    if (this.counted === 1 || this.counted === COUNTED) this.say(offByOne(this.counts), 0);
    if (this.counted === COUNTED) {
      this.say(imbalance(this.counts, objective.loss.spec), 0);
      this.counted++;
    }
  }

  private say(finding: Omit<Finding, 'step'> | undefined, step: number): void {
    if (!finding || this.said.has(finding.ailment)) return;
    this.said.add(finding.ailment);
    this.context.emit({ type: 'finding', finding: { ...finding, step } });
  }
}

import { formatCount, formatDuration, formatMetric, formatNumber, metricTitle } from '../report/format.js';
import { describeFinding, type Finding } from '../train/doctor/finding.js';
import type { EpochEvent, Scores, StartEvent, StepEvent, TrainEvent } from '../train/events.js';
import { style, type Terminal } from './terminal.js';

export interface ProgressOptions {
  /** Also a line each time this many steps are done. */
  readonly logEvery?: number;
  /** Training images a second that were predicted. */
  readonly predicted?: number;
}

/**
 * Shows a stream of training events: on a terminal a bar with images per second and the time left, and everywhere a
 * line for each epoch.
 */
export class TrainProgress {
  /** What the doctor saw. */
  readonly findings: Finding[] = [];
  private bar: Bar | undefined;
  private start: StartEvent | undefined;
  private epoch = 0;
  /** Seconds of a validation pass, the last one measured. */
  private validation = 0;
  private validationBegan = 0;

  constructor(
    private readonly terminal: Terminal,
    private readonly options: ProgressOptions = {},
  ) {}

  /** Loads what a bar needs. */
  async prepare(): Promise<this> {
    if (this.terminal.live) this.bar = await Bar.create(this.terminal);
    return this;
  }

  readonly listen = (event: TrainEvent): void => {
    switch (event.type) {
      case 'start':
        this.begin(event);
        break;
      case 'step':
        this.step(event);
        break;
      case 'evaluate':
        if (event.batch === 1) this.validationBegan = performance.now();
        if (event.batch === event.batches) this.validation = (performance.now() - this.validationBegan) / 1000;
        this.bar?.update(event.batch, event.batches, `${this.heading()}  validating`);
        break;
      case 'epoch':
        this.finished(event);
        break;
      case 'warning':
        this.terminal.warn(event.message);
        break;
      case 'finding':
        this.findings.push(event.finding);
        this.terminal.warn(describeFinding(event.finding));
        break;
      case 'stopped':
        this.end();
        if (event.reason === 'early-stopping') this.terminal.note(event.message);
        break;
      case 'end':
        this.end();
    }
  };

  end(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  private begin(event: StartEvent): void {
    this.start = event;
    this.epoch = (event.resumed?.epoch ?? 1) - 1;
    const images = `${formatCount(event.trainImages)} images to train on, ${formatCount(event.validImages)} to validate`;
    this.terminal.note(`${formatCount(event.parameters)} parameters; ${images}`);
    if (event.resumed)
      this.terminal.note(
        `going on at epoch ${event.resumed.epoch}, batch ${event.resumed.batch + 1} of ${event.batchesPerEpoch}`,
      );
  }

  private step(event: StepEvent): void {
    this.epoch = event.epoch;
    const { logEvery } = this.options;
    if (logEvery && event.step % logEvery === 0)
      this.terminal.note(
        `step ${event.step}  epoch ${event.epoch}, batch ${event.batch}/${event.batches}  loss ${formatNumber(event.loss)}  lr ${formatNumber(event.lr)}  ${formatCount(event.imagesPerSecond)} images/s`,
      );
    if (!this.bar?.due(event.batch === event.batches)) return;
    const left = this.secondsLeft(event);
    const accuracy = event.scores.accuracy;
    this.bar.update(
      event.batch,
      event.batches,
      [
        this.heading(),
        `${formatCount(event.imagesPerSecond)} images/s${this.share(event.imagesPerSecond)}`,
        `loss ${formatNumber(event.scores.loss)}`,
        typeof accuracy === 'number' ? `accuracy ${formatMetric('accuracy', accuracy)}` : '',
        left === undefined ? '' : `${formatDuration(left)} left`,
      ]
        .filter(Boolean)
        .join('  '),
    );
  }

  private heading(): string {
    return `epoch ${this.epoch}/${this.start?.epochs ?? '?'}`;
  }

  /** Of the whole run, at the present speed. */
  private secondsLeft(event: StepEvent): number | undefined {
    if (!this.start || !(event.imagesPerSecond > 0)) return undefined;
    const epochs = this.start.epochs - event.epoch;
    const images = (epochs + 1 - event.batch / event.batches) * this.start.trainImages;
    return images / event.imagesPerSecond + (epochs + 1) * this.validation;
  }

  private finished(event: EpochEvent): void {
    this.terminal.note(epochLine(event, this.share(event.record.imagesPerSecond)));
  }

  /** Of the predicted speed. */
  private share(imagesPerSecond: number): string {
    const { predicted } = this.options;
    return predicted ? ` (${Math.round((100 * imagesPerSecond) / predicted)} % of predicted)` : '';
  }
}

/** `epoch  3/10  train loss 0.0712 accuracy 97.90 %  valid loss ...  20,123 images/s (98 % of predicted)  2.7 s  best` */
export function epochLine({ record, epochs, best }: EpochEvent, share = ''): string {
  const number = `${String(record.epoch).padStart(String(epochs).length)}/${epochs}`;
  const parts = [`epoch ${number}`, scores('train', record.train)];
  if (record.valid) parts.push(scores('valid', record.valid));
  parts.push(`${formatCount(record.imagesPerSecond)} images/s${share}`, formatDuration(record.seconds));
  if (best) parts.push(style('green', 'best'));
  return parts.join('  ');
}

const scores = (name: string, values: Scores) =>
  `${name} ${Object.entries(values)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
    .map(([metric, value]) => `${metricTitle(metric).toLowerCase()} ${formatMetric(metric, value)}`)
    .join(' ')}`;

/** A bar for one pass over a data set outside of training. */
export async function evaluationBar(
  terminal: Terminal,
  what: string,
): Promise<{ listen(event: TrainEvent): void; end(): void }> {
  const bar = terminal.live ? await Bar.create(terminal) : undefined;
  return {
    listen: (event) => {
      if (event.type === 'evaluate') bar?.update(event.batch, event.batches, what);
      else if (event.type === 'warning') terminal.warn(event.message);
    },
    end: () => bar?.stop(),
  };
}

/** A line on standard error that draws over itself. */
class Bar {
  private shown = false;
  private last = 0;
  private state: { value: number; total: number; text: string } | undefined;

  static async create(terminal: Terminal): Promise<Bar> {
    const { default: progress } = await import('cli-progress');
    const bar = new progress.SingleBar({
      format: '{bar} {percentage} %  {text}',
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
      fps: 12,
      // Signals are ours: the first Ctrl-C saves.
      gracefulExit: false,
      emptyOnZero: true,
    });
    return new Bar(bar, terminal);
  }

  private constructor(
    private readonly bar: import('cli-progress').SingleBar,
    private readonly terminal: Terminal,
  ) {
    terminal.bar = this;
  }

  /** Whether it is time to draw: building the text on every step would cost more than small steps do. */
  due(always = false): boolean {
    const now = performance.now();
    if (!always && now - this.last < 80) return false;
    this.last = now;
    return true;
  }

  update(value: number, total: number, text: string): void {
    this.state = { value, total, text };
    this.show();
  }

  show(): void {
    if (!this.state) return;
    const { value, total, text } = this.state;
    if (!this.shown) this.bar.start(total, value, { text });
    else {
      this.bar.setTotal(total);
      this.bar.update(value, { text });
    }
    this.shown = true;
  }

  hide(): void {
    if (this.shown) this.bar.stop();
    this.shown = false;
  }

  stop(): void {
    this.hide();
    this.state = undefined;
    if (this.terminal.bar === this) this.terminal.bar = undefined;
  }
}

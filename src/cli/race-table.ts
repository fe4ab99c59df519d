import { formatCount, formatDuration, formatMetric, formatNumber } from '../report/format.js';
import type { RaceFile } from './race-file.js';
import type { RaceRun } from './race-runs.js';
import { type Terminal, table } from './terminal.js';

/** The state of a race as a table that draws over itself on a terminal. */
export class RaceTable {
  private lines = 0;
  private last = 0;

  constructor(
    private readonly race: RaceFile,
    private readonly runs: readonly RaceRun[],
    private readonly terminal: Terminal,
  ) {
    if (terminal.live) terminal.bar = this;
  }

  /** Draws, at most twice a second. */
  update(active: RaceRun): void {
    const now = performance.now();
    if (!this.terminal.live || now - this.last < 500) return;
    this.last = now;
    this.hide();
    this.draw(active);
  }

  hide(): void {
    if (this.lines > 0) process.stderr.write(`\u001b[${this.lines}A\u001b[J`);
    this.lines = 0;
  }

  show(): void {
    // The next update draws it.
    this.last = 0;
  }

  end(): void {
    this.hide();
    if (this.terminal.bar === this) this.terminal.bar = undefined;
  }

  private draw(active: RaceRun): void {
    const width = process.stderr.columns ?? 100;
    const head = ['', 'contestant', 'seed', 'done', 'time', 'epochs', 'images/s', 'validation'];
    const rows = this.runs.map((r) => [
      r === active ? '>' : '',
      r.contestant.name,
      String(r.seed),
      `${Math.round(100 * r.share)} %`,
      formatDuration(r.seconds),
      String(r.history.length),
      r.speed > 0 ? formatCount(r.speed) : '',
      r.result?.failed === undefined ? latest(r) : 'diverged',
    ]);
    const lines = table([head, ...rows], { right: [2, 3, 4, 5, 6] })
      .split('\n')
      .map((l) => l.slice(0, width - 1));
    process.stderr.write(`${lines.join('\n')}\n`);
    this.lines = lines.length;
  }

  /** A line for those who have no terminal. */
  note(run: RaceRun): void {
    const { budget, epochs } = this.race;
    const of = budget === undefined ? `epoch ${run.history.length} of ${epochs}` : `of ${formatDuration(budget)}`;
    const state = run.result ? (run.result.failed === undefined ? ', done' : ', diverged') : '';
    this.terminal.note(
      `${run.contestant.name} seed ${run.seed}: ${formatDuration(run.seconds)} ${of}, ${latest(run) || 'no epoch yet'}${state}`,
    );
  }
}

/** The last validation (or training) score by name. */
function latest({ history }: RaceRun): string {
  const record = history.at(-1);
  if (!record) return '';
  const scores = record.valid ?? record.train;
  const name = ['accuracy', 'iou'].find((n) => typeof scores[n] === 'number');
  return name === undefined
    ? `loss ${formatNumber(scores.loss)}`
    : `${name} ${formatMetric(name, scores[name] as number)}`;
}

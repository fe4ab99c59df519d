import { styleText } from 'node:util';
import { sentenceOf } from './errors.js';

type Style = Parameters<typeof styleText>[0];

/**
 * Where a command writes. For a person: results and progress lines on standard output, warnings on standard error.
 * With `json` standard output gets exactly one object and everything else goes to standard error. With `quiet` only the
 * device, the result and warnings are said.
 */
export class Terminal {
  /** A live bar makes room before a line is written and draws itself again afterwards. */
  bar: { hide(): void; show(): void } | undefined;
  private answered = false;

  constructor(
    readonly json = false,
    readonly quiet = false,
  ) {}

  /** Whether a progress bar can be drawn: it lives on standard error. */
  get live(): boolean {
    return process.stderr.isTTY === true && !this.quiet && process.env.TERM !== 'dumb';
  }

  /** A line that a person may want to keep: the device, an epoch, a table. */
  say(line: string): void {
    this.write(this.json ? process.stderr : process.stdout, line);
  }

  /** As `say`, but not when quiet. */
  note(line: string): void {
    if (!this.quiet) this.say(line);
  }

  /** The same terminal without notes: for work that has said them before. */
  withoutNotes(): Terminal {
    return Object.create(this, { note: { value: () => {} } }) as Terminal;
  }

  /** Something that does not stop the command. */
  warn(sentence: string): void {
    this.write(process.stderr, `${style('yellow', 'warning:', process.stderr)} ${sentence}`);
  }

  /** The outcome: the object with `--json`, the text otherwise. */
  answer(object: unknown, text: string): void {
    if (this.json) {
      this.answered = true;
      this.write(process.stdout, JSON.stringify(object, numbers, 2));
    } else if (text) this.write(process.stdout, text);
  }

  /** The one sentence of a failure; with `json` also the object that a reader of standard output waits for. */
  fail(error: unknown): void {
    this.bar?.hide();
    this.bar = undefined;
    const sentence = sentenceOf(error);
    if (this.json && !this.answered) this.answer({ error: sentence }, '');
    this.write(process.stderr, `${style('red', 'error:', process.stderr)} ${sentence}`);
    if (process.env.FOVEA_DEBUG === '1' && error instanceof Error) this.write(process.stderr, error.stack ?? '');
  }

  private write(stream: NodeJS.WriteStream, text: string): void {
    this.bar?.hide();
    stream.write(`${text}\n`);
    this.bar?.show();
  }
}

/** JSON has no NaN and no infinity: they become null, as `JSON.stringify` has it; -0 becomes 0. */
const numbers = (_key: string, value: unknown) => (value === 0 ? 0 : value);

/** Colour and weight where the stream shows them and nobody asked for none (NO_COLOR). */
export function style(format: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  const off = process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== '';
  return stream.isTTY && !off && process.env.TERM !== 'dumb' ? styleText(format, text) : text;
}

/** Rows in columns; numbers are aligned to the right. The first row may be a heading. */
export function table(
  rows: readonly (readonly string[])[],
  options: { right?: readonly number[]; indent?: string } = {},
) {
  const { right = [], indent = '' } = options;
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map((row) => {
      const cells = row.map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
      return `${indent}${cells.join('  ')}`.trimEnd();
    })
    .join('\n');
}

/** Names and values, one a line: the summary at the end of a command. */
export const facts = (rows: readonly (readonly [name: string, value: string])[]): string => {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${style('dim', name.padEnd(width))}  ${value}`).join('\n');
};

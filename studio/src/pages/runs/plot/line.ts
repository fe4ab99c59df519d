import type { Numbers } from './thin.js';

/** One line of a chart. */
export interface Line {
  readonly key: string;
  readonly name: string;
  /** Variable of the theme: `--train`. */
  readonly colour: string;
  /** Rising. */
  readonly x: Numbers;
  readonly y: Numbers;
  /** Behind the others and without an entry in the legend: single values that another line is the mean of. */
  readonly faint?: boolean;
  readonly dashed?: boolean;
  /** Each point is a measurement of its own, as at the end of an epoch. */
  readonly dots?: boolean;
}

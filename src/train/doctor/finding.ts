/** What the doctor looks for. */
export type Ailment =
  | 'dead-relu'
  | 'exploding-gradients'
  | 'vanishing-gradients'
  | 'learning-rate-too-high'
  | 'learning-rate-too-low'
  | 'labels-off-by-one'
  | 'empty-mask'
  | 'leakage'
  | 'class-imbalance';

/** Something the doctor sees in a run: what, on which evidence, and what to do. */
export interface Finding {
  readonly ailment: Ailment;
  /** Steps that were done when it was seen; 0: it is in the data. */
  readonly step: number;
  /** One sentence. */
  readonly what: string;
  /** Numbers, in one sentence. */
  readonly evidence: string;
  /** What to do, in one sentence. */
  readonly remedy: string;
}

/** "what: evidence; remedy" */
export const describeFinding = ({ what, evidence, remedy }: Finding): string => `${what}: ${evidence}; ${remedy}`;

/** A fraction as percent, fine enough to tell little from nothing. */
export const percent = (fraction: number): string =>
  `${(100 * fraction).toFixed(fraction > 0 && fraction < 0.01 ? 2 : 0)} %`;

/** Three significant digits. */
export const short = (value: number): string =>
  Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4
    ? String(Number(value.toPrecision(3)))
    : value.toExponential(1).replace('e+', 'e');

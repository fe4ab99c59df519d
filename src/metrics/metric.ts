import type { Tensor } from '../tensor/node.js';
import { formatShape, type HostTensor, type Shape, ShapeError } from '../tensor/shape.js';
import type { Json, Spec } from '../util/registry.js';

/** A number, or numbers by class or by name. */
export type MetricValue = number | readonly MetricValue[] | { readonly [name: string]: MetricValue };

/** Sums over batches, in double. */
export interface Total {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/**
 * A measure of a network's outputs over a data set. The device computes small counts of each batch, which add up
 * exactly; the host makes the value of them.
 */
export interface Metric {
  /** Key in results and in `metrics.jsonl`, for example "accuracy". */
  readonly name: string;
  /** Name and options, for `config.json`. */
  readonly spec: Spec;
  /** What the number is: a fraction from 0 to 1, or a table of counts. */
  readonly unit: 'fraction' | 'counts';
  /** Which way is better; undefined where there is no order. */
  readonly direction: 'higher' | 'lower' | undefined;
  /** Counts of a batch, by name. Counts that several metrics share are computed once. */
  counts(output: Tensor, target: Tensor): Readonly<Record<string, Tensor>>;
  /** The value from the sums of the counts over all batches. NaN where nothing was counted. */
  compute(totals: Readonly<Record<string, Total>>): MetricValue;
}

/**
 * Adds up the counts of one metric over batches.
 *
 * ```ts
 * const sums = new Accumulator(metric);
 * for (const outputs of batches) sums.add(outputs);
 * sums.value();
 * ```
 */
export class Accumulator {
  private totals: Record<string, Total> = {};

  constructor(readonly metric: Metric) {}

  /** Adds the values of one batch's `counts`, by the same names. */
  add(counts: Readonly<Record<string, HostTensor>>): void {
    for (const [name, { shape, data }] of Object.entries(counts)) {
      const total = (this.totals[name] ??= { shape, data: new Float64Array(data.length) });
      if (total.data.length !== data.length)
        throw new ShapeError(
          `${this.metric.name}: counts of shape ${formatShape(shape)} do not add to ${formatShape(total.shape)}`,
        );
      for (let i = 0; i < data.length; i++) total.data[i]! += data[i]!;
    }
  }

  value(): MetricValue {
    return this.metric.compute(this.totals);
  }

  reset(): void {
    this.totals = {};
  }

  /** Exact sums as JSON, for a checkpoint in the middle of an epoch. */
  state(): Json {
    return Object.fromEntries(
      Object.entries(this.totals).map(([name, t]) => [name, { shape: [...t.shape], data: [...t.data] }]),
    );
  }

  load(state: Json): void {
    const totals: Record<string, Total> = {};
    for (const [name, saved] of Object.entries(state ?? {})) {
      const { shape, data } = saved as { shape?: unknown; data?: unknown };
      if (!isNumbers(shape) || !isNumbers(data))
        throw new TypeError(`${this.metric.name}: the saved sums "${name}" are not numbers`);
      totals[name] = { shape, data: Float64Array.from(data) };
    }
    this.totals = totals;
  }
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((v) => typeof v === 'number');

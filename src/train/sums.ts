import { Accumulator, type Metric } from '../metrics/metric.js';
import type { HostTensor } from '../tensor/shape.js';
import type { Json } from '../util/registry.js';
import type { MetricValue, Scores } from './events.js';

/** What a checkpoint keeps of an epoch that is under way. */
export interface SumsState {
  readonly images: number;
  /** Sum over images of their batch's mean loss. */
  readonly loss: number;
  /** Counts of each metric that has any. */
  readonly metrics: { readonly [name: string]: Json };
}

/** Adds up what steps bring back, in double precision and in order: exact for counts, the same bits for the same run. */
export class Sums {
  images = 0;
  private loss = 0;
  private readonly metrics: ReadonlyMap<string, Accumulator>;

  constructor(metrics: readonly Metric[], state?: SumsState) {
    this.metrics = new Map(metrics.map((m) => [m.name, new Accumulator(m)]));
    if (!state) return;
    this.images = state.images;
    this.loss = state.loss;
    for (const [name, metric] of this.metrics) metric.load(state.metrics[name] ?? {});
  }

  /** Takes a batch of `images` images: its mean loss, and counts by the name of their metric. */
  add(images: number, loss: number, counts: ReadonlyMap<string, Readonly<Record<string, HostTensor>>>): void {
    this.images += images;
    this.loss += loss * images;
    for (const [name, values] of counts) this.metrics.get(name)!.add(values);
  }

  /** Mean loss over all images so far (NaN before the first) and each metric's value. */
  scores(): Scores {
    const scores: Record<string, MetricValue> & { loss: number } = { loss: this.loss / this.images };
    for (const [name, metric] of this.metrics) scores[name] = metric.value();
    return scores;
  }

  snapshot(): SumsState {
    const metrics = [...this.metrics].map(([name, metric]) => [name, metric.state()]);
    return { images: this.images, loss: this.loss, metrics: Object.fromEntries(metrics) };
  }
}

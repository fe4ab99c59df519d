import type { HostTensor } from '../tensor/shape.js';

/** What a checkpoint keeps of an epoch that is under way. */
export interface SumsState {
  readonly images: number;
  /** Sum over images of their batch's mean loss. */
  readonly loss: number;
  /** Counts of each metric, flat. */
  readonly counts: Readonly<Record<string, readonly number[]>>;
}

/** Adds up what steps bring back, in double precision and in order: exact for counts, the same bits for the same run. */
export class Sums {
  images = 0;
  private lossSum = 0;
  private readonly counts = new Map<string, number[]>();

  constructor(state?: SumsState) {
    if (!state) return;
    this.images = state.images;
    this.lossSum = state.loss;
    for (const [name, values] of Object.entries(state.counts)) this.counts.set(name, [...values]);
  }

  add(images: number, loss: number, counts: Readonly<Record<string, HostTensor>>): void {
    this.images += images;
    this.lossSum += loss * images;
    for (const [name, { data }] of Object.entries(counts)) {
      let sum = this.counts.get(name);
      if (!sum) this.counts.set(name, (sum = new Array<number>(data.length).fill(0)));
      for (let i = 0; i < data.length; i++) sum[i]! += data[i]!;
    }
  }

  /** Mean over all images so far; NaN before the first. */
  get loss(): number {
    return this.lossSum / this.images;
  }

  of(name: string): readonly number[] {
    return this.counts.get(name) ?? [];
  }

  snapshot(): SumsState {
    return {
      images: this.images,
      loss: this.lossSum,
      counts: Object.fromEntries([...this.counts].map(([name, values]) => [name, [...values]])),
    };
  }
}

import { isMainThread } from 'node:worker_threads';
import { type DataDescription, type Dataset, registerKind, type Sample } from '../../src/data/index.js';

/** A data set of a kind of its own: image i holds length - i. It can end the worker that reads it. */
export class Countdown implements Dataset {
  readonly name = 'countdown';
  readonly inputShape = [1, 1, 1] as const;
  readonly classes = ['x'];
  readonly normalize = { mean: [0], std: [1] };
  readonly resident = false;

  constructor(
    readonly length: number,
    private readonly deadly = false,
  ) {}

  get(index: number): Sample {
    if (this.deadly && !isMainThread) process.exit(7);
    return { image: Uint8Array.of(this.length - index), target: 0 };
  }

  describe(): DataDescription {
    return { kind: 'countdown', length: this.length, deadly: this.deadly };
  }
}

registerKind('countdown', ({ length, deadly }) => new Countdown(length as number, deadly as boolean), import.meta.url);

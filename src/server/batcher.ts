import { type HostTensor, hostTensor } from '../tensor/shape.js';

/** [C, H, W] */
type ImageShape = readonly [number, number, number];

/** One image that waits for the engine. */
interface Job {
  readonly image: Uint8Array;
  readonly shape: ImageShape;
  readonly key: string;
  readonly signal: AbortSignal | undefined;
  resolve(output: HostTensor): void;
  reject(reason: unknown): void;
}

export interface BatcherOptions {
  /** Runs images [N, C, H, W]; its output's first axis is theirs. */
  readonly run: (images: HostTensor) => Promise<HostTensor>;
  /** How many images may run together, ascending from 1; see {@link batchSizes}. */
  readonly sizes: readonly number[];
  /** Told of each run that has ended, and how long the engine took for it. */
  readonly onBatch?: (images: number, seconds: number) => void;
}

/**
 * Batch sizes up to `most`: the powers of four, and `most` itself. Each takes a program with its own copy of the weights
 * where the engine transforms those, so that few are kept: four images together are nearly as fast as many.
 */
export function batchSizes(most: number): number[] {
  const sizes: number[] = [];
  for (let n = 1; n < most; n *= 4) sizes.push(n);
  return [...sizes, most];
}

/** How often a shape has to come before batches of `n` are worth a program of their own: this times `n`. */
const WORTH = 4;
/** Shapes whose use is remembered. */
const REMEMBERED = 1000;

/**
 * Collects images while the engine is busy and runs those of the same shape together as soon as it is free: nothing
 * waits for company. There are few sizes of batches (of 7 that wait, 4 run, then the rest with whoever has come), so that few
 * programs are needed, and none computes images that nobody sent.
 */
export class Batcher {
  private readonly jobs: Job[] = [];
  private readonly uses = new Map<string, number>();
  private running = 0;
  /** When the run that is the engine's turn began, as `performance.now()` says. */
  private since = 0;
  private busyBefore = 0;
  private idle: (() => void) | undefined;

  private readonly most: number;

  constructor(private readonly options: BatcherOptions) {
    this.most = options.sizes.at(-1)!;
  }

  /** Images that wait. */
  get waiting(): number {
    return this.jobs.length;
  }

  /** Seconds in which something ran, since the start. */
  get busySeconds(): number {
    return this.busyBefore + (this.running > 0 ? (performance.now() - this.since) / 1000 : 0);
  }

  /** Batches of the given shape may be full at once: its programs exist. */
  expect(shape: ImageShape): void {
    this.uses.set(String(shape), WORTH * this.most);
  }

  /**
   * The output for one image [C, H, W], with a first axis of 1.
   * @param signal aborting it takes the image out of the queue
   */
  submit(image: Uint8Array, shape: ImageShape, signal?: AbortSignal): Promise<HostTensor> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const key = String(shape);
    const used = this.uses.get(key) ?? 0;
    // The order of the map is that of use.
    this.uses.delete(key);
    this.uses.set(key, used + 1);
    if (this.uses.size > REMEMBERED) this.uses.delete(this.uses.keys().next().value!);
    return new Promise((resolve, reject) => {
      const leave = () => {
        const at = this.jobs.indexOf(job);
        if (at >= 0) this.jobs.splice(at, 1);
        reject(signal!.reason);
      };
      const settled = () => signal?.removeEventListener('abort', leave);
      const job: Job = {
        image,
        shape,
        key,
        signal,
        resolve: (output) => {
          settled();
          resolve(output);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.jobs.push(job);
      // What arrives in the same turn of the event loop goes together.
      queueMicrotask(() => this.start());
    });
  }

  /** Resolves when nothing runs and nothing waits. */
  async drained(): Promise<void> {
    while (this.running > 0 || this.jobs.length > 0)
      await new Promise<void>((resolve) => {
        this.idle = resolve;
      });
  }

  private start(): void {
    while (this.jobs.length > 0) {
      const size = this.sizeNow();
      // One more may stand ready behind the one that runs, but only if it would not grow by waiting.
      if (this.running > (size === this.most ? 1 : 0)) return;
      const key = this.jobs[0]!.key;
      const batch: Job[] = [];
      for (let i = 0; batch.length < size; )
        if (this.jobs[i]!.key === key) batch.push(...this.jobs.splice(i, 1));
        else i++;
      void this.execute(batch);
    }
  }

  /** Images that would run together now, those of the oldest's shape. */
  private sizeNow(): number {
    const { key } = this.jobs[0]!;
    const worth = Math.max(1, Math.floor((this.uses.get(key) ?? 0) / WORTH));
    const same = this.jobs.reduce((n, job) => n + (job.key === key ? 1 : 0), 0);
    return this.options.sizes.findLast((n) => n <= Math.min(same, worth))!;
  }

  private async execute(batch: readonly Job[]): Promise<void> {
    if (this.running++ === 0) this.since = performance.now();
    try {
      const [c, h, w] = batch[0]!.shape;
      const area = c * h * w;
      const pixels = new Uint8Array(batch.length * area);
      for (const [i, { image }] of batch.entries()) pixels.set(image, i * area);
      const output = await this.options.run(hostTensor(pixels, [batch.length, c, h, w]));
      const shape = [1, ...output.shape.slice(1)];
      const part = output.data.length / batch.length;
      for (const [i, job] of batch.entries())
        job.resolve({ dtype: output.dtype, shape, data: output.data.slice(i * part, (i + 1) * part) });
    } catch (error) {
      for (const job of batch) job.reject(error);
    } finally {
      // One that stood ready behind another has run since that one's end.
      const now = performance.now();
      const seconds = (now - this.since) / 1000;
      this.since = now;
      this.busyBefore += seconds;
      this.running--;
      this.options.onBatch?.(batch.length, seconds);
      this.start();
      if (this.running === 0 && this.jobs.length === 0) this.idle?.();
    }
  }
}

import { checkNumber } from '../util/check.js';
import {
  type Batch,
  type Dataset,
  modulesOf,
  newTargets,
  type PortableDataset,
  pixels,
  portableForm,
  type SampleKey,
  targetSize,
  UnreadableError,
} from './dataset.js';
import { checkSeed, Purpose, permutation } from './rng.js';

/** How a {@link DataLoader} goes through a data set. */
export interface DataLoaderOptions {
  /** Images in a batch. Default 32. */
  readonly batchSize?: number;
  /** Another order in each epoch, a pure function of (seed, epoch). Default false. */
  readonly shuffle?: boolean;
  /** Seeds shuffling and augmentation. Default 0. */
  readonly seed?: number;
  /** Leaves out a last batch that is smaller than the others. Default false. */
  readonly dropLast?: boolean;
  /** Draw random augmentation. Default: `shuffle` (an evaluation sees the images as they are). */
  readonly augment?: boolean;
  /** Worker threads; 0 works in this thread. 'auto': none for what lies in memory, else all cores but one, 4 at most. */
  readonly workers?: number | 'auto';
  /** Batches prepared ahead. Default: two for each worker, at least 2. */
  readonly prefetch?: number;
}

/** Assembles batches somewhere else. Node's side is a pool of worker threads. */
export interface BatchWorkers {
  readonly count: number;
  assemble(indices: Int32Array, key: SampleKey | undefined): Promise<Batch>;
  close(): Promise<void>;
}

/** What worker threads are started with: the data set and the modules that can open it. */
export interface WorkersRequest {
  readonly portable: PortableDataset;
  readonly modules: readonly string[];
}

type WorkersFactory = (request: WorkersRequest, count: number | 'auto') => BatchWorkers;
let createWorkers: WorkersFactory | undefined;

/** Node's entry says here how worker threads are started; without it all work is done in the calling thread. */
export function setBatchWorkers(create: WorkersFactory): void {
  createWorkers = create;
}

/**
 * Puts the samples `indices` side by side. Where the data set says `skipUnreadable`, samples that cannot be read are left
 * out and named in `skipped`. Rejects with the data set's error, which names the file.
 */
export async function assembleBatch(dataset: Dataset, indices: Int32Array, key?: SampleKey): Promise<Batch> {
  const n = indices.length;
  const size = pixels(dataset.inputShape);
  const perTarget = targetSize(dataset);
  const images = new Uint8Array(n * size);
  const targets = newTargets(dataset, n);
  const reasons = new Map<number, string>();
  if (dataset.resident && dataset.gather) {
    dataset.gather(indices, images, targets);
  } else {
    // Decoders run beside each other in the thread pool of the platform; results have their fixed places.
    await Promise.all(
      Array.from(indices, async (index, i) => {
        try {
          const { image, target } = await dataset.get(index, key);
          images.set(image, i * size);
          if (typeof target === 'number') targets[i] = target;
          else targets.set(target, i * perTarget);
        } catch (error) {
          if (!dataset.skipUnreadable || !(error instanceof UnreadableError)) throw error;
          reasons.set(i, error.message);
        }
      }),
    );
  }
  const kept = closeGaps(n, reasons, [
    [images, size],
    [targets, perTarget],
  ]);
  return {
    image: {
      data: images.subarray(0, kept.length * size),
      shape: [kept.length, ...dataset.inputShape],
      dtype: 'uint8',
    },
    target: {
      data: targets.subarray(0, kept.length * perTarget),
      shape: [kept.length, ...(dataset.targetShape ?? [])],
      dtype: dataset.targetDtype ?? 'int32',
    },
    indices: indices.filter((_, i) => !reasons.has(i)),
    ...(reasons.size > 0
      ? { skipped: [...reasons].sort(([a], [b]) => a - b).map(([i, reason]) => ({ index: indices[i]!, reason })) }
      : {}),
  };
}

/** Moves what was read to the front and says which places it had. */
function closeGaps(
  n: number,
  missing: ReadonlyMap<number, string>,
  arrays: readonly (readonly [Uint8Array | Int32Array, number])[],
): number[] {
  const kept = Array.from({ length: n }, (_, i) => i).filter((i) => !missing.has(i));
  if (missing.size > 0)
    for (const [array, size] of arrays)
      for (const [to, from] of kept.entries()) array.copyWithin(to * size, from * size, (from + 1) * size);
  return kept;
}

/**
 * Batches of a data set, epoch by epoch. Order and augmentation depend on (seed, epoch, index) alone, so that an epoch
 * can be entered at any batch and the number of workers changes nothing.
 *
 *     const loader = new DataLoader(train, { batchSize: 64, shuffle: true, seed: 1 });
 *     for await (const { image, target } of loader.epoch(0)) await step(image, target);
 *     await loader.close();
 */
export class DataLoader {
  readonly batchSize: number;
  readonly batchesPerEpoch: number;
  private readonly seed: number;
  private readonly shuffle: boolean;
  private readonly augment: boolean;
  private readonly workers: BatchWorkers | undefined;
  private readonly prefetch: number;
  private readonly unreadable = new Map<number, string>();
  private closed = false;

  /** Throws a RangeError for a batch size, worker count or prefetch that makes no sense, an Error for an empty data set. */
  constructor(
    readonly dataset: Dataset,
    options: DataLoaderOptions = {},
  ) {
    const {
      batchSize = 32,
      shuffle = false,
      seed = 0,
      dropLast = false,
      augment = shuffle,
      workers = 'auto',
    } = options;
    this.batchSize = checkNumber('the batch size', batchSize, { integer: true, min: 1 });
    if (dataset.length === 0) throw new Error(`${dataset.name} holds no images`);
    if (dropLast && dataset.length < batchSize)
      throw new RangeError(
        `${dataset.name} has ${dataset.length} images, fewer than one batch of ${batchSize}: nothing is left when the ` +
          'last partial batch is dropped; take a smaller batch or keep it',
      );
    this.batchesPerEpoch = dropLast ? Math.floor(dataset.length / batchSize) : Math.ceil(dataset.length / batchSize);
    this.seed = checkSeed(seed);
    this.shuffle = shuffle;
    this.augment = augment;
    if (workers !== 'auto') checkNumber('the number of workers', workers, { integer: true, min: 0, max: 64 });
    const wanted = workers === 'auto' && dataset.resident ? 0 : workers;
    if (wanted !== 0 && createWorkers) {
      const portable = portableForm(dataset);
      const modules = modulesOf(portable);
      if (Array.isArray(modules)) this.workers = createWorkers({ portable, modules }, wanted);
      else if (wanted !== 'auto')
        throw new Error(
          `${dataset.name} cannot be opened in worker threads: the kind "${modules.unknownKind}" is not registered; ` +
            'use 0 workers or registerKind',
        );
    }
    const ahead = options.prefetch ?? Math.max(2, 2 * (this.workers?.count ?? 0));
    this.prefetch = checkNumber('the number of batches to prefetch', ahead, { integer: true, min: 1 });
  }

  /** Why samples had to be left out so far, one sentence each, in the order of the data set. */
  get skipped(): string[] {
    return [...this.unreadable].sort(([a], [b]) => a - b).map(([, reason]) => reason);
  }

  /** Number of worker threads in use. */
  get workerCount(): number {
    return this.workers?.count ?? 0;
  }

  /** The order in which an epoch takes the samples. */
  order(epoch: number): Int32Array {
    checkNumber('the epoch', epoch, { integer: true, min: 0 });
    if (this.shuffle) return permutation(this.dataset.length, this.seed, Purpose.shuffle, epoch);
    return Int32Array.from({ length: this.dataset.length }, (_, i) => i);
  }

  /**
   * The batches of epoch `epoch` (from 0), beginning with batch `from`: exactly the tail of the whole epoch.
   * Later batches are prepared while an earlier one is used. A batch is smaller, or empty, where samples cannot be read
   * and the data set says `skipUnreadable`.
   */
  async *epoch(epoch: number, from = 0): AsyncGenerator<Batch, void, undefined> {
    checkNumber('the first batch', from, { integer: true, min: 0, max: this.batchesPerEpoch });
    const order = this.order(epoch);
    const key = this.augment ? { seed: this.seed, epoch } : undefined;
    const make = (b: number): Promise<Batch> => {
      if (this.closed) throw new Error(`the loader of ${this.dataset.name} is closed`);
      const indices = order.slice(b * this.batchSize, (b + 1) * this.batchSize);
      const batch = this.workers ? this.workers.assemble(indices, key) : assembleBatch(this.dataset, indices, key);
      // A batch that nobody waits for yet may fail: its error is reported when its turn comes.
      batch.catch(() => {});
      return batch;
    };
    const ahead: Promise<Batch>[] = [];
    let next = from;
    for (let b = from; b < this.batchesPerEpoch; b++) {
      while (next < this.batchesPerEpoch && ahead.length < this.prefetch) ahead.push(make(next++));
      const batch = await ahead.shift()!;
      if (next < this.batchesPerEpoch) ahead.push(make(next++));
      for (const { index, reason } of batch.skipped ?? []) this.unreadable.set(index, reason);
      yield batch;
    }
  }

  /** Ends the workers. Batches that are being prepared are dropped. */
  async close(): Promise<void> {
    this.closed = true;
    await this.workers?.close();
  }
}

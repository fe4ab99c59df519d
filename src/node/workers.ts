import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Batch, SampleKey } from '../data/dataset.js';
import { type BatchWorkers, setBatchWorkers, type WorkersRequest } from '../data/loader.js';
import { workerOptions, workerScript } from './workerScript.js';

/** What goes to a worker. */
export interface Job {
  readonly id: number;
  readonly indices: Int32Array;
  readonly key: SampleKey | undefined;
}

/** What comes back. */
export type Reply = { readonly id: number } & ({ readonly batch: Batch } | { readonly error: string });

interface Waiting {
  readonly lane: Lane;
  resolve(batch: Batch): void;
  reject(error: Error): void;
}

interface Lane {
  readonly worker: Worker;
  inFlight: number;
}

const script = workerScript('worker', import.meta.url);

/**
 * Worker threads that assemble batches of one data set. Which worker makes a batch has no influence on the batch.
 * Idle workers do not keep the process alive.
 */
export class WorkerPool implements BatchWorkers {
  readonly count: number;
  private readonly lanes: Lane[];
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  private failure: Error | undefined;

  constructor(request: WorkersRequest, count: number | 'auto') {
    // One core is left for the thread that feeds the engine; more than four decoders rarely help.
    this.count = count === 'auto' ? Math.min(4, Math.max(1, availableParallelism() - 1)) : count;
    this.lanes = Array.from({ length: this.count }, () => this.start(request));
  }

  private start(request: WorkersRequest): Lane {
    const worker = new Worker(script, { workerData: request, ...workerOptions });
    const lane: Lane = { worker, inFlight: 0 };
    worker.on('message', (reply: Reply) => this.settle(reply));
    worker.on('error', (error) => this.fail(new Error(`a data worker failed: ${error.message}`, { cause: error })));
    worker.on('exit', (code) => this.fail(new Error(`a data worker ended unexpectedly (exit code ${code})`)));
    worker.unref();
    return lane;
  }

  private settle(reply: Reply): void {
    const waiting = this.waiting.get(reply.id);
    if (!waiting) return;
    this.release(reply.id, waiting);
    if ('batch' in reply) waiting.resolve(reply.batch);
    else waiting.reject(new Error(reply.error));
  }

  private release(id: number, { lane }: Waiting): void {
    this.waiting.delete(id);
    if (--lane.inFlight === 0) lane.worker.unref();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const [id, waiting] of this.waiting) {
      this.release(id, waiting);
      waiting.reject(this.failure);
    }
  }

  assemble(indices: Int32Array, key: SampleKey | undefined): Promise<Batch> {
    if (this.failure) return Promise.reject(this.failure);
    const lane = this.lanes.reduce((a, b) => (b.inFlight < a.inFlight ? b : a));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { lane, resolve, reject });
      if (lane.inFlight++ === 0) lane.worker.ref();
      lane.worker.postMessage({ id, indices, key } satisfies Job);
    });
  }

  /** Ends the threads; batches that are being made are rejected. */
  async close(): Promise<void> {
    this.fail(new Error('the data workers have been closed'));
    await Promise.all(this.lanes.map(({ worker }) => worker.terminate()));
  }
}

setBatchWorkers((request, count) => new WorkerPool(request, count));

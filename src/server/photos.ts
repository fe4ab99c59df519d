import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ImageError } from '../node/image.js';
import { workerOptions, workerScript } from '../node/workerScript.js';
import type { HostTensor } from '../tensor/shape.js';
import type { FromWorker, PhotoAnswer, PhotoAsked, ToWorker } from './photoMessages.js';

/** Runs the network on one image [1, C, H, W]. */
export type Predict = (images: HostTensor, signal?: AbortSignal) => Promise<HostTensor>;

interface Waiting {
  readonly lane: Lane;
  readonly signal: AbortSignal | undefined;
  resolve(answer: PhotoAnswer): void;
  reject(error: unknown): void;
}

interface Lane {
  readonly worker: Worker;
  inFlight: number;
}

/**
 * Worker threads that decode photos, lay masks over them and encode the result: work on every pixel of a photo would
 * hold up all other requests. The network itself runs in the main thread's engine, for all photos together. A thread
 * that dies fails its photos; the next photos start others.
 */
export class Photos {
  private readonly lanes: Lane[] = [];
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;

  constructor(
    private readonly predict: Predict,
    private readonly count = Math.min(4, availableParallelism()),
    private readonly script = workerScript('photoWorker', import.meta.url),
  ) {
    for (let i = 0; i < count; i++) this.start();
  }

  /** The photo's memory goes over to a thread. @throws ImageError if the photo cannot be read; the signal's reason if it aborts */
  ask(photo: Uint8Array<ArrayBuffer>, asked: PhotoAsked, signal?: AbortSignal): Promise<PhotoAnswer> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const lane = this.idlest();
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { lane, signal, resolve, reject });
      lane.inFlight++;
      this.say(lane, { kind: 'photo', id, photo, asked }, [photo.buffer]);
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.lanes.map(({ worker }) => worker.terminate()));
  }

  private idlest(): Lane {
    const [first, ...rest] = this.lanes;
    const lane = first && rest.reduce((a, b) => (b.inFlight < a.inFlight ? b : a), first);
    return lane && (lane.inFlight === 0 || this.lanes.length >= this.count) ? lane : this.start();
  }

  private start(): Lane {
    const worker = new Worker(this.script, workerOptions);
    const lane: Lane = { worker, inFlight: 0 };
    worker.on('message', (message: FromWorker) => this.hear(lane, message));
    worker.on('error', (error) => this.lost(lane, error));
    worker.on('exit', () => this.lost(lane, new Error('a photo worker ended unexpectedly')));
    this.lanes.push(lane);
    return lane;
  }

  private say(lane: Lane, message: ToWorker, transfer: ArrayBuffer[] = []): void {
    lane.worker.postMessage(message, transfer);
  }

  private hear(lane: Lane, message: FromWorker): void {
    if (message.kind === 'predict') {
      const { call, images } = message;
      // An aborted photo fails at its next tile.
      this.predict(images, this.waiting.get(message.id)?.signal).then(
        (output) => this.say(lane, { kind: 'output', call, output }, [output.data.buffer as ArrayBuffer]),
        (error: unknown) => this.say(lane, { kind: 'output', call, error: String((error as Error).message ?? error) }),
      );
      return;
    }
    const waiting = this.waiting.get(message.id);
    if (!waiting) return;
    this.waiting.delete(message.id);
    lane.inFlight--;
    const { signal, resolve, reject } = waiting;
    if (message.kind === 'done') resolve(message.answer);
    else if (signal?.aborted) reject(signal.reason);
    else reject(message.fault ? new ImageError(message.error, message.fault) : new Error(message.error));
  }

  private lost(lane: Lane, error: Error): void {
    for (const [id, waiting] of this.waiting) {
      if (waiting.lane !== lane) continue;
      this.waiting.delete(id);
      waiting.reject(error);
    }
    const at = this.lanes.indexOf(lane);
    if (at >= 0) this.lanes.splice(at, 1);
  }
}

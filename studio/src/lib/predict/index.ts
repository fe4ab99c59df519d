import type { PageConfig } from '../../../../src/export/page/config.js';
import type { Picture } from '../../../../src/export/page/pixels.js';
import { MaskCollector } from '../../../../src/train/photoMask.js';
import { get, getBytes, runPath } from '../api.js';
import type { Classified, ClassifyOptions, FromWorker, Scores, ToWorker } from './messages.js';

export type { PageConfig } from '../../../../src/export/page/config.js';
export { decode, paint, pixelsOf } from '../../../../src/export/page/dom.js';
export { drawn, type View } from '../../../../src/export/page/drawn.js';
export type { Picture } from '../../../../src/export/page/pixels.js';
export type { Ranked } from '../../../../src/train/ranked.js';
export type { Classified, ClassifyOptions } from './messages.js';

/** A photo's mask at one threshold, as `drawn` takes it. */
export type Mask = Pick<MaskCollector, 'classes' | 'alpha' | 'foreground'>;

/** What a network of masks found in a photo. */
export interface Segmented {
  readonly height: number;
  readonly width: number;
  /** The threshold can be moved: the network has one output. */
  readonly hasThreshold: boolean;
  /** Size at which the network saw the photo. */
  readonly seen: { readonly height: number; readonly width: number };
  readonly milliseconds: number;
  /** The mask at a threshold (default 0.5). Quick enough for a slider. */
  mask(threshold?: number): Mask;
}

/** A run's network, computing in the page. */
export interface RunEngine {
  /** What the network is; `config.task` says which of the two can be asked. */
  readonly config: PageConfig;
  classify(picture: Picture, options?: ClassifyOptions): Promise<Classified>;
  segment(photo: Picture): Promise<Segmented>;
  /** Frees its memory; what is being computed fails. */
  close(): void;
}

/**
 * Fetches a run's network and starts it in a worker. It answers as the server does, up to rounding.
 *
 * ```ts
 * const engine = await openRunEngine('lenet-mnist');
 * const { ranked } = await engine.classify(await decode(file, file.name));
 * `${engine.config.classes[ranked[0].index]}: ${ranked[0].probability}`;
 *
 * const photo = await decode(file, file.name);
 * const found = await people.segment(photo);
 * paint(canvas, drawn(photo, found.mask(0.5), 'overlay', people.config.classes.length));
 * ```
 * `decode` reads a file, `pixelsOf` a video or a canvas (a drawing: with `{ drawing: true }`; `config.dark` says whether the
 * pen should be light on dark). Calls are answered in order.
 *
 * @param say told how far it is, for a line of text
 * @throws Error, one sentence: no weights yet, too large for a page, no onnxruntime on the server, ...
 */
export async function openRunEngine(id: string, say: (progress: string) => void = () => {}): Promise<RunEngine> {
  const config = await get<PageConfig>(runPath(id, '/page'));
  say('Fetching the network');
  const [wasm, model] = await Promise.all([getBytes('/ort/ort.wasm'), getBytes(runPath(id, '/model.onnx'))]);
  say('Starting the network');
  const remote = new Remote();
  try {
    const runtime = new URL('/ort/ort.mjs', location.href).href;
    await remote.ask({ type: 'load', runtime, wasm, model, config }, [wasm, model]);
  } catch (error) {
    remote.close();
    throw new Error(`the network could not be started in this page: ${(error as Error).message}`);
  }
  return {
    config,
    classify: (picture, options = {}) => remote.ask({ type: 'classify', picture, options }) as Promise<Classified>,
    segment: async (photo) => segmented((await remote.ask({ type: 'segment', photo })) as Scores),
    close: () => remote.close(),
  };
}

function segmented(scores: Scores): Segmented {
  const { height, width, logits, classes, alpha, foreground = 0, seen, milliseconds } = scores;
  let last: { threshold: number; mask: Mask } | undefined;
  const mask = (threshold = 0.5): Mask => {
    if (!logits) return { classes: classes!, alpha: alpha!, foreground };
    if (last?.threshold === threshold) return last.mask;
    const made = new MaskCollector(height, width, 1, threshold);
    made.take(0, height, logits);
    last = { threshold, mask: made };
    return made;
  };
  return { height, width, hasThreshold: logits !== undefined, seen, milliseconds, mask };
}

/** `Omit` of each member of a union. */
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** The worker, and who waits for its answers. */
class Remote {
  private readonly worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  private readonly waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  private next = 0;
  private ended: Error | undefined;

  constructor() {
    this.worker.onmessage = ({ data: message }: MessageEvent<FromWorker>) => {
      const waiting = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if ('error' in message) waiting?.reject(new Error(message.error));
      else waiting?.resolve(message.result);
    };
    this.worker.onerror = (event) => this.end(new Error(event.message || 'its worker could not be started'));
  }

  ask(message: WithoutId<ToWorker>, transfer: Transferable[] = []): Promise<unknown> {
    if (this.ended) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      const id = this.next++;
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ ...message, id }, transfer);
    });
  }

  close(): void {
    this.end(new Error('the network was closed'));
  }

  private end(error: Error): void {
    this.ended ??= error;
    this.worker.terminate();
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

/// <reference lib="dom" />
import type { HostTensor } from '../../tensor/shape.js';
import { IDS } from './config.js';
import { unpack, unpackParts } from './payload.js';

export type ToWorker = { readonly id: number } & (
  | { readonly type: 'load'; readonly wasm: ArrayBuffer; readonly model: Uint8Array }
  | { readonly type: 'run'; readonly data: Uint8Array; readonly shape: readonly number[] }
);

export type FromWorker = { readonly id: number } & (
  | { readonly data: Float32Array<ArrayBuffer>; readonly shape: readonly number[] }
  | { readonly error: string }
);

/** The network, running in a worker. */
export interface Engine {
  /** Output for uint8 images [N, C, H, W]. Calls are answered in order. */
  predict(images: HostTensor): Promise<HostTensor>;
}

/** Unpacks what stands in the page and starts the worker with it. Tells how far it is. */
export async function startEngine(say: (progress: string) => void): Promise<Engine> {
  say('Unpacking the runtime');
  // A classic script: in a page from a file a module worker may not import anything.
  const script = new Blob([await unpack(IDS.runtime), await unpack(IDS.worker)], { type: 'text/javascript' });
  const wasm = await unpack(IDS.wasm);
  say('Unpacking the network');
  const model = await unpackParts(IDS.model);
  say('Starting the network');
  const worker = new Worker(URL.createObjectURL(script));
  const waiting = new Map<number, { resolve: (t: HostTensor) => void; reject: (e: Error) => void }>();
  worker.onmessage = ({ data: message }: MessageEvent<FromWorker>) => {
    const { resolve, reject } = waiting.get(message.id)!;
    waiting.delete(message.id);
    if ('error' in message) reject(new Error(message.error));
    else resolve({ data: message.data, shape: message.shape, dtype: 'float32' });
  };
  worker.onerror = (event) => {
    for (const { reject } of waiting.values()) reject(new Error(event.message || 'the worker could not be started'));
    waiting.clear();
  };
  let next = 0;
  const ask = (
    message: Omit<Extract<ToWorker, { type: 'run' }>, 'id'> | Omit<Extract<ToWorker, { type: 'load' }>, 'id'>,
    transfer: Transferable[],
  ) =>
    new Promise<HostTensor>((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ ...message, id }, transfer);
    });
  await ask({ type: 'load', wasm: wasm.buffer, model }, [wasm.buffer, model.buffer]);
  return { predict: ({ data, shape }) => ask({ type: 'run', data: data as Uint8Array, shape }, []) };
}

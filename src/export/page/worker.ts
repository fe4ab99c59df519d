/// <reference lib="dom" />
// Runs in a worker behind onnxruntime, which is there as `ort`, so that the page stays alive while a network computes.
import type { InferenceSession } from 'onnxruntime-web';
import type { FromWorker, ToWorker } from './engine.js';

declare const ort: typeof import('onnxruntime-web');

let session: InferenceSession;

const answer = (message: FromWorker, transfer: Transferable[] = []): void =>
  (self as unknown as { postMessage(m: FromWorker, t: Transferable[]): void }).postMessage(message, transfer);

async function load(message: Extract<ToWorker, { type: 'load' }>): Promise<void> {
  const { wasm } = ort.env;
  wasm.numThreads = 1;
  wasm.wasmBinary = message.wasm;
  ort.env.logLevel = 'error';
  session = await ort.InferenceSession.create(message.model, { executionProviders: ['wasm'] });
}

async function run({
  data,
  shape,
}: Extract<ToWorker, { type: 'run' }>): Promise<[Float32Array<ArrayBuffer>, number[]]> {
  const results = await session.run({ [session.inputNames[0]!]: new ort.Tensor('uint8', data, shape) });
  const output = results[session.outputNames[0]!]!;
  return [(output.data as Float32Array).slice() as Float32Array<ArrayBuffer>, [...output.dims]];
}

self.onmessage = async ({ data: message }: MessageEvent<ToWorker>) => {
  const { id } = message;
  try {
    if (message.type === 'load') {
      await load(message);
      answer({ id, data: new Float32Array(0), shape: [] });
    } else {
      const [data, shape] = await run(message);
      answer({ id, data, shape }, [data.buffer]);
    }
  } catch (error) {
    answer({ id, error: error instanceof Error ? error.message : String(error) });
  }
};

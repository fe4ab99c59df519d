import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-web';
import type { DType } from '../tensor/dtype.js';
import type { HostTensor } from '../tensor/shape.js';

type Runtime = typeof import('onnxruntime-web');

const MISSING = (why: string) =>
  new Error(
    `the package onnxruntime-web, which checks what is exported, cannot be loaded (${why}): install it with npm install onnxruntime-web`,
  );

let loading: Promise<Runtime> | undefined;

/**
 * onnxruntime, as it runs in browsers (WebAssembly). It is no dependency, since it takes 140 MB and only exports need it.
 * @throws Error, one sentence with the remedy, if it is not installed
 */
export function loadRuntime(): Promise<Runtime> {
  loading ??= import('onnxruntime-web').then(
    (runtime) => {
      // One thread gives the same bits each time and leaves no workers behind.
      runtime.env.wasm.numThreads = 1;
      runtime.env.logLevel = 'error';
      return runtime;
    },
    (error: Error) => {
      throw MISSING(firstLine(error));
    },
  );
  return loading;
}

/** An ONNX file, loaded for running. */
export interface OnnxSession {
  /** All outputs for one input. */
  run(image: HostTensor): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

/**
 * Loads an ONNX file in onnxruntime.
 * @throws Error, one sentence, if onnxruntime refuses it
 */
export async function openOnnx(bytes: Uint8Array): Promise<OnnxSession> {
  const { InferenceSession: Sessions, Tensor } = await loadRuntime();
  let session: InferenceSession;
  try {
    session = await Sessions.create(bytes, { executionProviders: ['wasm'], logSeverityLevel: 3 });
  } catch (error) {
    throw new Error(`onnxruntime does not take the ONNX file: ${firstLine(error)}`, { cause: error });
  }
  return {
    async run({ data, dtype, shape }) {
      if (dtype === 'bool' || dtype === 'float64') throw new Error(`onnxruntime is given no images of type ${dtype}`);
      const image = new Tensor(dtype, data as never, shape) as OrtTensor;
      const results = await session.run({ [session.inputNames[0]!]: image });
      return Object.fromEntries(
        Object.entries(results).map(([name, { type, dims, data: values }]) => [
          name,
          { dtype: type as DType, shape: dims, data: (values as Float32Array).slice() },
        ]),
      );
    },
    release: () => session.release(),
  };
}

const firstLine = (error: unknown): string => (error as Error).message.split('\n')[0]!.replace(/\.$/, '');

/** The parts of onnxruntime that run in a page without a server. */
export interface BrowserRuntime {
  readonly version: string;
  /** A module that needs no other. */
  readonly script: string;
  readonly wasm: Uint8Array;
}

/**
 * Reads them from the installed package.
 * @throws Error, one sentence with the remedy, if it is not installed
 */
export async function readBrowserRuntime(): Promise<BrowserRuntime> {
  const runtime = await loadRuntime();
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
  const read = async (name: string) => {
    try {
      return await readFile(join(folder, name));
    } catch (error) {
      throw MISSING(firstLine(error));
    }
  };
  const [script, wasm] = await Promise.all([read('ort.wasm.bundle.min.mjs'), read('ort-wasm-simd-threaded.wasm')]);
  return { version: runtime.env.versions.web ?? runtime.env.versions.common, script: script.toString(), wasm };
}

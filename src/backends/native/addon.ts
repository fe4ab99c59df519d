import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TypedArray } from '../../tensor/dtype.js';
import type { TensorType } from '../../tensor/shape.js';
import type { ConvolutionAlgorithm } from '../tuning.js';
import type { LoweredGraph } from './ir.js';

/** Opaque handles of the C++ side. */
export type EngineHandle = { readonly engine: unique symbol };
export type StoreHandle = { readonly store: unique symbol };
export type ProgramHandle = { readonly program: unique symbol };

/** One step of a compiled program, in the order of execution, as the add-on tells it. */
export interface RawStep {
  /** Operation, or the chain of a fused pass (`mul+add+relu`). */
  readonly op: string;
  /** Of the lowered node that it came from. */
  readonly label: string;
  /** Implementation: oneDNN's name (`jit:avx512_core`) or ours (`fused:avx512`). */
  readonly impl: string;
}

export interface CompiledProgram {
  readonly handle: ProgramHandle;
  readonly memoryBytes: number;
  readonly steps: readonly RawStep[];
  /** Names of the inputs in the order `run` takes them. */
  readonly inputs: readonly string[];
  /**
   * With `known`: the convolutions that have a choice, whether it is Winograd, and the milliseconds of the direct algorithm
   * and of Winograd (0: not measured now).
   */
  readonly convolutions: readonly (readonly [key: string, winograd: boolean, direct: number, fast: number])[];
  /** How many of them were measured. */
  readonly measured: number;
}

/** Keys of convolutions by the algorithm that was chosen for them. */
export type KnownConvolutions = { readonly [algorithm in ConvolutionAlgorithm]: readonly string[] };

/** What `build/fovea.node` exports. */
export interface Addon {
  info(): { dnnl: string; isa: 'avx512' | 'avx2' | 'baseline'; cpuFeatures: string[] };
  engineCreate(threads: number): EngineHandle;
  engineThreads(engine: EngineHandle): number;
  engineDispose(engine: EngineHandle): Promise<void>;
  storeCreate(engine: EngineHandle): StoreHandle;
  storeSet(store: StoreHandle, name: string, type: TensorType, data: TypedArray): Promise<void>;
  storeGet(store: StoreHandle, name: string, into: TypedArray): Promise<void>;
  storeDelete(store: StoreHandle, name: string): void;
  storeDispose(store: StoreHandle): void;
  /** With `known`, algorithms of convolutions that it does not hold are measured. */
  compile(store: StoreHandle, graph: LoweredGraph, exact: boolean, known?: KnownConvolutions): Promise<CompiledProgram>;
  run(program: ProgramHandle, inputs: TypedArray[], outputs: TypedArray[], profile: boolean): Promise<Float64Array>;
  programDispose(program: ProgramHandle): void;
  memoryOf(program: ProgramHandle): number;
}

export type NativeStatus =
  | { readonly ok: true; readonly addon: Addon; readonly path: string }
  | { readonly ok: false; readonly reason: string };

let status: NativeStatus | undefined;

/** Loads the add-on once. Where that fails, `reason` is a sentence that says why and what to do. */
export function loadNative(): NativeStatus {
  status ??= load();
  return status;
}

function load(): NativeStatus {
  const path = addonPath();
  if (!existsSync(path))
    return {
      ok: false,
      reason: 'the native engine is not built: run "npm run build:native" (needs g++ or clang++, and oneDNN)',
    };
  // OpenMP reads its settings when the library is loaded. Workers wait spinning for about 0.1 ms (longer than the gap
  // between two operations), then sleep: spinning on would take the core from the event loop and from other processes.
  if (!process.env.OMP_WAIT_POLICY) process.env.GOMP_SPINCOUNT ??= '6000';
  try {
    const addon = createRequire(import.meta.url)(path) as Addon;
    addon.info();
    return { ok: true, addon, path };
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    const remedy = /libdnnl|dnnl/.test(message)
      ? 'install oneDNN (apt-get install libdnnl-dev, dnf install onednn-devel, brew install onednn)'
      : 'run "npm run build:native" again';
    return { ok: false, reason: `the native engine cannot be loaded (${message}): ${remedy}` };
  }
}

/** `build/fovea.node` of the package, seen from src/ and from dist/; FOVEA_NATIVE names another file. */
export function addonPath(): string {
  const given = process.env.FOVEA_NATIVE;
  if (given) return given;
  let dir = dirname(fileURLToPath(import.meta.url));
  for (let up = 0; up < 6; up++, dir = dirname(dir))
    if (existsSync(join(dir, 'package.json'))) return join(dir, 'build', 'fovea.node');
  return join(dir, 'build', 'fovea.node');
}

import { existsSync, readFileSync } from 'node:fs';
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

/** What the add-on exports. */
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

const BUILD = 'build it with "npx fovea doctor --build" (needs g++ or clang++, and oneDNN with its headers)';

function load(): NativeStatus {
  const path = addonPath();
  if (!existsSync(path)) return { ok: false, reason: `the native engine is not built: ${BUILD}` };
  // OpenMP reads its settings when the library is loaded. Workers wait spinning for about 0.1 ms (longer than the gap
  // between two operations), then sleep: spinning on would take the core from the event loop and from other processes.
  if (!process.env.OMP_WAIT_POLICY) process.env.GOMP_SPINCOUNT ??= '6000';
  try {
    const addon = createRequire(import.meta.url)(path) as Addon;
    addon.info();
    return { ok: true, addon, path };
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    return { ok: false, reason: `the native engine cannot be loaded (${message}): ${remedyFor(message, path)}` };
  }
}

function remedyFor(message: string, path: string): string {
  if (isPrebuilt(path)) return `the one in this package ${needs(path)}; ${BUILD}`;
  return /libdnnl|dnnl/.test(message)
    ? 'install oneDNN (apt-get install libdnnl-dev, dnf install onednn-devel, brew install onednn)'
    : 'build it again with "npx fovea doctor --build"';
}

/** What the system must have for a prebuilt add-on, as was found out when it was made. */
function needs(path: string): string {
  try {
    const { glibc, libstdcxx } = JSON.parse(readFileSync(join(dirname(path), 'about.json'), 'utf8')).needs;
    return `needs glibc ${glibc} and GLIBCXX_${libstdcxx} or newer`;
  } catch {
    return 'does not suit this system';
  }
}

/**
 * The add-on of the package, seen from src/ and from dist/: one that was built here (`build/fovea.node`), else the one that
 * came with the package. FOVEA_NATIVE names another file.
 */
export function addonPath(): string {
  const built = join(packageRoot(), 'build', 'fovea.node');
  const prebuilt = join(prebuiltFolder(), 'fovea.node');
  return process.env.FOVEA_NATIVE || (!existsSync(built) && existsSync(prebuilt) ? prebuilt : built);
}

const prebuiltFolder = (): string => join(packageRoot(), 'prebuilt', `${process.platform}-${process.arch}`);

/** The add-on came with the package. */
export const isPrebuilt = (path: string): boolean => path.startsWith(prebuiltFolder());

/** The folder of this package's package.json. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  for (let up = 0; up < 6 && !existsSync(join(dir, 'package.json')); up++) dir = dirname(dir);
  return dir;
}

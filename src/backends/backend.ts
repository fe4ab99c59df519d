import type { Graph } from '../tensor/graph.js';
import type { Phase } from '../tensor/scope.js';
import type { HostTensor, TensorType } from '../tensor/shape.js';
import type { ConvolutionTuning } from './tuning.js';

/** What runs the numbers, in words for the first line of every command. */
export interface DeviceInfo {
  readonly backend: 'reference' | 'native' | 'webgpu';
  /** For example "native (oneDNN 2.6.3, AVX-512)". */
  readonly description: string;
  readonly threads: number;
}

/**
 * Named tensors that live on the device and belong to no program: parameters, optimizer slots, running statistics.
 * Values cross as plain row-major arrays; how they lie inside is the backend's business.
 */
export interface Store {
  /** Creates or overwrites. */
  set(name: string, value: HostTensor): Promise<void>;
  /** A copy of the present value, in order after all runs that were queued before. Throws if there is none. */
  get(name: string): Promise<HostTensor>;
  has(name: string): boolean;
  /** Names and types of all states, in order of creation. */
  entries(): ReadonlyMap<string, TensorType>;
  delete(name: string): void;
  /** Frees everything; programs bound to the store can no longer run. */
  dispose(): void;
}

/** One step of a compiled program. */
export interface StepInfo {
  /** Operation (`conv2d`, `reorder`), or the chain of a fused pass (`mul+add+relu`). */
  readonly op: string;
  /** Path of the layer it came from; empty outside of layers. */
  readonly label: string;
  readonly phase: Phase;
  /** Implementation: oneDNN's name (`jit:avx512_core`) or ours (`fused:avx512`). */
  readonly impl: string;
  /** Floating-point operations of convolutions and matrix products, two a multiply-add; 0 for everything else. */
  readonly flops: number;
  /** Bytes of the values that it reads and writes, each once; 0 for changes of layout. */
  readonly bytes: number;
}

/** One step with the time it took, in milliseconds. */
export interface ProfiledStep extends StepInfo {
  readonly ms: number;
}

/** One run of a program with the time of each step, in the order of execution. */
export interface ProfiledRun {
  readonly outputs: Record<string, HostTensor>;
  readonly steps: readonly ProfiledStep[];
}

/** A compiled graph bound to a store. Runs of all programs of a backend happen one after the other, in call order. */
export interface Program {
  /**
   * Runs once, off the event loop where the backend can. Reads states, applies all updates, brings back the outputs.
   * Input arrays are copied before the call returns to the event loop; the caller may reuse them after `await`.
   * Throws if an input is missing or has another shape or dtype than the graph says.
   */
  run(inputs?: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>>;
  /** As `run`, with the same results to the bit, and the time of each step; absent where the backend cannot tell. */
  profile?(inputs?: Readonly<Record<string, HostTensor>>): Promise<ProfiledRun>;
  /** Bytes taken for intermediate values, scratch and copies of states, beside the store. */
  readonly memoryBytes: number;
  /** Frees it, after the runs that were queued. Disposing twice is harmless. */
  dispose(): void;
}

export interface CompileOptions {
  /** Name in profiles. */
  readonly name?: string;
  /** Direct convolution only: no Winograd. Then nothing is tuned. */
  readonly exact?: boolean;
  /** Algorithms of convolutions by measurement instead of by table; a backend that has no choice ignores it. */
  readonly tuning?: ConvolutionTuning;
}

/** The narrow waist between graphs and machines. */
export interface Backend {
  readonly device: DeviceInfo;
  createStore(): Store;
  /** Optimises, plans and prepares a graph. States that the graph updates but the store lacks are created by the first run. */
  compile(graph: Graph, store: Store, options?: CompileOptions): Promise<Program>;
  /** Frees stores and programs that are left. */
  dispose(): void;
}

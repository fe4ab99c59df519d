import type { Graph } from '../../tensor/graph.js';
import type { Backend, CompileOptions, DeviceInfo, Store } from '../backend.js';
import { type Addon, type EngineHandle, isPrebuilt, type KnownConvolutions, loadNative } from './addon.js';
import { lower } from './lower.js';
import { NativeProgram } from './program.js';
import { describeSteps, numbered, unnumbered } from './steps.js';
import { NativeStore } from './store.js';
import { tuned } from './tuned.js';

export { loadNative, type NativeStatus } from './addon.js';
export { measureConv } from './measure.js';
export { NativeProgram } from './program.js';
export { NativeStore } from './store.js';

export interface NativeOptions {
  /** Threads of one operation; all cores when left out. */
  readonly threads?: number;
}

const ISA_NAMES = { avx512: 'AVX-512', avx2: 'AVX2', baseline: 'no vector extensions' } as const;

/**
 * The C++ engine over oneDNN: one engine thread with a queue, off the event loop.
 * @throws Error with the reason if the add-on is not built or cannot be loaded
 */
export function createNativeBackend(options: NativeOptions = {}): NativeBackend {
  const status = loadNative();
  if (!status.ok) throw new Error(status.reason);
  return new NativeBackend(status.addon, options.threads ?? 0);
}

/** Versions and features for `doctor`, or why there are none. */
export function nativeInfo():
  | { ok: true; prebuilt: boolean; dnnl: string; isa: string; cpuFeatures: string[] }
  | { ok: false; reason: string } {
  const status = loadNative();
  if (!status.ok) return { ok: false, reason: status.reason };
  const { dnnl, isa, cpuFeatures } = status.addon.info();
  return { ok: true, prebuilt: isPrebuilt(status.path), dnnl, isa: ISA_NAMES[isa], cpuFeatures };
}

export class NativeBackend implements Backend {
  readonly device: DeviceInfo;
  private readonly engine: EngineHandle;
  private readonly stores = new Set<NativeStore>();
  private readonly programs = new Set<NativeProgram>();
  private disposed = false;

  constructor(
    private readonly addon: Addon,
    threads: number,
  ) {
    if (!Number.isInteger(threads) || threads < 0)
      throw new RangeError(`threads must be a positive whole number, got ${threads}`);
    this.engine = addon.engineCreate(threads);
    const { dnnl, isa } = addon.info();
    const count = addon.engineThreads(this.engine);
    this.device = { backend: 'native', description: `native (oneDNN ${dnnl}, ${ISA_NAMES[isa]})`, threads: count };
  }

  createStore(): NativeStore {
    this.check();
    const store = new NativeStore(this.addon, this.addon.storeCreate(this.engine), (s) => this.stores.delete(s));
    this.stores.add(store);
    return store;
  }

  async compile(graph: Graph, store: Store, options: CompileOptions = {}): Promise<NativeProgram> {
    this.check();
    if (!(store instanceof NativeStore)) throw new Error('compile: the store belongs to another backend');
    const lowered = lower(graph);
    const { exact = false, tuning } = options;
    const compile = (known?: KnownConvolutions) =>
      this.addon
        .compile(store.handle, numbered(lowered), exact, known)
        .catch((error: Error) => Promise.reject(new Error(unnumbered(error.message))));
    const compiled = tuning && !exact ? await tuned(tuning, this.device, compile) : await compile();
    const steps = describeSteps(lowered, compiled.steps);
    const program = new NativeProgram(this.addon, compiled, steps, graph, store, (p) => this.programs.delete(p));
    this.programs.add(program);
    return program;
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const p of [...this.programs]) p.dispose();
    for (const s of [...this.stores]) s.dispose();
    this.addon.engineDispose(this.engine).catch(() => undefined);
  }

  private check(): void {
    if (this.disposed) throw new Error('this backend was disposed');
  }
}

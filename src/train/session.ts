import type { Backend, CompileOptions, Program, Store } from '../backends/backend.js';
import type { ConvolutionTuning } from '../backends/tuning.js';
import { materialise, readBack } from '../nn/materialise.js';
import type { Module } from '../nn/module.js';
import { buildGraph, type Graph, type GraphSpec } from '../tensor/graph.js';
import type { OpAttrs } from '../tensor/ops/signatures.js';
import { type HostTensor, hostTensor } from '../tensor/shape.js';
import type { Normalize } from './config.js';
import { buildPrediction, programKey } from './step.js';
import { averageName } from './update.js';

/** How much a session keeps compiled. Of programs for predictions those that were not used for longest go first. */
export interface SessionLimits {
  /** Bytes that its programs may need beside the store. */
  readonly maxBytes: number;
  /** Programs. */
  readonly most: number;
}

const NO_LIMITS: SessionLimits = { maxBytes: Number.POSITIVE_INFINITY, most: Number.POSITIVE_INFINITY };

/** Those that were asked for last are never dropped: they may be about to run. */
const LEAST = 4;

interface Kept {
  readonly program: Promise<Program>;
  /** As of its last prediction; 0 before. */
  bytes: number;
}

/**
 * A network on a device: its parameters and buffers in a store of its own, and the programs compiled for it so far.
 * Programs are kept by key: mode, shapes and the set of frozen parameters.
 */
export class Session {
  readonly store: Store;
  /** While training with a moving average: paths of what has one. Evaluation and prediction take the averages. */
  averaged: ReadonlySet<string> | undefined;
  /** In the order of use. */
  private readonly programs = new Map<string, Kept>();
  private made = 0;
  private ready: Promise<void> | undefined;

  constructor(
    readonly net: Module,
    readonly backend: Backend,
    /** How all of its programs are compiled. */
    private readonly how: Omit<CompileOptions, 'name'> = {},
    private readonly limits = NO_LIMITS,
  ) {
    net.bindNames();
    this.store = backend.createStore();
  }

  /** Measures algorithms, if that is wanted. */
  get tuning(): ConvolutionTuning | undefined {
    return this.how.tuning;
  }

  /** Puts the network's values on the device, once. Values that nobody loaded are initialised from `seed`. */
  materialise(seed: number): Promise<void> {
    return (this.ready ??= materialise(this.net, this.backend, this.store, seed));
  }

  /** Puts the network's values on the device, and gives up those on the host: `net` has none of its own afterwards. */
  async moveToDevice(): Promise<void> {
    await this.materialise(0);
    for (const parameter of this.net.states().values()) parameter.value = undefined;
  }

  /** The network's (main) output for images [N, C, H, W] in evaluation mode. */
  async predict(image: HostTensor, normalize: Normalize): Promise<HostTensor> {
    await this.materialise(0);
    const objective = { net: this.net, normalize };
    const key = programKey('predict', objective, image);
    const kept = this.keep(key, () => buildPrediction(objective, image), this.averaged);
    const program = await kept.program;
    try {
      return Object.values(await program.run({ image }))[0]!;
    } finally {
      // Copies of weights in other layouts are made by the first run. (While one runs nobody may look.)
      kept.bytes = program.memoryBytes;
      this.dropOldest();
    }
  }

  /**
   * The program for a key, compiled by the first who asks.
   * @param averaged paths of states of which it reads the moving average instead
   */
  program(key: string, build: () => GraphSpec, averaged?: ReadonlySet<string>): Promise<Program> {
    return this.keep(key, build, averaged).program;
  }

  /** Programs compiled and kept so far, also those that were dropped since. */
  get compiled(): number {
    return this.made;
  }

  /**
   * Programs kept, and what those that predicted need beside the store: at most, since a backend may let them share memory
   * for intermediate values.
   */
  get kept(): { readonly programs: number; readonly bytes: number } {
    const bytes = [...this.programs.values()].reduce((sum, kept) => sum + kept.bytes, 0);
    return { programs: this.programs.size, bytes };
  }

  /** Compiles anew what is asked for from now on. */
  forget(): void {
    for (const kept of this.programs.values()) disposeOf(kept);
    this.programs.clear();
  }

  /** A program that the caller disposes of. */
  compile(name: string, spec: GraphSpec, averaged?: ReadonlySet<string>): Promise<Program> {
    const graph = buildGraph(spec);
    return this.backend.compile(averaged?.size ? readAverages(graph, averaged) : graph, this.store, {
      ...this.how,
      name,
    });
  }

  /** Values of the named states that there are, in the store's order, as of all runs queued so far. */
  async read(wanted: ReadonlySet<string>): Promise<Map<string, HostTensor>> {
    const names = [...this.store.entries().keys()].filter((name) => wanted.has(name));
    const values = await Promise.all(names.map((name) => this.store.get(name)));
    return new Map(names.map((name, i) => [name, values[i]!]));
  }

  async write(tensors: Iterable<readonly [string, HostTensor]>): Promise<void> {
    for (const [name, value] of tensors) await this.store.set(name, value);
  }

  /** Brings the network's values back to the host (`net.stateDict()`). */
  async readBack(): Promise<void> {
    if (this.ready) await readBack(this.net, this.store);
  }

  dispose(): void {
    this.forget();
    this.store.dispose();
  }

  private keep(key: string, build: () => GraphSpec, averaged: ReadonlySet<string> | undefined): Kept {
    const full = `${key}|${averaged?.size ? 'averaged' : ''}|${this.frozen()}`;
    let kept = this.programs.get(full);
    if (kept) this.programs.delete(full);
    else {
      this.made++;
      kept = { program: Promise.resolve().then(() => this.compile(key, build(), averaged)), bytes: 0 };
      kept.program.catch(() => this.programs.delete(full));
    }
    this.programs.set(full, kept);
    return kept;
  }

  private dropOldest(): void {
    const { maxBytes, most } = this.limits;
    for (const [key, kept] of this.programs) {
      if (this.programs.size <= LEAST || (this.kept.bytes <= maxBytes && this.programs.size <= most)) return;
      // It is about to run for the first time.
      if (kept.bytes === 0) continue;
      this.programs.delete(key);
      disposeOf(kept);
    }
  }

  private frozen(): string {
    const names = [...this.net.parameters()].filter(([, p]) => !p.requiresGrad).map(([name]) => name);
    const modules = [...this.net.modules()].filter(([, module]) => module.frozen).map(([path]) => path);
    return [...names, ...modules].join(',');
  }
}

const disposeOf = ({ program }: Kept): void => {
  program.then((p) => p.dispose()).catch(() => {});
};

/** The same graph, reading the moving averages of some states. */
function readAverages(graph: Graph, averaged: ReadonlySet<string>): Graph {
  const nodes = graph.nodes.map((node) => {
    if (node.op !== 'state') return node;
    const attrs = node.attrs as OpAttrs['state'];
    return averaged.has(attrs.name) ? { ...node, attrs: { ...attrs, name: averageName(attrs.name) } } : node;
  });
  return { ...graph, nodes };
}

/** The key of all random numbers of a step. */
export const rngKey = (seed: number, step: number): HostTensor => hostTensor(Int32Array.of(seed, step), [2]);

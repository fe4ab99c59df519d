import type { Backend, CompileOptions, Program, Store } from '../backends/backend.js';
import type { ConvolutionTuning } from '../backends/tuning.js';
import { materialise, readBack } from '../nn/materialise.js';
import type { Module } from '../nn/module.js';
import { buildGraph, type Graph, type GraphSpec } from '../tensor/graph.js';
import type { OpAttrs } from '../tensor/ops/signatures.js';
import { type HostTensor, hostTensor } from '../tensor/shape.js';
import { averageName } from './update.js';

/**
 * A network on a device: its parameters and buffers in a store of its own, and the programs compiled for it so far.
 * Programs are kept by key: mode, shapes and the set of frozen parameters.
 */
export class Session {
  readonly store: Store;
  /** While training with a moving average: paths of what has one. Evaluation and prediction take the averages. */
  averaged: ReadonlySet<string> | undefined;
  private readonly programs = new Map<string, Promise<Program>>();
  private ready: Promise<void> | undefined;

  constructor(
    readonly net: Module,
    readonly backend: Backend,
    /** How all of its programs are compiled. */
    private readonly how: Omit<CompileOptions, 'name'> = {},
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

  /**
   * The program for a key, compiled by the first who asks.
   * @param averaged paths of states of which it reads the moving average instead
   */
  program(key: string, build: () => GraphSpec, averaged?: ReadonlySet<string>): Promise<Program> {
    const full = `${key}|${averaged?.size ? 'averaged' : ''}|${this.frozen()}`;
    let program = this.programs.get(full);
    if (!program) {
      program = Promise.resolve().then(() => this.compile(key, build(), averaged));
      this.programs.set(full, program);
      program.catch(() => this.programs.delete(full));
    }
    return program;
  }

  /** Compiles anew what is asked for from now on. */
  forget(): void {
    for (const program of this.programs.values()) program.then((p) => p.dispose()).catch(() => {});
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

  private frozen(): string {
    const names = [...this.net.parameters()].filter(([, p]) => !p.requiresGrad).map(([name]) => name);
    const modules = [...this.net.modules()].filter(([, module]) => module.frozen).map(([path]) => path);
    return [...names, ...modules].join(',');
  }
}

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

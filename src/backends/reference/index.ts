import { allocate } from '../../tensor/dtype.js';
import { type Graph, type GraphNode, sources, type ValueRef, verifyGraph } from '../../tensor/graph.js';
import type { OpAttrs } from '../../tensor/ops/signatures.js';
import { opDef } from '../../tensor/ops/table.js';
import { optimise } from '../../tensor/passes.js';
import { type HostTensor, numel, type TensorType } from '../../tensor/shape.js';
import type { Backend, Program, Store } from '../backend.js';
import { checkInputs } from '../inputs.js';

/** Longest time in ms that the interpreter keeps the event loop to itself (one kernel may take longer). */
const SLICE_MS = 15;

/**
 * The reference backend: the op table's plain kernels, one after the other, in TypeScript. It defines what is right,
 * computes float64, and runs wherever JavaScript does.
 */
export function createReferenceBackend(): Backend {
  let queue: Promise<unknown> = Promise.resolve();
  const enqueue = <T>(job: () => T | Promise<T>): Promise<T> => {
    const result = queue.then(job);
    queue = result.catch(() => undefined);
    return result;
  };
  return {
    device: { backend: 'reference', description: 'reference (TypeScript)', threads: 1 },
    createStore: () => new ReferenceStore(enqueue),
    async compile(graph, store) {
      verifyGraph(graph);
      if (!(store instanceof ReferenceStore)) throw new TypeError('this store belongs to another backend');
      return new ReferenceProgram(optimise(graph), store, enqueue);
    },
    dispose() {},
  };
}

type Enqueue = <T>(job: () => T | Promise<T>) => Promise<T>;

class ReferenceStore implements Store {
  readonly values = new Map<string, HostTensor>();
  #disposed = false;

  constructor(private readonly enqueue: Enqueue) {}

  async set(name: string, value: HostTensor): Promise<void> {
    const copy = { ...value, data: value.data.slice() };
    await this.enqueue(() => this.live().set(name, copy));
  }
  get(name: string): Promise<HostTensor> {
    return this.enqueue(() => {
      const value = this.live().get(name);
      if (!value) throw new Error(`the store has no state "${name}"`);
      return { ...value, data: value.data.slice() };
    });
  }
  has(name: string): boolean {
    return this.values.has(name);
  }
  entries(): ReadonlyMap<string, TensorType> {
    return new Map([...this.values].map(([name, { shape, dtype }]) => [name, { shape, dtype }]));
  }
  delete(name: string): void {
    this.values.delete(name);
  }
  dispose(): void {
    this.#disposed = true;
    this.values.clear();
  }
  live(): Map<string, HostTensor> {
    if (this.#disposed) throw new Error('the store was disposed');
    return this.values;
  }
}

class ReferenceProgram implements Program {
  readonly memoryBytes: number;
  readonly #needed: ReadonlyMap<string, TensorType>;
  /** For each node, the nodes whose values nobody needs after it. */
  readonly #lastUses: number[][];
  #disposed = false;

  constructor(
    private readonly graph: Graph,
    private readonly store: ReferenceStore,
    private readonly enqueue: Enqueue,
  ) {
    this.#needed = sources(graph, 'input');
    this.#lastUses = lastUses(graph);
    this.memoryBytes = graph.nodes.reduce((sum, n) => sum + n.outputs.reduce((s, t) => s + 4 * numel(t.shape), 0), 0);
  }

  async run(inputs: Readonly<Record<string, HostTensor>> = {}): Promise<Record<string, HostTensor>> {
    if (this.#disposed) throw new Error('the program was disposed');
    checkInputs(this.#needed, inputs);
    const copies = Object.fromEntries(
      [...this.#needed.keys()].map((k) => [k, { ...inputs[k]!, data: inputs[k]!.data.slice() }]),
    );
    return this.enqueue(() => this.interpret(copies));
  }

  dispose(): void {
    this.#disposed = true;
  }

  private async interpret(inputs: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>> {
    const states = this.store.live();
    const values: (HostTensor[] | undefined)[] = [];
    const read = ([n, o]: ValueRef) => values[n]![o]!;
    for (const [i, node] of this.graph.nodes.entries()) {
      values[i] = compute(node, node.inputs.map(read), inputs, states);
      for (const n of this.#lastUses[i]!) values[n] = undefined;
      await breathe();
    }
    const outputs = Object.fromEntries(
      Object.entries(this.graph.outputs).map(([name, r]) => [name, { ...read(r), data: read(r).data.slice() }]),
    );
    // All new values are taken before any is stored: a state may be another one's next value.
    const updates = Object.entries(this.graph.updates).map(([name, r]) => [name, read(r)] as const);
    for (const [name, value] of updates) states.set(name, { ...value, data: value.data.slice() });
    return outputs;
  }
}

/** Lets timers, signals and the page have their turn. The time runs on from one program to the next: many may be short. */
let breathed = 0;
async function breathe(): Promise<void> {
  if (performance.now() - breathed <= SLICE_MS) return;
  await new Promise((resume) => setTimeout(resume));
  breathed = performance.now();
}

function compute(
  node: GraphNode,
  inputs: readonly HostTensor[],
  given: Readonly<Record<string, HostTensor>>,
  states: ReadonlyMap<string, HostTensor>,
): HostTensor[] {
  if (node.op === 'input') return [given[(node.attrs as OpAttrs['input']).name]!];
  if (node.op === 'state') {
    const { name } = node.attrs as OpAttrs['state'];
    const value = states.get(name);
    if (!value) throw new Error(`the store has no state "${name}": initialise the network or load weights first`);
    checkInputs(new Map([[name, node.outputs[0]!]]), { [name]: value });
    return [value];
  }
  const outputs = node.outputs.map((t) => ({ ...t, data: allocate(t.dtype, numel(t.shape)) }));
  opDef(node.op).kernel(inputs, outputs, node.attrs as never);
  return outputs;
}

function lastUses(graph: Graph): number[][] {
  const kept = new Set([...Object.values(graph.outputs), ...Object.values(graph.updates)].map(([n]) => n));
  const last = new Map<number, number>();
  for (const [i, node] of graph.nodes.entries()) {
    last.set(i, i);
    for (const [n] of node.inputs) last.set(n, i);
  }
  const frees: number[][] = graph.nodes.map(() => []);
  for (const [n, i] of last) if (!kept.has(n)) frees[i]!.push(n);
  return frees;
}

import { allocate, type DType } from '../../tensor/dtype.js';
import { type Graph, sources, typeOf } from '../../tensor/graph.js';
import { formatShape, type HostTensor, numel, sameShape, type TensorType } from '../../tensor/shape.js';
import type { ProfiledRun, Program, StepInfo } from '../backend.js';
import type { Addon, CompiledProgram } from './addon.js';
import type { NativeStore } from './store.js';

/** A program compiled by the native engine. */
export class NativeProgram implements Program {
  private readonly outputTypes: readonly (readonly [string, TensorType])[];
  private readonly inputTypes: ReadonlyMap<string, TensorType>;
  private readonly creates: readonly (readonly [string, TensorType])[];
  private disposed = false;

  constructor(
    private readonly addon: Addon,
    private readonly compiled: CompiledProgram,
    private readonly steps: readonly StepInfo[],
    graph: Graph,
    private readonly store: NativeStore,
    private readonly onDispose: (p: NativeProgram) => void,
  ) {
    this.inputTypes = sources(graph, 'input');
    this.outputTypes = Object.entries(graph.outputs).map(([name, ref]) => [name, typeOf(graph, ref)] as const);
    this.creates = Object.entries(graph.updates).map(([name, ref]) => [name, typeOf(graph, ref)] as const);
  }

  get memoryBytes(): number {
    return this.disposed ? 0 : this.addon.memoryOf(this.compiled.handle);
  }

  /** The steps in order of execution with the implementation each one uses. */
  describe(): readonly StepInfo[] {
    return this.steps;
  }

  async run(inputs: Readonly<Record<string, HostTensor>> = {}): Promise<Record<string, HostTensor>> {
    return (await this.execute(inputs, false)).outputs;
  }

  async profile(inputs: Readonly<Record<string, HostTensor>> = {}): Promise<ProfiledRun> {
    const { outputs, times } = await this.execute(inputs, true);
    return { outputs, steps: this.steps.map((s, i) => ({ ...s, ms: times[i]! })) };
  }

  // Up to the first await all is done at once: the add-on copies the inputs before this call returns.
  private async execute(inputs: Readonly<Record<string, HostTensor>>, profile: boolean) {
    if (this.disposed) throw new Error('this program was disposed: compile the graph again');
    if (this.store.disposed) throw new Error('the store of this program was disposed');
    for (const [name, type] of this.inputTypes) this.checkInput(name, type, inputs[name]);
    const arrays = this.compiled.inputs.map((name) => inputs[name]!.data);
    const results = this.outputTypes.map(([, t]) => allocate(t.dtype, numel(t.shape)));
    const done = this.addon.run(this.compiled.handle, arrays, results, profile);
    for (const [name, type] of this.creates) this.store.note(name, type);
    const times = await done;
    const outputs = Object.fromEntries(
      this.outputTypes.map(([name, t], i) => [name, { shape: t.shape, dtype: t.dtype, data: results[i]! }]),
    );
    return { outputs, times };
  }

  private checkInput(name: string, type: TensorType, given: HostTensor | undefined): void {
    const expected = show(type.dtype, type.shape);
    if (!given) throw new Error(`run: input "${name}" is missing; the program expects ${expected}`);
    if (given.dtype !== type.dtype || !sameShape(given.shape, type.shape) || given.data.length !== numel(type.shape))
      throw new Error(`run: input "${name}" is ${show(given.dtype, given.shape)}, the program expects ${expected}`);
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.addon.programDispose(this.compiled.handle);
    this.onDispose(this);
  }
}

const show = (dtype: DType, shape: readonly number[]) => `${dtype}${formatShape(shape)}`;

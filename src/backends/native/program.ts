import { allocate, type DType, type TypedArray } from '../../tensor/dtype.js';
import { type Graph, sources, typeOf } from '../../tensor/graph.js';
import { formatShape, type HostTensor, numel, sameShape, type TensorType } from '../../tensor/shape.js';
import type { Program } from '../backend.js';
import type { Addon, CompiledProgram, StepInfo } from './addon.js';
import type { NativeStore } from './store.js';

/** One step with its time in milliseconds. */
export interface ProfiledStep extends StepInfo {
  readonly ms: number;
}

/** A program compiled by the native engine. */
export class NativeProgram implements Program {
  private readonly outputTypes: readonly (readonly [string, TensorType])[];
  private readonly inputTypes: ReadonlyMap<string, TensorType>;
  private readonly creates: readonly (readonly [string, TensorType])[];
  private disposed = false;

  constructor(
    private readonly addon: Addon,
    private readonly compiled: CompiledProgram,
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
    return this.compiled.steps;
  }

  async run(inputs: Readonly<Record<string, HostTensor>> = {}): Promise<Record<string, HostTensor>> {
    const outputs = this.outputTypes.map(([, t]) => allocate(t.dtype, numel(t.shape)));
    await this.execute(inputs, outputs, false);
    return Object.fromEntries(
      this.outputTypes.map(([name, t], i) => [name, { shape: t.shape, dtype: t.dtype, data: outputs[i]! }]),
    );
  }

  /** Runs once (updates included) and gives the time of every step. */
  async profile(inputs: Readonly<Record<string, HostTensor>> = {}): Promise<ProfiledStep[]> {
    const outputs = this.outputTypes.map(([, t]) => allocate(t.dtype, numel(t.shape)));
    const times = await this.execute(inputs, outputs, true);
    return this.compiled.steps.map((s, i) => ({ ...s, ms: times[i]! }));
  }

  // Not async: the add-on copies the inputs before this call returns.
  private execute(
    inputs: Readonly<Record<string, HostTensor>>,
    outputs: TypedArray[],
    profile: boolean,
  ): Promise<Float64Array> {
    if (this.disposed) return Promise.reject(new Error('this program was disposed: compile the graph again'));
    if (this.store.disposed) return Promise.reject(new Error('the store of this program was disposed'));
    for (const [name, type] of this.inputTypes) this.checkInput(name, type, inputs[name]);
    const arrays = this.compiled.inputs.map((name) => inputs[name]!.data);
    const done = this.addon.run(this.compiled.handle, arrays, outputs, profile);
    for (const [name, type] of this.creates) this.store.note(name, type);
    return done;
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

import type { Backend, CompileOptions, Program } from '../backends/backend.js';
import type { Module } from '../nn/module.js';
import type { HostTensor, TensorType } from '../tensor/shape.js';
import type { Normalize } from '../train/config.js';
import { Session } from '../train/session.js';
import { buildPrediction } from '../train/step.js';

export interface ProgramsOptions {
  readonly normalize: Normalize;
  /** How all of them are compiled. */
  readonly how?: Omit<CompileOptions, 'name'>;
  /** Bytes that programs may take for their values; beyond, the one that was not used for longest goes. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Programs kept at most. Default 24. */
  readonly most?: number;
}

/** Those that were asked for last are never dropped: they may be about to run. */
const LEAST = 4;

/** A network on a device, compiled for the image shapes it is asked about, as many as memory is kept for. */
export class Programs {
  private readonly session: Session;
  private readonly programs = new Map<string, Promise<Program>>();
  private readonly sizes = new Map<string, number>();
  /** Compilations so far. */
  compiled = 0;

  constructor(
    readonly net: Module,
    backend: Backend,
    private readonly options: ProgramsOptions,
  ) {
    this.session = new Session(net, backend, options.how);
  }

  /** How many there are. */
  get count(): number {
    return this.programs.size;
  }

  /** Bytes they take. */
  get bytes(): number {
    return [...this.sizes.values()].reduce((a, b) => a + b, 0);
  }

  has(shape: readonly number[]): boolean {
    return this.programs.has(String(shape));
  }

  /** The network's (main) output for uint8 images [N, C, H, W]. */
  async run(image: HostTensor): Promise<HostTensor> {
    await this.session.materialise(0);
    const program = await this.program(image);
    return Object.values(await program.run({ image }))[0]!;
  }

  /** Compiles for images of a shape ahead of the first request. */
  async prepare(type: TensorType): Promise<void> {
    await this.session.materialise(0);
    await this.program(type);
  }

  private program(type: TensorType): Promise<Program> {
    const key = String(type.shape);
    let program = this.programs.get(key);
    if (program) this.programs.delete(key);
    else {
      this.compiled++;
      const image = { shape: type.shape, dtype: type.dtype };
      const { net, options } = this;
      program = Promise.resolve().then(() =>
        this.session.compile(`predict ${key}`, buildPrediction({ net, normalize: options.normalize }, image)),
      );
      program.then(
        (p) => this.grew(key, p),
        () => this.programs.delete(key),
      );
    }
    // The order of the map is that of use.
    this.programs.set(key, program);
    return program;
  }

  private grew(key: string, { memoryBytes }: Program): void {
    this.sizes.set(key, memoryBytes);
    const { maxBytes = 2 ** 30, most = 24 } = this.options;
    for (const [old, program] of this.programs) {
      if (this.count <= LEAST || (this.bytes <= maxBytes && this.count <= most)) return;
      if (!this.sizes.has(old)) continue;
      this.programs.delete(old);
      this.sizes.delete(old);
      program.then((p) => p.dispose()).catch(() => {});
    }
  }

  dispose(): void {
    this.session.dispose();
    for (const program of this.programs.values()) program.then((p) => p.dispose()).catch(() => {});
    this.programs.clear();
    this.sizes.clear();
  }
}

import type { Backend, ProfiledStep, Program } from '../backends/backend.js';

export interface ProfilerOptions {
  /** Runs of a program before the first measured one. Default 3. */
  readonly warmUp?: number;
  /** Measured runs. Default 5. */
  readonly runs?: number;
  /** Nothing is counted before `start` is called. */
  readonly paused?: boolean;
  /**
   * Which programs are measured, by the name they are compiled under: of all with one part only the first compiled one,
   * none where it is undefined.
   */
  readonly part: (name: string) => string | undefined;
}

/**
 * Measures the steps of programs while others use them: `backend` does what the given one does, to the bit, and some
 * runs of the wanted programs are timed step by step.
 */
export class Profiler {
  readonly backend: Backend;
  private readonly found = new Map<string, (readonly ProfiledStep[])[]>();
  private readonly runs: number;
  private paused: boolean;

  /** @throws Error if the backend cannot time steps */
  constructor(inner: Backend, options: ProfilerOptions) {
    const { warmUp = 3, runs = 5, paused = false, part } = options;
    if (inner.device.backend === 'reference')
      throw new Error(`a profile needs the native device: ${inner.device.description} cannot time its steps`);
    this.runs = runs;
    this.paused = paused;
    this.backend = {
      device: inner.device,
      createStore: () => inner.createStore(),
      dispose: () => inner.dispose(),
      compile: async (graph, store, how = {}) => {
        const program = await inner.compile(graph, store, how);
        const name = part(how.name ?? '');
        if (name === undefined || this.found.has(name)) return program;
        const measured: (readonly ProfiledStep[])[] = [];
        this.found.set(name, measured);
        let count = 0;
        const isMeasured = () => !this.paused && count++ >= warmUp && count <= warmUp + runs;
        return profiled(program, isMeasured, measured);
      },
    };
  }

  start(): void {
    this.paused = false;
  }

  /** All that was to be measured is. */
  get done(): boolean {
    return this.found.size > 0 && [...this.found.values()].every((measured) => measured.length >= this.runs);
  }

  /** Measured runs; where several programs make a step, their steps are one after the other. */
  get measured(): (readonly ProfiledStep[])[] {
    const parts = [...this.found.values()].filter((measured) => measured.length > 0);
    const runs = parts.length > 0 ? Math.min(...parts.map((measured) => measured.length)) : 0;
    return Array.from({ length: runs }, (_, i) => parts.flatMap((measured) => measured[i]!));
  }
}

function profiled(program: Program, isMeasured: () => boolean, into: (readonly ProfiledStep[])[]): Program {
  return {
    get memoryBytes() {
      return program.memoryBytes;
    },
    run: async (inputs) => {
      if (!isMeasured() || !program.profile) return program.run(inputs);
      const { outputs, steps } = await program.profile(inputs);
      into.push(steps);
      return outputs;
    },
    dispose: () => program.dispose(),
  };
}

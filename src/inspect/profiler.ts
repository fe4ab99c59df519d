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
  private readonly parts = new Map<string, { name: string; measured: (readonly ProfiledStep[])[] }>();
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
        const { name = '' } = how;
        const key = part(name);
        const before = key === undefined ? undefined : this.parts.get(key);
        // A program that is compiled again takes the place of the one that did not run.
        const taken = before && (before.name !== name || before.measured.length > 0);
        if (key === undefined || taken) return program;
        const measured: (readonly ProfiledStep[])[] = [];
        this.parts.set(key, { name, measured });
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
    return this.parts.size > 0 && [...this.parts.values()].every((p) => p.measured.length >= this.runs);
  }

  /** Measured runs; where several programs make a step, their steps are one after the other. */
  get measured(): (readonly ProfiledStep[])[] {
    const parts = [...this.parts.values()].map((p) => p.measured).filter((measured) => measured.length > 0);
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

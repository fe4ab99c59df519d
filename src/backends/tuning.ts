import type { DeviceInfo } from './backend.js';

export type ConvolutionAlgorithm = 'direct' | 'winograd';

/** What a convolution is computed by. */
export interface ConvolutionChoice {
  readonly algorithm: ConvolutionAlgorithm;
  /** Milliseconds of each algorithm, if they were measured: of the one that was not tried none. */
  readonly ms?: { readonly [algorithm in ConvolutionAlgorithm]?: number };
}

/** By direction and shapes (`backward-data 4x64x56x56 64x64x3x3 p1x1`). */
export type ConvolutionChoices = ReadonlyMap<string, ConvolutionChoice>;

/** Where choices outlive a process: this machine's. Both reject with one sentence that names the file. */
export interface ChoiceCache {
  load(device: DeviceInfo): Promise<ConvolutionChoices>;
  /** Adds to what is kept; replaces what cannot be read. */
  save(device: DeviceInfo, choices: ConvolutionChoices): Promise<void>;
}

/** Where choices are written down: a run's, so that it computes the same bits when it goes on. */
export type ChoiceRecord = (choices: ConvolutionChoices) => Promise<void>;

/**
 * Measured algorithms of convolutions instead of the backend's table, for all programs of one network. What a program needs
 * and nobody knows yet is measured when it is compiled; everything else comes from the run's record or from the machine's
 * cache. The first choice made stays.
 */
export class ConvolutionTuning {
  /** How many convolutions were measured by compiling with it. */
  measured = 0;
  /** From the cache and from measurements: used if a program asks. */
  private known: Promise<Map<string, ConvolutionChoice>> | undefined;
  /** What programs compute with. */
  private readonly used = new Map<string, ConvolutionChoice>();
  private record: ChoiceRecord | undefined;
  private last: Promise<unknown> = Promise.resolve();

  /** @param warn is told of a cache that cannot be read or written: everything works without it, but measures again */
  constructor(
    private readonly cache?: ChoiceCache,
    private readonly warn: (message: string) => void = () => {},
  ) {}

  /** What programs use so far. */
  get choices(): ConvolutionChoices {
    return this.used;
  }

  /**
   * From now on choices are written down with `record`; those of `recorded` hold whatever the cache says.
   * @returns false if a program that was compiled before uses another algorithm than `recorded` says
   */
  async follow(recorded: ConvolutionChoices, record: ChoiceRecord): Promise<boolean> {
    await this.last;
    let same = true;
    for (const [key, choice] of recorded) {
      const before = this.used.get(key);
      same &&= before === undefined || before.algorithm === choice.algorithm;
      this.used.set(key, choice);
    }
    this.record = record;
    await record(this.used);
    return same;
  }

  /** Nothing is written down any more. */
  leave(): void {
    this.record = undefined;
  }

  /**
   * For backends: compiles with what is known, one program after the other so that nothing is measured twice.
   * @param compile gives the choices of the program, and how many of them it measured
   */
  async compile<T extends { readonly choices: ConvolutionChoices; readonly measured: number }>(
    device: DeviceInfo,
    compile: (known: ConvolutionChoices) => Promise<T>,
  ): Promise<T> {
    const turn = this.last.then(async () => {
      const known = await (this.known ??= this.load(device));
      const done = await compile(new Map([...known, ...this.used]));
      await this.note(device, done, known);
      return done;
    });
    this.last = turn.catch(() => {});
    return turn;
  }

  private async load(device: DeviceInfo): Promise<Map<string, ConvolutionChoice>> {
    try {
      return new Map(await this.cache?.load(device));
    } catch (error) {
      this.warn(`${(error as Error).message}; algorithms are measured again`);
      return new Map();
    }
  }

  private async note(
    device: DeviceInfo,
    { choices, measured }: { readonly choices: ConvolutionChoices; readonly measured: number },
    known: Map<string, ConvolutionChoice>,
  ): Promise<void> {
    const added = [...choices].filter(([key]) => !this.used.has(key));
    const fresh = new Map(added.filter(([key]) => !known.has(key)));
    for (const [key, choice] of fresh) known.set(key, choice);
    for (const [key] of added) this.used.set(key, known.get(key)!);
    this.measured += measured;
    // The record first: no bit of a run may depend on a choice that is not on the disk.
    if (added.length > 0) await this.record?.(this.used);
    if (fresh.size > 0)
      await this.cache?.save(device, fresh).catch((error: Error) => {
        this.warn(`${error.message}; the algorithms measured now are not kept for other runs`);
      });
  }
}

const ALGORITHMS: readonly string[] = ['direct', 'winograd'] satisfies ConvolutionAlgorithm[];

/** For files: keys with their choices, in order. */
export const choicesToJson = (choices: ConvolutionChoices): Record<string, ConvolutionChoice> =>
  Object.fromEntries([...choices].sort(([a], [b]) => (a < b ? -1 : 1)));

/** @throws Error that says what is wrong if it is not what `choicesToJson` gives */
export function choicesFromJson(json: unknown): Map<string, ConvolutionChoice> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error('it has no object of choices');
  return new Map(
    Object.entries(json).map(([key, value]) => {
      const { algorithm, ms } = (value ?? {}) as Partial<ConvolutionChoice>;
      if (typeof algorithm !== 'string' || !ALGORITHMS.includes(algorithm))
        throw new Error(`the algorithm of "${key}" is ${JSON.stringify(algorithm)}, expected direct or winograd`);
      return [key, { algorithm, ...(isTimes(ms) ? { ms } : {}) }];
    }),
  );
}

const isTimes = (ms: unknown): ms is NonNullable<ConvolutionChoice['ms']> =>
  typeof ms === 'object' &&
  ms !== null &&
  Object.entries(ms).every(([name, time]) => ALGORITHMS.includes(name) && typeof time === 'number');

let openCache: (() => ChoiceCache) | undefined;

/** Says where choices outlive the process. Without it they do not. */
export function setChoiceCache(open: () => ChoiceCache): void {
  openCache = open;
}

let tell = (message: string): void => console.warn(message);

/** Says where warnings about that cache go that nobody else listens to. Default: the console. */
export function setTuningWarning(warn: (message: string) => void): void {
  tell = warn;
}

/** Measures, and keeps what it measured in this machine's cache where there is one. */
export const machineTuning = (warn = tell): ConvolutionTuning => new ConvolutionTuning(openCache?.(), warn);

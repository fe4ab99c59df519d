import { normaliseName, unknownName } from './suggest.js';

/** Plain JSON values. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** A thing made by name with options, as it stands in a run's `config.json`: a loss, an optimizer, a scheduler, a metric. */
export interface Spec {
  readonly name: string;
  readonly options?: { readonly [key: string]: Json | undefined };
}

/** Options as they come from JSON; factories check them. */
export type SpecOptions = Readonly<Record<string, unknown>>;

/**
 * Factories by name. Spelling is lenient (`oneCycle`, `one-cycle` and `onecycle` are one); a name that is not
 * known is an error that suggests the nearest.
 */
export class Registry<T> {
  private readonly entries = new Map<string, { name: string; make: (options: SpecOptions) => T }>();
  private readonly names_: string[] = [];

  /** @param kind what the things are called in messages: "optimizer" */
  constructor(readonly kind: string) {}

  /** Adds a factory under its name and other spellings. A name that is already taken is refused. */
  register(name: string, make: (options: SpecOptions) => T, ...aliases: string[]): this {
    for (const spelling of [name, ...aliases]) {
      const key = normaliseName(spelling);
      if (this.entries.has(key)) throw new Error(`the ${this.kind} "${spelling}" is already registered`);
      this.entries.set(key, { name, make });
    }
    this.names_.push(name);
    return this;
  }

  /** Names in order of registration, without aliases. */
  names(): readonly string[] {
    return this.names_;
  }

  has(name: string): boolean {
    return this.entries.has(normaliseName(name));
  }

  /** @throws Error in one sentence if the name is unknown or the options do not fit */
  make(spec: string | Spec): T {
    const { name, options = {} } = typeof spec === 'string' ? { name: spec } : spec;
    const entry = this.entries.get(normaliseName(name));
    if (!entry) throw new Error(unknownName(this.kind, name, this.names_));
    return entry.make(options);
  }
}

/**
 * Checks the keys of an options object against the known ones, so that a misspelt option is not silently ignored.
 * @throws Error that names the option and suggests the nearest
 */
export function checkOptions(what: string, options: object, known: readonly string[]): void {
  for (const [key, value] of Object.entries(options))
    if (value !== undefined && !known.includes(key)) throw new Error(unknownName(`option of ${what}`, key, known));
}

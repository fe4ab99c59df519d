/** Limits of a number; bounds are inclusive unless they are called `above` and `below`. */
export interface Limits {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly below?: number;
  readonly integer?: boolean;
}

/** Gives back `value` if it is a finite number within the limits. Throws one sentence that holds the bad value. */
export function checkNumber(what: string, value: unknown, limits: Limits = {}): number {
  const { min, max, above, below, integer } = limits;
  const good =
    typeof value === 'number' &&
    Number.isFinite(value) &&
    (!integer || Number.isInteger(value)) &&
    (min === undefined || value >= min) &&
    (max === undefined || value <= max) &&
    (above === undefined || value > above) &&
    (below === undefined || value < below);
  if (!good) throw new RangeError(`${what} must be ${describe(limits)}, got ${show(value)}`);
  return value;
}

function describe({ min, max, above, below, integer }: Limits): string {
  const parts: string[] = [];
  if (min !== undefined) parts.push(`at least ${min}`);
  if (above !== undefined) parts.push(`greater than ${above}`);
  if (max !== undefined) parts.push(`at most ${max}`);
  if (below !== undefined) parts.push(`less than ${below}`);
  return `${integer ? 'a whole number' : 'a finite number'}${parts.length ? ` ${parts.join(' and ')}` : ''}`;
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  return String(value);
}

/** Gives back `value` if it is true or false. */
export function checkBoolean(what: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${what} must be true or false, got ${show(value)}`);
  return value;
}

/** A height and width from one number or two. */
export function checkPair(what: string, value: unknown, limits: Limits): readonly [number, number] {
  if (!Array.isArray(value)) {
    const n = checkNumber(what, value, limits);
    return [n, n];
  }
  if (value.length !== 2) throw new RangeError(`${what} must be one number or [height, width], got ${show(value)}`);
  return [checkNumber(`${what}[0]`, value[0], limits), checkNumber(`${what}[1]`, value[1], limits)];
}

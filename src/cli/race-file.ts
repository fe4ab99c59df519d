import { existsSync } from 'node:fs';
import type { DeviceInfo } from '../backends/backend.js';
import { type Contestant, makeContestants, type Variation } from '../race/contestants.js';
import { openStorage } from '../train/storage.js';
import { CommandError, ExitCode } from './errors.js';
import type { Field, Fields } from './fields.js';
import { nameOf, resolveOptions, type Values } from './options.js';
import { camelCase, splitOutsideBrackets } from './spec.js';

export const RACE_FILE = 'race.json';

/** What a race is about, kept in its directory: enough to go on with it. */
export interface RaceFile {
  readonly format: 1;
  readonly contestants: readonly Contestant[];
  /** Options that all have. */
  readonly options: Values;
  /** Training seconds of each run; or `epochs`. */
  readonly budget?: number;
  readonly epochs?: number;
  readonly seeds: readonly number[];
  /** What all of it runs on. */
  readonly device: DeviceInfo;
  /** By the contestant's directory. */
  readonly costs: Readonly<Record<string, Cost>>;
}

/** What a contestant costs, and how many epochs its runs were planned for. */
export interface Cost {
  readonly parameters: number;
  /** Of a prediction for one image. */
  readonly multiplyAdds: number;
  /** Of training, on the device. */
  readonly memoryBytes: number;
  readonly epochs: number;
}

export const writeRace = (out: string, race: RaceFile): Promise<void> =>
  openStorage(out).writeAtomic(RACE_FILE, `${JSON.stringify(race, null, 2)}\n`);

/** @throws CommandError if there is no race, or its file is damaged */
export async function readRace(out: string): Promise<RaceFile> {
  const bytes = await openStorage(out).read(RACE_FILE);
  if (!bytes) throw new CommandError(`${out} holds no race to go on with: it has no ${RACE_FILE}`);
  try {
    const race = JSON.parse(new TextDecoder().decode(bytes)) as RaceFile;
    if (race.format === 1 && Array.isArray(race.contestants) && Array.isArray(race.seeds) && race.costs && race.device)
      return race;
  } catch {
    // The sentence below says it.
  }
  throw new CommandError(`${out}/${RACE_FILE} is damaged, or of a newer version: start the race anew elsewhere`);
}

export const holdsRace = (out: string): boolean => existsSync(`${out}/${RACE_FILE}`);

/**
 * `lr=0.01,0.1`: an option of `fovea train` and the values it takes in turn. Values that hold commas are separated by
 * semicolons.
 * @throws CommandError for an option that cannot vary or a value that is wrong for it
 */
export async function parseVariation(text: string, fields: Fields): Promise<Variation> {
  const at = text.indexOf('=');
  const name = camelCase(text.slice(0, at).trim());
  const usage = (sentence: string) => new CommandError(sentence, ExitCode.usage);
  if (at < 1) throw usage(`--vary is "${text}", expected an option and its values, such as --vary lr=0.01,0.1`);
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (!field)
    throw usage(`--vary ${text.slice(0, at)}: this cannot vary in a race; what can: ${Object.keys(fields).join(', ')}`);
  const rest = text.slice(at + 1);
  const texts = rest.includes(';') ? rest.split(';') : splitOutsideBrackets(rest);
  const values: { text: string; value: unknown }[] = [];
  for (const typed of texts.map((t) => t.trim())) {
    if (typed === '') throw usage(`--vary is "${text}": there is a value missing`);
    const value = parseValue(field, name, typed);
    await resolveOptions({ [name]: value }, fields);
    const same = values.find((v) => JSON.stringify(v.value) === JSON.stringify(value));
    if (same) throw usage(`--vary is "${text}": ${same.text} and ${typed} are the same`);
    values.push({ text: typed, value });
  }
  return { name, values };
}

function parseValue(field: Field, name: string, typed: string): unknown {
  try {
    if (field.flags.includes('<')) return field.parse ? field.parse(typed, undefined) : typed;
    if (typed === 'true' || typed === 'false') return typed === 'true';
  } catch {
    // The sentence below says it.
  }
  throw new CommandError(
    `--vary: ${nameOf(field.flags, name)} is "${typed}", expected ${field.expected}`,
    ExitCode.usage,
  );
}

/** The contestants that the command line names. */
export async function contestantsOf(
  models: readonly string[],
  vary: readonly string[],
  fields: Fields,
): Promise<Contestant[]> {
  const variations = await Promise.all(vary.map((v) => parseVariation(v, fields)));
  const names = variations.map((v) => v.name);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined)
    throw new CommandError(`--vary names ${twice} twice: give all its values at once`, ExitCode.usage);
  try {
    return makeContestants(models, variations);
  } catch (error) {
    throw new CommandError((error as Error).message, ExitCode.usage);
  }
}

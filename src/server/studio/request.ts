import type { z } from 'zod';
import type { Field, Fields } from '../../cli/fields.js';
import { isModelPath } from '../../cli/network.js';
import { parseSpec } from '../../cli/spec.js';
import { trainFields, withResume } from '../../cli/train-fields.js';
import { modelEntry } from '../../models/index.js';
import { recipe } from '../../train/recipes.js';
import { unknownName } from '../../util/suggest.js';
import type { StartRequest } from './api.js';

/**
 * Options of `fovea train` that a page may not set: they name files that are written, hold other options, or are about the
 * terminal and the place of the run, which the studio decides.
 */
const OWN = [
  'out',
  'overwrite',
  'resume',
  'dryRun',
  'trace',
  'profile',
  'config',
  'json',
  'quiet',
  'logEvery',
] as const;

/** What may be set before a start. */
export const startFields: Fields = Object.fromEntries(
  Object.entries(trainFields).filter(([name]) => !(OWN as readonly string[]).includes(name)),
);

/** What may be said when a run goes on. */
const resumeFields: Fields = Object.fromEntries(
  Object.entries(startFields).filter(([name]) => withResume.includes(name)),
);

/** A request that is not as it should be, and the field that it is about. */
export class FieldProblem extends Error {
  constructor(
    message: string,
    readonly field?: string,
  ) {
    super(message);
  }
}

/** A start that can be tried: the network and the arguments of `fovea train`, each of them checked. */
export interface Asked {
  /** Undefined where a recipe says it. */
  readonly model: string | undefined;
  /** Name of the network and of the data, for the name of the run. */
  readonly title: string;
  readonly args: readonly string[];
}

/** @throws FieldProblem */
export async function readStart(body: unknown): Promise<Asked> {
  const { model, options } = shapeOf(body);
  const values = await readOptions(options, startFields);
  const given =
    typeof values.recipe === 'string' ? attempt('recipe', () => recipe(values.recipe as string)) : undefined;
  const network = model ?? given?.network;
  if (network === undefined) throw new FieldProblem('choose a network or a recipe', 'model');
  if (isModelPath(network))
    throw new FieldProblem(
      `${network} is a program of your own: start it in the terminal with fovea train, the studio shows it too`,
      'model',
    );
  const entry = attempt('model', () => modelEntry(parseSpec(network).name));
  const data = (values.data ?? given?.options.data ?? (entry.task === 'segmentation' ? 'cells' : 'mnist')) as string;
  const named = data
    .replace(/[/\\]+$/, '')
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.csv$/i, '');
  return {
    model,
    title: `${entry.name}-${named}`.replaceAll(/[^\w.-]+/g, '-').slice(0, 80),
    args: [...(model === undefined ? [] : [model]), ...argsOf(options, startFields)],
  };
}

/** Arguments beside `--resume`. @throws FieldProblem */
export async function readResume(body: unknown): Promise<string[]> {
  const { options } = shapeOf({ options: {}, ...(body as object) });
  await readOptions(options, resumeFields);
  return argsOf(options, resumeFields);
}

/** What was asked for, without what was left empty. */
function shapeOf(body: unknown): StartRequest {
  const { model, options = {}, ...rest } = (isObject(body) ? body : {}) as Record<string, unknown>;
  const other = Object.keys(rest)[0];
  if (!isObject(body) || !isObject(options)) throw new FieldProblem('send { "model", "options" }');
  if (other !== undefined) throw new FieldProblem(unknownName('part of the request', other, ['model', 'options']));
  if (model !== undefined && typeof model !== 'string') throw new FieldProblem('the network is not text', 'model');
  const kept = Object.entries(options).filter(([, value]) => value !== '' && value !== undefined && value !== null);
  const name = model?.trim();
  // Nothing that the command line would take for an option.
  if (name && !/^[\w./\\~][^\0]*$/.test(name))
    throw new FieldProblem(`${JSON.stringify(name.slice(0, 100))} is no network`, 'model');
  return { ...(name ? { model: name } : {}), options: Object.fromEntries(kept) as StartRequest['options'] };
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The options' values, each checked as on the command line. */
async function readOptions(options: StartRequest['options'], fields: Fields): Promise<Record<string, unknown>> {
  const { z } = await import('zod');
  const values: Record<string, unknown> = {};
  for (const [name, typed] of Object.entries(options)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) throw refusal(name, fields);
    values[name] = readValue(name, field, typed, z);
  }
  return values;
}

function refusal(name: string, fields: Fields): FieldProblem {
  if ((OWN as readonly string[]).includes(name))
    return new FieldProblem(`"${name}" cannot be set in the studio: give it to fovea train in the terminal`, name);
  if (Object.hasOwn(startFields, name))
    return new FieldProblem(`"${name}" cannot change when a run goes on: start another run with it`, name);
  return new FieldProblem(unknownName('option', name, Object.keys(fields)), name);
}

function readValue(name: string, field: Field, typed: unknown, z_: typeof z): unknown {
  const bad = () =>
    new FieldProblem(`${flagOf(field)} is ${JSON.stringify(typed)?.slice(0, 200)}, expected ${field.expected}`, name);
  if (!['string', 'number', 'boolean'].includes(typeof typed)) throw bad();
  if (typeof typed === 'string' && typed.includes('\0')) throw bad();
  let value = typed;
  try {
    if (isSwitch(field)) value = typed === 'true' ? true : typed === 'false' ? false : typed;
    else if (typeof typed === 'string' && field.parse) value = field.parse(typed, undefined);
  } catch {
    throw bad();
  }
  if (!field.schema(z_).safeParse(value).success) throw bad();
  return value;
}

/** `--batch-size <n>` -> `--batch-size` */
export const flagOf = ({ flags }: Field): string => /--[\w-]+/.exec(flags)![0];

export const isSwitch = ({ flags }: Field): boolean => !flags.includes('<');

/** As they are typed. A value is part of its option's argument, so that it is never taken for one. */
function argsOf(options: StartRequest['options'], fields: Fields): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const field = fields[name]!;
    if (isSwitch(field)) return value === true || value === 'true' ? [flagOf(field)] : [];
    return [`${flagOf(field)}=${value}`];
  });
}

function attempt<T>(field: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new FieldProblem((error as Error).message, field);
  }
}

const KINDS: Readonly<Record<string, string>> = {
  network: 'model',
  'data set': 'data',
  loss: 'loss',
  optimizer: 'optimizer',
  scheduler: 'scheduler',
  metric: 'metrics',
  augmentation: 'augment',
  transform: 'augment',
};

/** Which field a sentence of `fovea train` is about: it names the option, or the kind of thing that it does not know. */
export function fieldOf(sentence: string): string | undefined {
  for (const [flag] of sentence.matchAll(/--[a-z][\w-]*/g)) {
    const found = Object.entries(startFields).find(([, field]) => flagOf(field) === flag);
    if (found) return found[0];
  }
  const kind = /^unknown (network|data set|loss|optimizer|scheduler|metric|augmentation|transform)\b/i.exec(
    sentence,
  )?.[1];
  return kind && KINDS[kind.toLowerCase()];
}

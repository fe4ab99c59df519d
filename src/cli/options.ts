import { readFile } from 'node:fs/promises';
import { fileError } from '../node/errors.js';
import { unknownName } from '../util/suggest.js';
import { CommandError } from './errors.js';
import type { Fields } from './fields.js';
import { camelCase } from './spec.js';

/** A command's options as plain values, by the names of its fields. */
export type Values = Readonly<Record<string, unknown>>;

/**
 * Options from a file and from the command line (which wins), checked.
 *
 * @param given what was typed
 * @param extra names that a file may also hold: the command's arguments
 * @throws CommandError naming the option, what it is and what was expected
 */
export async function resolveOptions(given: Values, fields: Fields, extra: Fields = {}): Promise<Values> {
  const known = { ...fields, ...extra };
  const file = given.config as string | undefined;
  const fromFile = file === undefined ? {} : await readConfigFile(file, known);
  const merged: Record<string, unknown> = { ...fromFile };
  for (const [name, value] of Object.entries(given)) if (value !== undefined) merged[name] = value;
  const { z } = await import('zod');
  for (const [name, value] of Object.entries(merged)) {
    const field = known[name];
    if (!field || field.schema(z).safeParse(value).success) continue;
    const typed = given[name] !== undefined;
    const where = typed ? nameOf(field.flags, name) : `"${name}" in ${file}`;
    throw new CommandError(`${where} is ${show(value)}, expected ${field.expected}`);
  }
  return merged;
}

/** `--batch-size <n>` -> `--batch-size`; arguments are called by their name. */
export const nameOf = (flags: string, name: string) => /--[\w-]+/.exec(flags)?.[0] ?? name;

function show(value: unknown): string {
  if (Array.isArray(value) && value.length === 2 && value.every((v) => typeof v === 'number')) return value.join('x');
  return JSON.stringify(value) ?? String(value);
}

async function readConfigFile(file: string, known: Fields): Promise<Record<string, unknown>> {
  if (/\.(ya?ml|toml)$/i.test(file)) throw new CommandError(`${file}: configuration files are JSON; write it as .json`);
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    throw fileError(error, file, 'read');
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (error) {
    throw new CommandError(`${file} is not JSON (${(error as Error).message})`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new CommandError(`${file} must hold one object, for example { "epochs": 10, "lr": 0.01 }`);
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parsed)) {
    const name = camelCase(key);
    if (!(name in known) || name === 'config') {
      const names = Object.keys(known).filter((n) => n !== 'config');
      throw new CommandError(`${file}: ${unknownName('option', key, names)}`);
    }
    values[name] = value;
  }
  return values;
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import { splitOutsideBrackets } from './spec.js';

type Z = typeof z;

/**
 * One option of a command: how it is typed, what it means, how text becomes its value, and what a value from the
 * command line or a file must be.
 */
export interface Field {
  readonly flags: string;
  readonly help: string;
  /** What is right, for the sentence about what is wrong: "a whole number of at least 1". */
  readonly expected: string;
  readonly parse?: (text: string, before: unknown) => unknown;
  readonly schema: (z: Z) => z.ZodType;
}

export type Fields = Readonly<Record<string, Field>>;

/** A number, or wrong usage. Whether it is in range is said by the schema. */
function number(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

const list = (text: string, before: unknown): string[] => [
  ...((before as string[] | undefined) ?? []),
  ...splitOutsideBrackets(text),
];

type Rest = readonly [flags: string, help: string];

export const text = (...[flags, help]: Rest): Field => ({
  flags,
  help,
  expected: 'text',
  schema: (z) => z.string().min(1),
});

export const flag = (...[flags, help]: Rest): Field => ({
  flags,
  help,
  expected: 'true or false',
  schema: (z) => z.boolean(),
});

/** A whole number of at least `min`. */
export const count = (flags: string, help: string, min = 1): Field => ({
  flags,
  help,
  expected: `a whole number of at least ${min}`,
  parse: number,
  schema: (z) => z.int().min(min),
});

/** A number in a range; a bound is left out of it where `open` says so. */
export function real(flags: string, help: string, range: { min?: number; above?: number; below?: number } = {}): Field {
  const { min, above, below } = range;
  const parts = [
    min !== undefined ? `at least ${min}` : '',
    above !== undefined ? `above ${above}` : '',
    below !== undefined ? `below ${below}` : '',
  ].filter(Boolean);
  return {
    flags,
    help,
    expected: parts.length > 0 ? `a number ${parts.join(' and ')}` : 'a number',
    parse: number,
    schema: (z) => {
      let s = z.number();
      if (min !== undefined) s = s.min(min);
      if (above !== undefined) s = s.gt(above);
      if (below !== undefined) s = s.lt(below);
      return s;
    },
  };
}

export const choice = (flags: string, help: string, values: readonly string[]): Field => ({
  flags,
  help,
  expected: `one of ${values.join(', ')}`,
  schema: (z) => z.enum(values as [string, ...string[]]),
});

/** Text, or from a file also `{ name, options }`. */
export const spec = (...[flags, help]: Rest): Field => ({
  flags,
  help,
  expected: 'a name, or { "name", "options" }',
  schema: (z) => z.union([z.string().min(1), z.looseObject({ name: z.string().min(1) })]),
});

/** Several, separated by commas or by repeating the option. */
export const several = (...[flags, help]: Rest): Field => ({
  flags,
  help,
  expected: 'a list of names',
  parse: list,
  schema: (z) => z.array(z.union([z.string().min(1), z.looseObject({ name: z.string().min(1) })])),
});

/** Colour channels of image files. */
export const channels = (...[flags, help]: Rest): Field => ({
  flags,
  help,
  expected: '1 (grey) or 3 (colour)',
  parse: number,
  schema: (z) => z.literal([1, 3]),
});

/** Height and width of images: `128`, or `96x128`. */
export const imageSize = (...[flags, help]: Rest): Field => ({
  flags,
  help,
  expected: 'a whole number of pixels of at least 1, or height x width such as 96x128',
  parse: (value) => {
    const sides = value.split(/[x,]/).map(number);
    if (sides.length > 2) throw new InvalidArgumentError('Expected a size such as 128 or 96x128.');
    return sides.length === 1 ? sides[0] : sides;
  },
  schema: (z) => {
    const side = z.int().min(1).max(16384);
    return z.union([side, z.tuple([side, side])]);
  },
});

/** Channels, height and width of a network's images: `3x224x224`. */
export const inputShape: Field = {
  flags: '--input <CxHxW>',
  help: 'channels, height and width of the images (default: what the network is made for)',
  expected: 'channels x height x width of whole numbers of at least 1, such as 3x224x224',
  parse: (value) => {
    const sizes = value.split(/[x,]/).map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
    if (sizes.length !== 3 || sizes.some(Number.isNaN))
      throw new InvalidArgumentError('Expected channels x height x width, such as 3x224x224.');
    return sizes;
  },
  schema: (z) => z.tuple([z.int().min(1), z.int().min(1).max(65536), z.int().min(1).max(65536)]),
};

/** A whole number of at least 0, or `auto`. */
export const countOrAuto = (...[flags, help]: Rest): Field => ({
  flags,
  help,
  expected: 'a whole number of at least 0, or auto',
  parse: (value) => (value === 'auto' ? value : number(value)),
  schema: (z) => z.union([z.literal('auto'), z.int().min(0)]),
});

/** Options that every command has. */
export const common = {
  config: text('--config <file>', 'take options from a JSON file; options on the command line win'),
  json: flag('--json', 'print exactly one JSON object on standard output'),
} satisfies Fields;

/** Which weights of a trained network. */
export const weightsField = text(
  '--weights <which>',
  'best or last (default: best), or a file or run with other weights for this network',
);

/** Options of commands that run a network. */
export const deviceFields = {
  device: choice('--device <name>', 'native, reference or auto (default: auto)', ['native', 'reference', 'auto']),
  threads: count('--threads <n>', 'threads of the device (default: all cores)'),
} satisfies Fields;

/** Options of commands that compile a network's convolutions. */
export const computeFields = {
  ...deviceFields,
  exact: flag('--exact', 'direct convolution only: slower, but without the rounding of Winograd (about 1e-6)'),
  tune: flag(
    '--tune',
    'measure which algorithm suits each convolution (once on a machine) instead of going by a table',
  ),
} satisfies Fields;

/**
 * How a run's network is compiled by another command: exact as it was trained unless it is to be measured, which only holds
 * if that is asked for now.
 */
export const convolutionsFor = ({ exact, tune }: Readonly<Record<string, unknown>>) => ({
  ...(exact === true ? { exact: true } : tune === true ? { exact: false } : {}),
  tune: tune === true,
});

/** Gives a command its options, in the table's order. */
export function addFields(command: Command, fields: Fields): Command {
  for (const field of Object.values(fields)) {
    const option = new Option(field.flags, field.help);
    if (field.parse) option.argParser(field.parse);
    command.addOption(option);
  }
  return command;
}

import { InvalidArgumentError } from 'commander';
import type { OpenDataOptions } from '../data/open.js';
import { type Fold, parseFold } from '../data/split.js';
import { choice, type Field, type Fields, flag, real, several, text } from './fields.js';

/** Text that is JSON on the command line, an object in a file. */
const json = (flags: string, help: string): Field => ({
  flags,
  help,
  expected: 'an object such as {"kind":"indexed","ignore":255}',
  parse: (value) => {
    try {
      return JSON.parse(value);
    } catch {
      throw new InvalidArgumentError('Expected JSON.');
    }
  },
  schema: (z) => z.looseObject({}),
});

const fold: Field = {
  flags: '--fold <i/k>',
  help: 'validate on the i-th of k parts, such as 2/5, and train on the others',
  expected: 'for example 2/5, the second of five',
  parse: (value) => {
    try {
      return parseFold(value);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  },
  schema: (z) => z.union([z.string(), z.object({ index: z.int(), of: z.int() })]),
};

/** Options that say how data is read and split, for every command that opens data to train on or to look at. */
export const dataFields = {
  valid: real('--valid <fraction>', 'of the images, where the data has no validation set (default: 0.2)', {
    min: 0,
    below: 1,
  }),
  test: real('--test <fraction>', 'of the images, where the data has no test set (default: 0)', { min: 0, below: 1 }),
  fold,
  trainList: text('--train-list <file>', 'names of the photos to train on, a line each (masks)'),
  validList: text('--valid-list <file>', 'names of the photos to validate on'),
  testList: text('--test-list <file>', 'names of the photos to test on'),
  classNames: several('--class-names <list>', 'names of the classes of masks, by number; one name is the foreground'),
  fit: choice('--fit <how>', 'how photos get their size: fill stretches, cover cuts, contain pads', [
    'fill',
    'cover',
    'contain',
  ]),
  masks: json('--masks <json>', 'how masks are found and read: columns, folders, kind, colours, threshold, ignore'),
  strict: flag('--strict', 'end with an error where a photo or mask cannot be used, instead of leaving it out'),
  skipDamaged: flag('--skip-damaged', 'leave out images that cannot be read instead of failing (class folders)'),
} satisfies Fields;

interface DataValues {
  readonly valid?: number;
  readonly test?: number;
  readonly fold?: string | Fold;
  readonly trainList?: string;
  readonly validList?: string;
  readonly testList?: string;
  readonly classNames?: readonly string[];
  readonly fit?: OpenDataOptions['fit'];
  readonly masks?: OpenDataOptions['masks'];
  readonly strict?: boolean;
  readonly skipDamaged?: boolean;
}

/** What {@link dataFields} say to `openData`. */
export function dataOptions(values: object): OpenDataOptions {
  const v = values as DataValues;
  const { trainList: train, validList: valid, testList: test } = v;
  const lists = { ...(train && { train }), ...(valid && { valid }), ...(test && { test }) };
  const options = {
    valid: v.valid,
    test: v.test,
    fold: v.fold,
    ...(Object.keys(lists).length > 0 ? { lists } : {}),
    classes: v.classNames,
    fit: v.fit,
    masks: v.masks,
    strict: v.strict ? true : v.skipDamaged ? false : undefined,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as OpenDataOptions;
}

import type { FormField, StartForm } from '../../../../src/server/studio/api.js';
import type { Draft } from './draft.js';

const WHOLE: Readonly<Record<string, number>> = {
  epochs: 1,
  batchSize: 1,
  accumulate: 1,
  seed: 0,
  images: 1,
  limit: 1,
  classes: 1,
  earlyStopping: 1,
  saveEvery: 1,
  samplesEvery: 0,
  threads: 1,
  logEvery: 1,
};
const ABOVE_ZERO: readonly string[] = ['lr', 'clipNorm', 'clipValue', 'warmup'];
const PART: readonly string[] = ['valid', 'test', 'ema', 'labelSmoothing'];
const AT_LEAST_ZERO: readonly string[] = ['momentum', 'weightDecay'];

/** What is wrong with a value as far as the field itself can say, at once; the server says the rest. */
export function problemOf(field: FormField, value: string): string | undefined {
  const text = value.trim();
  if (text === '') return undefined;
  if (field.name === 'size' && !/^\d+([x,]\d+)?$/.test(text)) return 'pixels: 128, or height x width such as 96x128';
  if (field.name === 'features' && !/^\s*\d+(\s*,\s*\d+)*$/.test(text)) return 'whole numbers, such as 16,32,64,128';
  if (field.name === 'channels' && text !== '1' && text !== '3') return '1 (grey) or 3 (colour)';
  if (field.kind !== 'number') return undefined;
  const number = Number(text);
  if (!Number.isFinite(number)) return field.name in WHOLE ? 'a whole number is needed' : 'a number is needed';
  const least = WHOLE[field.name];
  if (least !== undefined && !(Number.isInteger(number) && number >= least))
    return `a whole number of at least ${least} is needed`;
  if (ABOVE_ZERO.includes(field.name) && number <= 0) return 'a number above 0 is needed';
  if (AT_LEAST_ZERO.includes(field.name) && number < 0) return 'a number of at least 0 is needed';
  if (PART.includes(field.name) && !(number >= 0 && number < 1)) return 'a number from 0 to below 1 is needed';
  return undefined;
}

/** All that is wrong at once, by field. */
export function problemsOf(draft: Draft, form: StartForm): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const field of form.fields) {
    const problem = problemOf(field, draft.values[field.name] ?? '');
    if (problem !== undefined) found[field.name] = problem;
  }
  return found;
}

/** The field that a sentence of the server is about: it names the option as it is typed in a terminal. */
export function fieldNamed(sentence: string, form: StartForm): string | undefined {
  const flag = /--[\w-]+/.exec(sentence)?.[0];
  if (flag) return form.fields.find((f) => f.flag === flag)?.name ?? flag.slice(2);
  return undefined;
}

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkNumber, checkPair } from '../../src/util/check.js';
import { argmax, median } from '../../src/util/numbers.js';
import { Registry } from '../../src/util/registry.js';
import { editDistance, suggest, unknownName } from '../../src/util/suggest.js';

describe('suggest', () => {
  const NAMES = ['sgd', 'adam', 'adamw', 'rmsprop', 'cosine', 'cosine-warm-restarts', 'one-cycle', 'lenet5', 'lenet'];
  test.each([
    ['adm', 'adam'],
    ['Adam', 'adam'],
    ['adma', 'adam'],
    ['cos', 'cosine'],
    ['cosin', 'cosine'],
    ['OneCycle', 'one-cycle'],
    ['lenet-5', 'lenet5'],
    ['rmsprob', 'rmsprop'],
    ['restarts', 'cosine-warm-restarts'],
    ['xyz', undefined],
    ['', undefined],
    ['transformer', undefined],
  ])('%s -> %s', (given, expected) => {
    expect(suggest(given, NAMES)).toBe(expected);
  });
  test('a known name is its own nearest', () => {
    for (const name of NAMES) expect(suggest(name, NAMES)).toBe(name);
  });
  test('one sentence with or without a near name', () => {
    expect(unknownName('loss', 'bcee', ['bce', 'mse'])).toBe(
      'unknown loss "bcee", did you mean "bce"? (known: bce, mse)',
    );
    expect(unknownName('loss', 'hinge', ['bce', 'mse'])).toBe('unknown loss "hinge" (known: bce, mse)');
  });
});

describe('editDistance is a distance', () => {
  const word = fc.string({ maxLength: 8 });
  test('zero only for equal words, symmetric, at most the longer length', async () => {
    await fc.assert(
      fc.property(word, word, (a, b) => {
        const d = editDistance(a, b);
        expect(d === 0).toBe(a === b);
        expect(editDistance(b, a)).toBe(d);
        expect(d).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(d).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });
  test('a swap of neighbours is one slip', () => {
    expect([editDistance('adma', 'adam'), editDistance('abc', 'ac'), editDistance('kitten', 'sitting')]).toEqual([
      1, 1, 3,
    ]);
  });
});

describe('registry', () => {
  const registry = new Registry<string>('thing')
    .register('one-cycle', () => '1', 'cycle')
    .register('two', (o) => `2${o.x ?? ''}`);
  test('finds names however they are spelt, and aliases', () => {
    expect(['oneCycle', 'ONE_CYCLE', 'cycle'].map((n) => registry.make(n))).toEqual(['1', '1', '1']);
    expect(registry.make({ name: 'two', options: { x: 5 } })).toBe('25');
    expect(registry.names()).toEqual(['one-cycle', 'two']);
  });
  test('refuses a name twice and suggests for unknown ones', () => {
    expect(() => registry.register('Cycle', () => '')).toThrow(/the thing "Cycle" is already registered/);
    expect(() => registry.make('tow')).toThrow('unknown thing "tow", did you mean "two"? (known: one-cycle, two)');
  });
});

test('checks name the value and the limits', () => {
  expect(() => checkNumber('lr', '3')).toThrow('lr must be a finite number, got "3"');
  expect(() => checkNumber('n', 1.5, { integer: true, min: 1, max: 9 })).toThrow(
    'n must be a whole number at least 1 and at most 9, got 1.5',
  );
  expect(() => checkNumber('p', 1, { min: 0, below: 1 })).toThrow(
    'p must be a finite number at least 0 and less than 1, got 1',
  );
  expect(() => checkPair('size', [1, 2, 3], {})).toThrow('size must be one number or [height, width], got [1, 2, 3]');
  expect(checkPair('size', 4, { min: 1 })).toEqual([4, 4]);
});

describe('numbers', () => {
  test('the middle one, the largest one', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(argmax([1, 5, 5, 2])).toBe(1);
    // Two rows of three: by row, and down a column.
    expect(argmax([9, 0, 1, 2, 8, 3], 3, 3)).toBe(1);
    expect(argmax([9, 0, 1, 2, 8, 3], 1, 2, 3)).toBe(1);
  });
});

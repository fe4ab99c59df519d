import { expect, test } from 'vitest';
import { fuzz } from './fuzz.js';

test('thousands of damaged files of weights are read or refused in one sentence each', () => {
  const { read, refused, sentences } = fuzz(10_000, 1);
  // The changes reach everywhere: some files stay whole, and many things are wrong with the others.
  expect(read).toBeGreaterThan(1000);
  expect(refused).toBeGreaterThan(4000);
  expect(sentences.size).toBeGreaterThan(40);
});

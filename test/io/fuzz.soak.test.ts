import { expect, test } from 'vitest';
import { fuzz } from './fuzz.js';

test('more than a million damaged files of weights are read or refused, and memory does not grow', () => {
  const resident: number[] = [];
  let files = 0;
  let slowest = 0;
  const sentences = new Set<string>();
  for (let seed = 1; seed <= 11; seed++) {
    const result = fuzz(100_000, seed);
    files += result.read + result.refused;
    slowest = Math.max(slowest, result.slowest);
    for (const sentence of result.sentences.keys()) sentences.add(sentence);
    global.gc?.();
    resident.push(process.memoryUsage().rss / 2 ** 20);
  }
  console.log(
    `${files} files, ${sentences.size} kinds of sentences, the slowest took ${slowest.toFixed(0)} ms; resident MB ${resident.map(Math.round).join(' ')}`,
  );
  expect(files).toBe(1_100_000);
  // The first ones warm up.
  expect(Math.max(...resident.slice(5)) - resident[4]!).toBeLessThan(100);
});

import { describe, expect, it } from 'vitest';
import { compareClasses, compareMasks } from '../../studio/src/pages/try/agreement.js';

const ranked = (...probabilities: number[]) =>
  probabilities.map((probability, index) => ({ index, probability })).sort((a, b) => b.probability - a.probability);

describe('two answers', () => {
  it('agree up to rounding, and the largest difference is told', () => {
    const close = compareClasses(ranked(0.1, 0.9), [0.1001, 0.8999]);
    expect(close.agree).toBe(true);
    expect(close.sentence).toBe('They agree: the largest difference is 0.01 %.');
    expect(compareClasses(ranked(0.1, 0.9), [0.1, 0.9]).sentence).toBe('They agree: no difference at all.');
  });

  it('differ where another class comes first, or one is far off', () => {
    expect(compareClasses(ranked(0.5005, 0.4995), [0.4995, 0.5005]).agree).toBe(false);
    expect(compareClasses(ranked(0.1, 0.9), [0.3, 0.7])).toEqual({
      agree: false,
      sentence: 'They differ: by up to 20 % in a class.',
    });
  });

  it('are masks: pixels are counted', () => {
    const a = new Uint8Array(10_000);
    const b = a.slice();
    expect(compareMasks(a, b)).toEqual({ agree: true, sentence: 'They agree in every pixel.' });
    b[5] = 1;
    expect(compareMasks(a, b)).toEqual({ agree: true, sentence: 'They agree but for 1 of 10,000 pixels (0.01 %).' });
    b.fill(1, 0, 500);
    expect(compareMasks(a, b)).toEqual({ agree: false, sentence: 'They differ in 500 of 10,000 pixels (5.00 %).' });
    expect(compareMasks(a, b.subarray(1)).agree).toBe(false);
  });
});

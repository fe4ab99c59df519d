import { formatPlain } from '../../../../src/report/format.js';
import type { Ranked } from '../../../../src/train/ranked.js';
import { formatCount, formatPercent } from '../../lib/format.js';

export interface Agreement {
  readonly agree: boolean;
  readonly sentence: string;
}

/** Float rounding and the decoders of images make differences below this. */
const CLASSES_AGREE = 0.01;
const MASKS_AGREE = 0.005;

/** How far two answers are apart: the largest difference of a class's probability. */
export function compareClasses(page: readonly Ranked[], server: readonly number[]): Agreement {
  let largest = 0;
  for (const { index, probability } of page) {
    const other = server[index];
    if (other !== undefined) largest = Math.max(largest, Math.abs(probability - other));
  }
  const first = server.reduce((best, p, i) => (p > (server[best] ?? -1) ? i : best), 0);
  const agree = largest < CLASSES_AGREE && (page[0]?.index === first || largest < 1e-4);
  const apart =
    largest < 1e-8
      ? 'no difference at all'
      : `the largest difference is ${largest < 1e-6 ? 'below 0.0001 %' : points(largest)}`;
  return agree
    ? { agree, sentence: `They agree: ${apart}.` }
    : { agree, sentence: `They differ: by up to ${points(largest)} in a class.` };
}

const points = (difference: number): string => `${formatPlain(Number((100 * difference).toPrecision(2)))} %`;

/** The part of the pixels that two masks see differently. */
export function compareMasks(page: Uint8Array, server: Uint8Array): Agreement {
  if (page.length !== server.length)
    return { agree: false, sentence: 'They differ: the masks are not of the same size.' };
  let different = 0;
  for (let i = 0; i < page.length; i++) if (page[i] !== server[i]) different++;
  if (different === 0) return { agree: true, sentence: 'They agree in every pixel.' };
  const part = different / page.length;
  const agree = part < MASKS_AGREE;
  const said = `${formatCount(different)} of ${formatCount(page.length)} pixels (${part < 0.00005 ? 'below 0.01 %' : formatPercent(part)})`;
  return { agree, sentence: agree ? `They agree but for ${said}.` : `They differ in ${said}.` };
}

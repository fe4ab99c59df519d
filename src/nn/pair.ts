import type { Pair } from '../tensor/ops/signatures.js';

/** One number for height and width, or both. */
export type PairLike = number | Pair;

/** Height and width. */
export const pair = (value: PairLike): Pair => (typeof value === 'number' ? [value, value] : value);

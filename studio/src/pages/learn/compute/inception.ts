import { INCEPTIONS } from '../../../../../src/models/googlenetBlocks.js';

export type BlockName = keyof typeof INCEPTIONS;
export const BLOCKS = Object.keys(INCEPTIONS) as BlockName[];

/** Side of the map at a block, for images of 224x224. */
export const sideOf = (block: BlockName): number => ({ 3: 28, 4: 14, 5: 7 })[block[0] as '3' | '4' | '5'];

/** Channels of a block, in the paper's order. */
export interface Row {
  readonly from: number;
  readonly one: number;
  readonly reduce3: number;
  readonly three: number;
  readonly reduce5: number;
  readonly five: number;
  readonly project: number;
}

export function rowOf(block: BlockName): Row {
  const [from, one, reduce3, three, reduce5, five, project] = INCEPTIONS[block];
  return { from, one, reduce3, three, reduce5, five, project };
}

/** One branch: multiply-adds at each place, which are its weights too (biases left out). */
export interface Branch {
  readonly name: string;
  /** Side of what it sees of the block's input. */
  readonly sees: number;
  readonly out: number;
  readonly withReduction: number;
  /** The same output without its 1x1 convolution; equal where it has none. For the pooling: channels handed on as they are. */
  readonly without: number;
  /** How `withReduction` comes about. */
  readonly formula: string;
}

/** The four branches of a block. `wide` is the kernel of the wide branch: 5 in the paper, 3 in torchvision. */
export function branches(row: Row, wide: 3 | 5): Branch[] {
  const { from, one, reduce3, three, reduce5, five, project } = row;
  const window = (kernel: number, reduce: number, out: number): Branch => ({
    name: `${kernel}x${kernel}`,
    sees: kernel,
    out,
    withReduction: from * reduce + reduce * kernel * kernel * out,
    without: from * kernel * kernel * out,
    formula: `${from}·${reduce} + ${reduce}·${kernel * kernel}·${out}`,
  });
  return [
    { name: '1x1', sees: 1, out: one, withReduction: from * one, without: from * one, formula: `${from}·${one}` },
    window(3, reduce3, three),
    window(wide, reduce5, five),
    // Without its projection the pooling would hand all channels on: free here, paid for by all that follows.
    { name: 'pool', sees: 3, out: project, withReduction: from * project, without: 0, formula: `${from}·${project}` },
  ];
}

export const total = (list: readonly Branch[], pick: (b: Branch) => number): number =>
  list.reduce((sum, b) => sum + pick(b), 0);

import { isFloat } from '../../tensor/dtype.js';
import { type IrNode, irType } from './ir.js';

/** One instruction of the tile interpreter before registers are given out: `x` are the node's inputs, `t` temporaries. */
export interface Instruction {
  readonly op: string;
  /** Operands: number of an input, or the result of an earlier instruction of the same node. */
  readonly args: readonly (number | { readonly step: number } | 'index')[];
  readonly p?: number;
  readonly stream?: number;
}

const input = (op: string, n: number): Instruction[] => [{ op, args: Array.from({ length: n }, (_, i) => i) }];
const then = (list: Instruction[], op: string): Instruction[] => [...list, { op, args: [{ step: list.length - 1 }] }];

const FLOAT_UNARY = new Set([
  'neg',
  'abs',
  'sign',
  'exp',
  'log',
  'sqrt',
  'reciprocal',
  'floor',
  'tanh',
  'sigmoid',
  'relu',
  'softplus',
]);
const INT_UNARY: Readonly<Record<string, string>> = {
  neg: 'ineg',
  abs: 'iabs',
  sign: 'isign',
  floor: 'iexact',
  relu: 'irelu',
};
const BINARY = new Set(['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum']);
const COMPARE = new Set(['equal', 'less', 'lessEqual']);

/** The interpreter's instructions for an element-wise node, or undefined for any other operation. */
export function elementwiseInstructions(node: IrNode): Instruction[] | undefined {
  const { op, attrs } = node;
  const first = node.inputs[0] && irType(node.inputs[0]).dtype;
  const float = first !== undefined && isFloat(first);
  if (FLOAT_UNARY.has(op)) {
    if (float) return input(op, 1);
    const direct = INT_UNARY[op];
    // Integers through float and back, truncated, as the reference stores them.
    return direct ? input(direct, 1) : then(then(input('toFloat', 1), op), 'toInt');
  }
  if (BINARY.has(op)) {
    if (float) return input(op, 2);
    return first === 'uint8' ? then(input(`i${op}`, 2), 'itoByte') : input(`i${op}`, 2);
  }
  if (COMPARE.has(op)) return input(float ? op : `i${op}`, 2);
  switch (op) {
    case 'and':
      return input('and_', 2);
    case 'or':
      return input('or_', 2);
    case 'not':
      return input('not_', 1);
    case 'where':
      return input('where', 3);
    case 'isFinite':
      // Integers are always finite: x == x.
      return float ? input('isFinite', 1) : [{ op: 'iequal', args: [0, 0] }];
    case 'allFinite':
      return float ? input('isFinite', 1) : [{ op: 'iequal', args: [0, 0] }];
    case 'sum':
    case 'mean':
    case 'broadcastTo':
      return [];
    case 'bceWithLogits':
      return node.inputs.length > 2 ? input('bceWeighted', 3) : input('bce', 2);
    case 'dropout':
      return [{ op: 'dropout', args: [0, 'index', 1], p: attrs.p as number, stream: attrs.stream as number }];
    case 'random':
      return [{ op: attrs.distribution as string, args: [-1, 'index', 0], stream: attrs.stream as number }];
    case 'cast':
      return castInstructions(first!, attrs.dtype as string);
    default:
      return undefined;
  }
}

function castInstructions(from: string, to: string): Instruction[] {
  const float = from === 'float32';
  if (to === 'float32') return float ? [] : input('toFloat', 1);
  if (to === 'bool') return from === 'bool' ? [] : input(float ? 'toBool' : 'itoBool', 1);
  if (to === 'uint8') return float ? input('toByte', 1) : from === 'int32' ? input('itoByte', 1) : [];
  return float ? input('toInt', 1) : [];
}

/** Which inputs of a node are read as they lie (a random key), not element by element. */
export const isRawInput = (node: IrNode, index: number): boolean =>
  (node.op === 'dropout' && index === 1) || (node.op === 'random' && index === 0);

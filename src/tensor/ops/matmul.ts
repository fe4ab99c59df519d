import { isFloat } from '../dtype.js';
import { apply, type Tensor } from '../node.js';
import { broadcastShapes, numel } from '../shape.js';
import { broadcastIndices, sumTo } from './broadcast.js';
import type { OpDef } from './define.js';
import type { OpName } from './signatures.js';

const product = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean) =>
  apply('matmul', [a, b], { transposeA, transposeB });

export const matmulOps = {
  matmul: {
    doc: 'matrix product over the last two axes, with broadcast leading axes and an optional bias per column',
    arity: [2, 3],
    shape([a, b, bias], { transposeA, transposeB }, context) {
      if (!isFloat(a!.dtype) || a!.dtype !== b!.dtype || (bias && bias.dtype !== a!.dtype))
        context.fail('all inputs must have one floating-point dtype');
      if (a!.shape.length < 2 || b!.shape.length < 2) context.fail('both sides need at least two axes');
      const [m, k] = lastTwo(a!.shape, transposeA);
      const [k2, n] = lastTwo(b!.shape, transposeB);
      if (k !== k2) context.fail(`the left side has ${k} columns, the right side ${k2} rows`);
      if (bias && (bias.shape.length !== 1 || bias.shape[0] !== n)) context.fail(`the bias must have ${n} values`);
      const lead =
        broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2)) ??
        context.fail('the leading axes do not broadcast');
      return [{ shape: [...lead, m, n], dtype: a!.dtype }];
    },
    // With Y = A B: dA = dY B', dB = A' dY; transposed operands swap roles.
    gradient: ({ inputs: [a, b, bias], dy: [dy], attrs: { transposeA: ta, transposeB: tb }, wanted }) => {
      const da = () => (ta ? product(b!, dy!, tb, true) : product(dy!, b!, false, !tb));
      const db = () => (tb ? product(dy!, a!, true, ta) : product(a!, dy!, !ta, false));
      return [
        wanted[0] ? sumTo(da(), a!.shape) : undefined,
        wanted[1] ? sumTo(db(), b!.shape) : undefined,
        bias && wanted[2] ? sumTo(dy!, bias.shape) : undefined,
      ];
    },
    kernel([a, b, bias], [y], { transposeA, transposeB }) {
      const [m, k] = lastTwo(a!.shape, transposeA);
      const n = y!.shape[y!.shape.length - 1]!;
      const lead = y!.shape.slice(0, -2);
      const as = broadcastIndices(a!.shape.slice(0, -2), lead);
      const bs = broadcastIndices(b!.shape.slice(0, -2), lead);
      const [aRow, aCol] = transposeA ? [1, m] : [k, 1];
      const [bRow, bCol] = transposeB ? [1, k] : [n, 1];
      const row = new Float64Array(n);
      for (let batch = 0; batch < numel(lead); batch++) {
        const a0 = as[batch]! * m * k;
        const b0 = bs[batch]! * k * n;
        for (let i = 0; i < m; i++) {
          if (bias) row.set(bias.data);
          else row.fill(0);
          for (let p = 0; p < k; p++) {
            const v = a!.data[a0 + i * aRow + p * aCol]!;
            const at = b0 + p * bRow;
            for (let j = 0; j < n; j++) row[j]! += v * b!.data[at + j * bCol]!;
          }
          y!.data.set(row, (batch * m + i) * n);
        }
      }
    },
  },
} satisfies { [K in OpName]?: OpDef<K> };

function lastTwo(shape: readonly number[], transposed: boolean): [rows: number, columns: number] {
  const r = shape[shape.length - 2]!;
  const c = shape[shape.length - 1]!;
  return transposed ? [c, r] : [r, c];
}

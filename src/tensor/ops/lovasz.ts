import { isFloat } from '../dtype.js';
import { sameShape } from '../shape.js';
import type { OpDef } from './define.js';
import type { OpName } from './signatures.js';

/*
 * The Jaccard loss of a set of mispredicted pixels M, with F the foreground, is
 *   Delta(M) = 1 - |F \ M| / |F u M|.
 * Its Lovasz extension to errors e >= 0 (Berman et al. 2018, algorithm 1) is <e, g(e)>: with the pixels ordered by
 * falling error, g of the k-th is Delta(first k) - Delta(first k - 1). g depends on the order alone, so it is constant
 * in pieces, its derivative is zero almost everywhere, and the gradient of <e, g(e)> by e is g(e) itself.
 */
export const lovaszOps = {
  lovaszWeights: {
    doc: "for each row the weights of the errors in the Jaccard loss's Lovasz extension; 0 where a pixel does not count",
    arity: [2, 3],
    shape([errors, foreground, counted], _attrs, context) {
      if (!isFloat(errors!.dtype) || errors!.shape.length !== 2)
        context.fail('errors must be floating point [rows, pixels]');
      for (const [what, t] of [
        ['foreground', foreground!],
        ['counted', counted],
      ] as const)
        if (t && !(t.dtype === 'bool' && sameShape(t.shape, errors!.shape)))
          context.fail(`${what} must be bool[${errors!.shape.join(', ')}]`);
      return [errors!];
    },
    // Constant in pieces: nothing flows on, and the gradient of <errors, weights> is exactly `weights`.
    gradient: () => [undefined, undefined, undefined],
    kernel([errors, foreground, counted], [weights]) {
      const [rows, pixels] = errors!.shape as [number, number];
      const e = errors!.data;
      // NaN comes first, so that the sum over errors turns NaN; equal errors keep their order.
      const later = (a: number, b: number): number => {
        const [x, y] = [e[a]!, e[b]!];
        if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(y)) - Number(Number.isNaN(x)) || a - b;
        return x === y ? a - b : x > y ? -1 : 1;
      };
      for (let r = 0; r < rows; r++) {
        const order: number[] = [];
        let total = 0;
        for (let i = r * pixels; i < (r + 1) * pixels; i++) {
          if (counted && counted.data[i] === 0) continue;
          order.push(i);
          total += foreground!.data[i]!;
        }
        order.sort(later);
        let hit = 0;
        let before = 0;
        for (const [k, i] of order.entries()) {
          hit += foreground!.data[i]!;
          const jaccard = 1 - (total - hit) / (total + (k + 1 - hit));
          weights!.data[i] = jaccard - before;
          before = jaccard;
        }
      }
    },
  },
} satisfies { [K in OpName]?: OpDef<K> };

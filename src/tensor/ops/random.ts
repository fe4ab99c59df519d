import { apply } from '../node.js';
import { numel, type TensorType } from '../shape.js';
import type { OpDef, ShapeContext } from './define.js';
import { checkSizes } from './shapes.js';

/**
 * Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): four 32-bit words that depend on
 * key (k0, k1) and counter (index, 0, stream, 0) alone. Element `i` of a tensor takes word `i % 4` of index `i / 4`.
 */
export function philox(index: number, stream: number, k0: number, k1: number, out: Uint32Array): void {
  let c0 = index >>> 0;
  let c1 = 0;
  let c2 = stream >>> 0;
  let c3 = 0;
  let a = k0 >>> 0;
  let b = k1 >>> 0;
  for (let round = 0; round < 10; round++) {
    const lo0 = Math.imul(0xd2511f53, c0) >>> 0;
    const hi0 = mulHigh(0xd2511f53, c0);
    const lo1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    const hi1 = mulHigh(0xcd9e8d57, c2);
    c0 = (hi1 ^ c1 ^ a) >>> 0;
    c1 = lo1;
    c2 = (hi0 ^ c3 ^ b) >>> 0;
    c3 = lo0;
    a = (a + 0x9e3779b9) >>> 0;
    b = (b + 0xbb67ae85) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** High 32 bits of the 64-bit product of two unsigned 32-bit numbers. */
function mulHigh(x: number, y: number): number {
  const x0 = x & 0xffff;
  const x1 = x >>> 16;
  const y0 = y & 0xffff;
  const y1 = y >>> 16;
  const mid = x1 * y0 + ((x0 * y0) >>> 16);
  const mid2 = x0 * y1 + (mid & 0xffff);
  return (x1 * y1 + Math.floor(mid / 65536) + Math.floor(mid2 / 65536)) >>> 0;
}

const UNIT = 2 ** -24;

/** Fills `out` with uniform numbers in [0, 1) of 24 bits each. */
export function fillUniform(
  out: { [i: number]: number; length: number },
  stream: number,
  k0: number,
  k1: number,
): void {
  const words = new Uint32Array(4);
  for (let i = 0; i < out.length; i++) {
    if (i % 4 === 0) philox(i / 4, stream, k0, k1, words);
    out[i] = (words[i % 4]! >>> 8) * UNIT;
  }
}

/** Fills `out` with standard normal numbers: Box-Muller on words (0, 1) and (2, 3) of each index. */
function fillNormal(out: { [i: number]: number; length: number }, stream: number, k0: number, k1: number): void {
  const words = new Uint32Array(4);
  for (let i = 0; i < out.length; i++) {
    if (i % 4 === 0) philox(i / 4, stream, k0, k1, words);
    const pair = (i % 4) & 2;
    const radius = Math.sqrt(-2 * Math.log(((words[pair]! >>> 8) + 1) * UNIT));
    const angle = 2 * Math.PI * ((words[pair + 1]! >>> 8) * UNIT);
    out[i] = radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  }
}

function checkKey(rng: TensorType, context: ShapeContext): void {
  if (rng.dtype !== 'int32' || rng.shape.length !== 1 || rng.shape[0] !== 2)
    context.fail('the random key must be int32[2]: (seed, step)');
}

export const randomOps: { random: OpDef<'random'>; dropout: OpDef<'dropout'> } = {
  random: {
    doc: 'Counter-based random numbers, uniform in [0, 1) or standard normal.',
    arity: [1, 1],
    shape([rng], { shape }, context) {
      checkKey(rng!, context);
      checkSizes(shape, context);
      return [{ shape, dtype: 'float32' }];
    },
    gradient: { notDifferentiable: 'random numbers do not depend on any tensor' },
    kernel([rng], [out], { distribution, stream }) {
      const fill = distribution === 'uniform' ? fillUniform : fillNormal;
      fill(out!.data, stream, rng!.data[0]!, rng!.data[1]!);
    },
  },
  dropout: {
    doc: 'Zeroes elements with probability p and scales the others by 1 / (1 - p) (Srivastava et al. 2014).',
    arity: [2, 2],
    shape([x, rng], { p }, context) {
      checkKey(rng!, context);
      if (!(p >= 0 && p < 1)) context.fail(`the probability p must be at least 0 and below 1, got ${p}`);
      return [x!];
    },
    // The mask is linear in x and depends on the key only: the gradient is the same dropout of dy.
    gradient: ({ inputs: [, rng], dy: [dy], attrs }) => [apply('dropout', [dy!, rng!], attrs), undefined],
    kernel([x, rng], [y], { p, stream }) {
      const uniform = new Float32Array(numel(x!.shape));
      fillUniform(uniform, stream, rng!.data[0]!, rng!.data[1]!);
      const scale = 1 / (1 - p);
      for (let i = 0; i < uniform.length; i++) y!.data[i] = uniform[i]! >= p ? x!.data[i]! * scale : 0;
    },
  },
};

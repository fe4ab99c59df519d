import { isFloat } from '../dtype.js';
import { apply } from '../node.js';
import { broadcastShapes, type HostTensor, numel, sameShape, type TensorType } from '../shape.js';
import { expand, sumTo } from './broadcast.js';
import type { OpDef, ShapeContext } from './define.js';
import { softplus } from './elementwise.js';
import type { CrossEntropyAttrs, OpName } from './signatures.js';

function checkClasses(
  logits: TensorType,
  target: TensorType,
  weight: TensorType | undefined,
  attrs: CrossEntropyAttrs,
  context: ShapeContext,
) {
  if (!isFloat(logits.dtype) || logits.shape.length < 2) context.fail('logits must be floating point [N, C, ...]');
  if (target.dtype !== 'int32' && target.dtype !== 'uint8') context.fail('targets must be integers (class numbers)');
  const expected = [logits.shape[0]!, ...logits.shape.slice(2)];
  if (!sameShape(target.shape, expected)) context.fail(`targets must have the shape [${expected.join(', ')}]`);
  if (weight && !(weight.dtype === logits.dtype && sameShape(weight.shape, [logits.shape[1]!])))
    context.fail(`class weights must be ${logits.dtype}[${logits.shape[1]}]`);
  if (!(attrs.labelSmoothing >= 0 && attrs.labelSmoothing <= 1))
    context.fail(`label smoothing must be in [0, 1], got ${attrs.labelSmoothing}`);
}

/**
 * Visits every target that counts: its position, class, weight, and the logits' logarithmic normaliser. A class outside
 * 0..C-1 that is not the ignored one makes the loss NaN, so that training stops instead of learning nonsense.
 */
function eachTarget(
  logits: HostTensor,
  target: HostTensor,
  weight: HostTensor | undefined,
  ignoreIndex: number,
  visit: (place: { at: number; base: number; inner: number; cls: number; weight: number; logSum: number }) => void,
): void {
  const classes = logits.shape[1]!;
  const inner = numel(logits.shape.slice(2));
  for (let at = 0; at < target.data.length; at++) {
    const cls = target.data[at]!;
    if (cls === ignoreIndex) continue;
    const base = Math.floor(at / inner) * classes * inner + (at % inner);
    let top = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) top = Math.max(top, logits.data[base + c * inner]!);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(logits.data[base + c * inner]! - top);
    const valid = cls >= 0 && cls < classes;
    visit({
      at,
      base,
      inner,
      cls,
      weight: valid ? (weight ? weight.data[cls]! : 1) : Number.NaN,
      logSum: top + Math.log(sum),
    });
  }
}

export const lossOps = {
  /*
   * With smoothing s, weights w and q = log softmax: loss_n = -(1 - s) w_y q_y - (s / C) sum_c w_c q_c,
   * mean = sum loss_n / sum w_y over the targets that count (PyTorch's definition).
   */
  crossEntropy: {
    doc: 'cross-entropy of class numbers under softmax(logits), with class weights, label smoothing and an ignored class',
    arity: [2, 3],
    shape([logits, target, weight], attrs, context) {
      checkClasses(logits!, target!, weight, attrs, context);
      return [{ shape: attrs.reduction === 'none' ? target!.shape : [], dtype: logits!.dtype }];
    },
    gradient: ({ inputs: [logits, target, weight], dy: [dy], attrs, wanted }) => {
      if (wanted[2]) throw new Error('crossEntropy: class weights are constants, they have no gradient');
      return [
        apply('crossEntropyGrad', [logits!, target!, dy!, ...(weight ? [weight] : [])], attrs),
        undefined,
        undefined,
      ];
    },
    kernel([logits, target, weight], [loss], { labelSmoothing: s, ignoreIndex, reduction }) {
      const classes = logits!.shape[1]!;
      let total = 0;
      let totalWeight = 0;
      eachTarget(logits!, target!, weight, ignoreIndex, ({ at, base, inner, cls, weight: w, logSum }) => {
        let value = (1 - s) * w * (logSum - logits!.data[base + cls * inner]!);
        if (Number.isNaN(w)) value = Number.NaN;
        if (s > 0)
          for (let c = 0; c < classes; c++)
            value += (s / classes) * (weight ? weight.data[c]! : 1) * (logSum - logits!.data[base + c * inner]!);
        total += value;
        totalWeight += w;
        if (reduction === 'none') loss!.data[at] = value;
      });
      if (reduction !== 'none') loss!.data[0] = reduction === 'mean' ? total / totalWeight : total;
    },
  },

  /* d loss_n / d x_c = softmax_c ((1 - s) w_y + (s / C) sum w) - (1 - s) w_y [c = y] - (s / C) w_c */
  crossEntropyGrad: {
    doc: 'gradient of crossEntropy with respect to the logits',
    arity: [3, 4],
    shape([logits, target, dloss, weight], attrs, context) {
      checkClasses(logits!, target!, weight, attrs, context);
      const expected = attrs.reduction === 'none' ? target!.shape : [];
      if (!sameShape(dloss!.shape, expected))
        context.fail(`the upstream gradient must have the shape [${expected.join(', ')}]`);
      return [logits!];
    },
    gradient: { notDifferentiable: 'second derivatives of the cross-entropy are not offered' },
    kernel([logits, target, dloss, weight], [dx], { labelSmoothing: s, ignoreIndex, reduction }) {
      const classes = logits!.shape[1]!;
      let totalWeight = 0;
      if (reduction === 'mean')
        eachTarget(logits!, target!, weight, ignoreIndex, ({ weight: w }) => {
          totalWeight += w;
        });
      let allWeights = classes;
      if (weight) allWeights = (weight.data as Float32Array).reduce((sum: number, w: number) => sum + w, 0);
      eachTarget(logits!, target!, weight, ignoreIndex, ({ at, base, inner, cls, weight: w, logSum }) => {
        const up = reduction === 'none' ? dloss!.data[at]! : dloss!.data[0]! / (reduction === 'mean' ? totalWeight : 1);
        const mass = (1 - s) * w + (s / classes) * allWeights;
        for (let c = 0; c < classes; c++) {
          const probability = Math.exp(logits!.data[base + c * inner]! - logSum);
          const wanted = (c === cls ? (1 - s) * w : 0) + (s / classes) * (weight ? weight.data[c]! : 1);
          dx!.data[base + c * inner] = up * (probability * mass - wanted);
        }
      });
    },
  },

  bceWithLogits: {
    doc: 'element-wise binary cross-entropy of targets z in [0, 1] under sigmoid(x), without overflow',
    arity: [2, 3],
    shape([x, z, p], _attrs, context) {
      if (!isFloat(x!.dtype) || x!.dtype !== z!.dtype || (p && p.dtype !== x!.dtype))
        context.fail('all inputs must have one floating-point dtype');
      if (!sameShape(x!.shape, z!.shape)) context.fail('logits and targets must have the same shape');
      if (p && !sameShape(broadcastShapes(x!.shape, p.shape) ?? [-1], x!.shape))
        context.fail('the positive weight does not broadcast to the logits');
      return [x!];
    },
    // loss = (1 - z) x + (1 + (p - 1) z) softplus(-x); without p: d/dx = sigmoid(x) - z.
    gradient: ({ inputs: [x, z, p], dy: [dy], wanted }) => {
      const s = () => apply('sigmoid', [x!], {});
      const low = () => apply('softplus', [x!.neg()], {});
      if (!p) return [wanted[0] ? dy!.mul(s().sub(z!)) : undefined, wanted[1] ? dy!.mul(x!).neg() : undefined];
      const m = p.sub(1).mul(z!).add(1);
      return [
        wanted[0]
          ? dy!.mul(
              z!
                .neg()
                .add(1)
                .sub(m.mul(s().neg().add(1))),
            )
          : undefined,
        wanted[1] ? dy!.mul(p.sub(1).mul(low()).sub(x!)) : undefined,
        wanted[2] ? sumTo(dy!.mul(z!).mul(low()), p.shape) : undefined,
      ];
    },
    kernel([x, z, p], [y]) {
      const weight = p && expand(p, x!.shape);
      for (let i = 0; i < y!.data.length; i++) {
        const v = x!.data[i]!;
        const t = z!.data[i]!;
        y!.data[i] = (1 - t) * v + (1 + ((weight ? weight[i]! : 1) - 1) * t) * softplus(-v);
      }
    },
  },
} satisfies { [K in OpName]?: OpDef<K> };

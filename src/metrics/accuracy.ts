import { apply, type Tensor, tensor } from '../tensor/node.js';
import { checkNumber } from '../util/check.js';
import { checkOptions, type Json } from '../util/registry.js';
import {
  type Classification,
  type ClassMetricOptions,
  classification,
  classOptions,
  countTrue,
  predicted,
  valid,
} from './classes.js';
import type { Metric } from './metric.js';

export interface AccuracyOptions extends ClassMetricOptions {
  /** Right if the target is among the k largest; default 1. */
  readonly k?: number;
}

/**
 * Part of the targets that are among the k classes with the largest logits: output [N, C, ...], target int [N, ...].
 * Among equal logits the class with the smaller index comes first (as in arg-max); a target whose logit is NaN is
 * wrong. Targets outside of the classes are not counted. With masks as targets it is the pixel accuracy. The name is `accuracy`, or `top5` for k = 5.
 */
export function accuracy(options: AccuracyOptions = {}): Metric {
  checkOptions('accuracy', options, ['k', 'ignoreIndex', 'threshold']);
  const { k = 1 } = options;
  checkNumber('accuracy: k', k, { min: 1, integer: true });
  const checked = classOptions('accuracy', options);
  const name = k === 1 ? 'accuracy' : `top${k}`;
  return {
    name,
    spec: { name: 'accuracy', options: { ...options } as Record<string, Json> },
    unit: 'fraction',
    direction: 'higher',
    counts(output, target) {
      const c = classification(name, output, target, checked);
      const counted = valid(c);
      const hit = k >= c.classes ? counted : apply('and', [counted, k === 1 ? topOne(c) : amongTop(c, k)], {});
      return { correct: countTrue(hit), total: countTrue(counted) };
    },
    compute: ({ correct, total }) => (correct && total ? correct.data[0]! / total.data[0]! : Number.NaN),
  };
}

function topOne(c: Classification): Tensor {
  return apply('and', [apply('equal', [predicted(c), c.target], {}), isNumber(targetLogit(c))], {});
}

/** Whether fewer than k classes come before the target: a greater logit, or an equal one with a smaller index. */
function amongTop(c: Classification, k: number): Tensor {
  const own = targetLogit(c);
  const [n, points] = own.shape;
  const mine = own.reshape([n!, 1, points!]);
  // Not "greater": in this form a NaN on either side counts as coming before.
  const greater = apply('not', [apply('lessEqual', [c.logits, mine], {})], {});
  const index = tensor(
    Int32Array.from({ length: c.classes }, (_, i) => i),
    [c.classes, 1],
  );
  const earlier = apply('less', [index, c.target.reshape([n!, 1, points!])], {});
  const tied = apply('and', [apply('equal', [c.logits, mine], {}), earlier], {});
  const before = apply('or', [greater, tied], {}).cast('int32').sum([1]);
  return apply('less', [before, tensor(Int32Array.of(k), [])], {});
}

/** Logit of the target class, [N, P]; 0 where the target is no class. */
function targetLogit({ logits, target, classes }: Classification): Tensor {
  const hot = apply('oneHot', [target], { classes, axis: 1, dtype: 'bool' });
  // Chosen, not multiplied: an infinite logit elsewhere must not turn the sum into NaN.
  return apply('where', [hot, logits, tensor(0, [], logits.dtype)], {}).sum([1]);
}

const isNumber = (x: Tensor): Tensor => apply('equal', [x, x], {});

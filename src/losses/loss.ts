import type { Tensor } from '../tensor/node.js';
import { checkNumber } from '../util/check.js';
import type { Json, Spec } from '../util/registry.js';

/** How far a network's output is from its target, as a scalar to be made small. */
export interface Loss {
  /** Name in messages and reports, for example "cross-entropy". */
  readonly name: string;
  /** Name and options, for `config.json`. */
  readonly spec: Spec;
  /** @returns a scalar, the mean over what counts. Throws `ShapeError` if output and target do not fit. */
  apply(output: Tensor, target: Tensor): Tensor;
}

/** A loss, or one with a weight. */
export type Term = Loss | readonly [weight: number, loss: Loss];

/**
 * The weighted sum of losses: `losses.sum(losses.bceWithLogits(), [0.5, losses.mse()])`.
 * @throws if there is no term or a weight is no finite number
 */
export function sum(...terms: readonly Term[]): Loss {
  if (terms.length === 0) throw new TypeError('sum: give at least one loss');
  const weighted = terms.map((t) => (isWeighted(t) ? { weight: t[0], loss: t[1] } : { weight: 1, loss: t }));
  for (const { weight, loss } of weighted) checkNumber(`sum: weight of ${loss.name}`, weight);
  return {
    name: weighted.map(({ weight, loss }) => (weight === 1 ? loss.name : `${weight} ${loss.name}`)).join(' + '),
    spec: {
      name: 'sum',
      options: { terms: weighted.map(({ weight, loss }) => ({ weight, loss: loss.spec })) as unknown as Json },
    },
    apply: (output, target) =>
      weighted
        .map(({ weight, loss }) => {
          const value = loss.apply(output, target);
          return weight === 1 ? value : value.mul(weight);
        })
        .reduce((total, value) => total.add(value)),
  };
}

const isWeighted = (term: Term): term is readonly [number, Loss] => Array.isArray(term);

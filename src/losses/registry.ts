import { checkNumber } from '../util/check.js';
import { Registry, type Spec } from '../util/registry.js';
import { readSpec } from '../util/spec.js';
import { crossEntropy } from './crossEntropy.js';
import { bceWithLogits, mse } from './elementwise.js';
import { focal } from './focal.js';
import { type Loss, sum, type Term } from './loss.js';
import { lovasz } from './lovasz.js';
import { dice, focalTversky, jaccard, tversky } from './overlap.js';

/** All losses by name; more can be registered. */
export const lossRegistry: Registry<Loss> = new Registry<Loss>('loss')
  .register('cross-entropy', crossEntropy, 'ce')
  .register('bce', bceWithLogits, 'bce-with-logits')
  .register('dice', dice)
  .register('jaccard', jaccard, 'iou')
  .register('tversky', tversky)
  .register('focal', focal)
  .register('focal-tversky', focalTversky)
  .register('lovasz', lovasz, 'lovász')
  .register('mse', mse)
  .register('sum', ({ terms }) => sum(...termsOf(terms, {})));

/** Options that hold for every loss of a run that knows them and does not say otherwise. */
export interface SharedLossOptions {
  /** Value of the target that is ignored, as the data set declares it. */
  readonly ignoreIndex?: number;
}

const IGNORING: readonly string[] = [
  ...['cross-entropy', 'bce', 'dice', 'jaccard', 'tversky', 'focal', 'focal-tversky', 'lovasz'],
];

function termsOf(terms: unknown, shared: SharedLossOptions): Term[] {
  if (!Array.isArray(terms)) throw new TypeError('sum: terms must be a list of { weight, loss }');
  return terms.map((t: { weight?: unknown; loss: string | Spec }, i) => [
    checkNumber(`sum: terms[${i}].weight`, t.weight ?? 1),
    parseLoss(t.loss, shared),
  ]);
}

/**
 * A loss from `{ name, options }`, from its name, or from a sum of names with optional factors and options:
 * `bce+dice`, `0.3*focal:gamma=3+0.7*dice`, `ce+tversky:alpha=0.3,beta=0.7`.
 *
 * @param shared options for every term that knows them and does not say otherwise
 * @throws Error in one sentence for an unknown name or option (with the nearest known) or a value out of range
 */
export function parseLoss(spec: string | Spec, shared: SharedLossOptions = {}): Loss {
  if (typeof spec !== 'string') return makeLoss(spec, shared);
  const terms = spec.split('+').map((part): Term => {
    const [, factor, name = ''] = /^\s*(?:([^*]*)\*)?([^*]*?)\s*$/.exec(part) ?? [];
    if (name.trim() === '')
      throw new Error(`"${spec}" is no loss: write names joined by +, for example "bce+0.5*dice"`);
    const loss = makeLoss(readSpec(name), shared);
    if (factor === undefined) return loss;
    if (factor.trim() === '' || Number.isNaN(Number(factor)))
      throw new Error(`"${factor}" in the loss "${spec}" is no number: write for example "0.5*${name.trim()}"`);
    return [Number(factor), loss];
  });
  const [first] = terms;
  return terms.length === 1 && !Array.isArray(first) ? (first as Loss) : sum(...terms);
}

function makeLoss(spec: Spec, shared: SharedLossOptions): Loss {
  const made = lossRegistry.make(spec);
  if (made.spec.name === 'sum') return sum(...termsOf(made.spec.options?.terms, shared));
  const { ignoreIndex } = shared;
  const missing = ignoreIndex !== undefined && made.spec.options?.ignoreIndex === undefined;
  if (!missing || !IGNORING.includes(made.spec.name)) return made;
  return lossRegistry.make({ name: made.spec.name, options: { ...made.spec.options, ignoreIndex } });
}

import { checkNumber } from '../util/check.js';
import { Registry, type Spec } from '../util/registry.js';
import { crossEntropy } from './crossEntropy.js';
import { bceWithLogits, mse } from './elementwise.js';
import { type Loss, sum, type Term } from './loss.js';

/** All losses by name; more can be registered. */
export const lossRegistry: Registry<Loss> = new Registry<Loss>('loss')
  .register('cross-entropy', crossEntropy, 'ce')
  .register('bce', bceWithLogits, 'bce-with-logits')
  .register('mse', mse)
  .register('sum', ({ terms }) => sum(...termsOf(terms)));

function termsOf(terms: unknown): Term[] {
  if (!Array.isArray(terms)) throw new TypeError('sum: terms must be a list of { weight, loss }');
  return terms.map((t: { weight?: unknown; loss: string | Spec }, i) => [
    checkNumber(`sum: terms[${i}].weight`, t.weight ?? 1),
    parseLoss(t.loss),
  ]);
}

/**
 * A loss from `{ name, options }`, from its name, or from a sum of names with optional factors: `bce+0.5*mse`.
 * @throws Error in one sentence for an unknown name or option (with the nearest known) or a value out of range
 */
export function parseLoss(spec: string | Spec): Loss {
  if (typeof spec !== 'string') return lossRegistry.make(spec);
  const terms = spec.split('+').map((part): Term => {
    const [, factor, name = ''] = /^\s*(?:([^*]*)\*)?([^*]*?)\s*$/.exec(part) ?? [];
    if (name.trim() === '') throw new Error(`"${spec}" is no loss: write names joined by +, for example "bce+0.5*mse"`);
    const loss = lossRegistry.make(name.trim());
    if (factor === undefined) return loss;
    if (factor.trim() === '' || Number.isNaN(Number(factor)))
      throw new Error(`"${factor}" in the loss "${spec}" is no number: write for example "0.5*${name.trim()}"`);
    return [Number(factor), loss];
  });
  const [first] = terms;
  return terms.length === 1 && !Array.isArray(first) ? (first as Loss) : sum(...terms);
}

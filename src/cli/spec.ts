import type { Spec } from '../util/registry.js';
import { readSpec } from '../util/spec.js';

export { camelCase, readSpec as parseSpec, splitOutsideBrackets } from '../util/spec.js';

/** A specification from the command line (text) or from a file (text or an object). */
export const toSpec = (value: string | Spec): Spec => (typeof value === 'string' ? readSpec(value) : value);

/** `{ name: 'sgd', options: { lr: 0.01 } }` as a person reads it: "sgd (lr 0.01)"; a sum of losses as "bce + 0.5 dice". */
export function describeSpec(spec: unknown): string {
  if (typeof spec === 'string') return spec;
  const { name, options = {} } = spec as Spec;
  if (name === 'sum' && Array.isArray(options.terms)) {
    const terms = options.terms as unknown as readonly { weight?: number; loss: unknown }[];
    return terms.map(({ weight = 1, loss }) => `${weight === 1 ? '' : `${weight} `}${describeSpec(loss)}`).join(' + ');
  }
  const given = Object.entries(options).filter(([, v]) => v !== undefined && v !== null && v !== false && v !== 0);
  const words = given.map(([key, v]) => `${key} ${typeof v === 'object' ? JSON.stringify(v) : v}`);
  return words.length > 0 ? `${name} (${words.join(', ')})` : name;
}

/** `./nets/my-net.js` -> `my-net`, `photos/` -> `photos`. */
export const fileName = (path: string): string =>
  path
    .replace(/[/\\]+$/, '')
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.([cm]?[jt]s|csv)$/i, '') || path;

import { quoted } from '../../util/quote.js';
import { PyDict, PyTensor, type Value } from './values.js';
import type { Fail } from './zip.js';

/** Keys under which programs keep the weights in a checkpoint, in the order in which they are looked for. */
const KEYS = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model',
  'net',
  'network',
  'weights',
  'params',
  'module',
] as const;

/**
 * The tensors by name: the value itself if it is a state dict, else what a checkpoint holds under one of the usual keys.
 * Entries of a state dict that are no tensors (lists of classes, epochs) are left out.
 */
export function findStateDict(root: Value, fail: Fail): { dict: Map<string, PyTensor>; within: string[] } {
  const within: string[] = [];
  for (let value: Value | undefined = root; ; ) {
    if (!(value instanceof PyDict)) return fail('it holds no dict of tensors; save model.state_dict()');
    const dict = new Map<string, PyTensor>();
    for (const [name, item] of value.entries)
      if (typeof name === 'string' && item instanceof PyTensor) dict.set(name, item);
    const { entries }: PyDict = value;
    const key: string | undefined = KEYS.find((k) => entries.get(k) instanceof PyDict);
    if (dict.size > 0 && key === undefined) return { dict, within };
    if (key === undefined || within.length > 3) {
      const keys = [...entries.keys()].filter((k) => typeof k === 'string').slice(0, 5);
      return fail(
        keys.length > 0
          ? `it holds no weights under a known key (it has ${keys.map(quoted).join(', ')}); save model.state_dict() alone`
          : 'it holds no tensors',
      );
    }
    within.push(key);
    value = entries.get(key);
  }
}

import type { Module } from '../nn/module.js';
import type { Parameter } from '../nn/parameter.js';
import { formatShape, type HostTensor, sameShape } from '../tensor/shape.js';
import { quoted } from '../util/quote.js';
import { weightsFor } from './weights.js';
import { namedFor } from './weightsFile.js';

/** What training starts from. */
export interface Start {
  /** Paths of the parameters and buffers that have the file's values. */
  readonly taken: readonly string[];
  /** Paths of those that are new: the head of another number of classes, and what the file's network does not have. */
  readonly fresh: readonly string[];
  /** In words: "classifier (5 outputs instead of 1000)", one for each part that is new. */
  readonly news: readonly string[];
  /** Names of the file that the network has no use for. */
  readonly unused: readonly string[];
}

/** Parts behind the features, which belong to the task that a network was trained for. */
const HEADS = /^(classifier|fc|aux1|aux2|outc)(\.|$)/;
/** Behind the encoder of a U-Net on another network. */
const DECODER = /^(center|up\d+|outc)(\.|$)/;

/**
 * Gives a network the weights of another one to start from. The features have to fit; a head for another number of
 * classes, of another form, or one that the file does not have keeps its own first values, and so does the decoder of a
 * U-Net whose encoder is what the file holds.
 *
 * @param file name for messages
 * @throws Error, one sentence with the first differences, if more than the head differs
 */
export function startFrom(net: Module, weights: ReadonlyMap<string, HostTensor>, file: string): Start {
  const states = net.states();
  const named = namedFor(net, weights);
  const encoder = [...states.keys()].some((path) => path.startsWith('encoder.')) && !named.has('outc.conv.weight');
  const isHead = (path: string) => HEADS.test(path.replace(/^encoder\./, '')) || (encoder && DECODER.test(path));
  const differs = new Map<string, Parameter>();
  for (const [path, p] of states) {
    const value = named.get(path);
    if (!value ? !path.endsWith('num_batches_tracked') || isHead(path) : !sameShape(value.shape, p.shape))
      differs.set(path, p);
  }
  const outputs = otherOutputs(differs, named);
  const wrong = [...differs].filter(([path]) => !isHead(path) && !outputs.has(path));
  const unused = [...named.keys()].filter((name) => !states.has(name));
  const strange = unused.filter((name) => !isHead(name));
  if (wrong.length > 0 || strange.length > 0)
    throw new Error(`${file} does not fit the network: ${differences(wrong, strange, named)}`);
  if (differs.size === states.size) throw new Error(`${file} holds none of the network's parameters`);
  const taken = [...states].filter(([path]) => !differs.has(path));
  // Only what fits: the rest is initialised as ever.
  const part = { states: () => new Map(taken) };
  const values = weightsFor(
    part,
    new Map(taken.flatMap(([path]) => (named.has(path) ? [[path, named.get(path)!]] : []))),
    file,
  );
  for (const [path, p] of taken) p.value = values.get(path);
  return {
    taken: taken.map(([path]) => path),
    fresh: [...differs.keys()],
    news: newsOf(differs, named, outputs),
    unused,
  };
}

/**
 * Parameters of the last layer where it differs in its number of outputs alone: all of them have the same two numbers.
 * This is how the head of any network is found, also of one that is not ours.
 */
function otherOutputs(
  differs: ReadonlyMap<string, Parameter>,
  named: ReadonlyMap<string, HostTensor>,
): ReadonlyMap<string, readonly [here: number, there: number]> {
  const found = new Map<string, readonly [number, number]>();
  for (const [path, { shape }] of differs) {
    const other = named.get(path)?.shape;
    if (other && shape.length > 0 && sameShape(shape.slice(1), other.slice(1))) found.set(path, [shape[0]!, other[0]!]);
  }
  const pairs = new Set([...found.values()].map(String));
  return pairs.size === 1 ? found : new Map();
}

function newsOf(
  differs: ReadonlyMap<string, Parameter>,
  named: ReadonlyMap<string, HostTensor>,
  outputs: ReadonlyMap<string, readonly [here: number, there: number]>,
): string[] {
  const parts = new Map<string, string>();
  for (const path of differs.keys()) {
    const change = outputs.get(path);
    const layer = path.split('.').slice(0, -1).join('.');
    const top = path.split('.')[0]!;
    if (change) parts.set(layer, `${layer} (${change[0]} outputs instead of ${change[1]})`);
    else if (!parts.has(top)) parts.set(top, named.has(path) ? `${top} (of another form)` : top);
  }
  return [...parts.values()];
}

/** The first three things that do not fit. */
function differences(
  wrong: readonly (readonly [string, Parameter])[],
  strange: readonly string[],
  named: ReadonlyMap<string, HostTensor>,
): string {
  const there = (name: string) => formatShape(named.get(name)!.shape);
  const all = [
    ...wrong.map(([path, { shape }]) =>
      named.has(path)
        ? `"${path}" is ${there(path)} there and ${formatShape(shape)} here`
        : `it has no "${path}" ${formatShape(shape)}`,
    ),
    ...strange.map((name) => `it has ${quoted(name)} ${there(name)}, which the network lacks`),
  ];
  const more = all.length > 3 ? `; and ${all.length - 3} more differences` : '';
  return `${all.slice(0, 3).join('; ')}${more}`;
}

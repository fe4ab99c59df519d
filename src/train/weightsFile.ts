import { ourNames } from '../io/layouts/index.js';
import { readTensors } from '../io/read.js';
import type { Module } from '../nn/module.js';
import type { HostTensor } from '../tensor/shape.js';
import { decodeCard } from './card.js';
import { isCheckpoint, isSlot } from './checkpoint.js';
import type { RunConfig } from './config.js';
import { averageName } from './update.js';

/** A file of weights, ours or PyTorch's. */
export interface WeightsFile {
  readonly file: string;
  readonly format: 'safetensors' | 'pth';
  /** Parameters and buffers by the file's names; of a checkpoint with moving averages, these. */
  readonly weights: ReadonlyMap<string, HostTensor>;
  /** What it says of its network, if it does. */
  readonly config?: RunConfig;
  /** Keys under which the weights lay inside of a PyTorch checkpoint. */
  readonly within: readonly string[];
}

/**
 * Reads a file of weights: safetensors, a checkpoint of a run, or PyTorch's `.pth`.
 * @param file name for messages
 * @throws Error, one sentence that names the file
 */
export function readWeights(bytes: Uint8Array, file: string): WeightsFile {
  const { format, tensors, metadata, within } = readTensors(bytes, file);
  isCheckpoint(metadata, file);
  const config = decodeCard(metadata, file);
  const own = [...tensors].filter(([name]) => !isSlot(name));
  const weights = new Map(own.map(([name, value]) => [name, tensors.get(averageName(name)) ?? value]));
  return { file, format, weights, within, ...(config ? { config } : {}) };
}

/**
 * Weights by the names of a network: as they are, without the prefix of a wrapper, or translated from another U-Net's,
 * whichever fits more of its parameters. A network with an encoder also takes those of the encoder alone.
 */
export function namedFor(net: Module, weights: ReadonlyMap<string, HostTensor>): ReadonlyMap<string, HostTensor> {
  const states = net.states();
  const ours = ourNames(weights).weights;
  const encoder = (w: ReadonlyMap<string, HostTensor>) =>
    new Map([...w].map(([name, v]) => [`encoder.${name}`, v] as const));
  const candidates = [
    weights,
    ours,
    ...([...states.keys()].some((n) => n.startsWith('encoder.')) ? [encoder(ours)] : []),
  ];
  const fits = (w: ReadonlyMap<string, HostTensor>) => [...w.keys()].filter((name) => states.has(name)).length;
  return candidates.reduce((best, next) => (fits(next) > fits(best) ? next : best));
}

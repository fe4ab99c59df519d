import { readSafetensors, writeSafetensors } from '../io/safetensors.js';
import type { HostTensor } from '../tensor/shape.js';
import type { Json } from './config.js';
import { canonicalJson } from './json.js';
import type { MonitorState } from './monitor.js';
import type { SumsState } from './sums.js';

/** Where a run is. Random numbers are counter-based, so that the seed and this say everything about them. */
export interface Position {
  /** The epoch that is running or comes next, from 1. */
  readonly epoch: number;
  /** Its next batch, from 0. */
  readonly batch: number;
  /** Steps (batches) done since the start of the run. */
  readonly step: number;
  /** Updates of the parameters since the start: as many as steps, or fewer where gradients are accumulated. */
  readonly updates: number;
  /** Images whose gradients are added up and wait for their update. */
  readonly pending: number;
}

/** Before the first step. */
export const START: Position = { epoch: 1, batch: 0, step: 0, updates: 0, pending: 0 };

/** What goes on after a resume, beside the tensors. Holds no times: the same run gives the same bytes. */
export interface ResumeState {
  readonly position: Position;
  /** Learning rate of the last step. */
  readonly lr: number;
  /** Sums of the running epoch's steps so far. */
  readonly sums: SumsState;
  readonly monitor: MonitorState;
  readonly scheduler: Json;
  /** What determines the trajectory; a resume with other values is refused. */
  readonly trajectory: Json;
}

export interface Checkpoint {
  /** Parameters, buffers, and in `last.safetensors` optimizer slots (`optim.<slot>.<parameter>`). */
  readonly tensors: Map<string, HostTensor>;
  /** Absent in files of weights only. */
  readonly state?: ResumeState;
}

const VERSION = '1';

/** Names of tensors that belong to training and not to the network: optimizer slots, averages, sums of gradients. */
export const isSlot = (name: string): boolean => name.startsWith('optim.');

/** PyTorch keeps this counter as int64; with it our weights load there as they are. */
export const int64 = (name: string): boolean => name.split('.').at(-1) === 'num_batches_tracked';

/** Weights and buffers alone, as PyTorch names and shapes them: what `best.safetensors` is. */
export function encodeWeights(
  tensors: Iterable<readonly [string, HostTensor]>,
  about: Readonly<Record<string, string>> = {},
): Uint8Array {
  // `format: pt` is what readers of the PyTorch world look for.
  return writeSafetensors(tensors, { metadata: { format: 'pt', ...about }, int64 });
}

/** Everything a run needs to go on: what `last.safetensors` is. */
export function encodeCheckpoint(tensors: Iterable<readonly [string, HostTensor]>, state: ResumeState): Uint8Array {
  return encodeWeights(tensors, {
    'fovea.checkpoint': VERSION,
    'fovea.state': canonicalJson(state as unknown as Json),
  });
}

/**
 * Reads a checkpoint or a file of weights.
 * @throws Error, one sentence that names the file, if it is damaged or from a newer version
 */
export function decodeCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  const { tensors, metadata } = readSafetensors(bytes, file);
  if (!isCheckpoint(metadata, file)) return { tensors };
  return { tensors, state: parseState(metadata['fovea.state'], file) };
}

/** Whether a file with this metadata is a checkpoint. Throws one sentence if it is from a newer version. */
export function isCheckpoint(metadata: Readonly<Record<string, string>>, file: string): boolean {
  const version = metadata['fovea.checkpoint'];
  if (version !== undefined && version !== VERSION)
    throw new Error(
      `${file} is a checkpoint of format ${version}, this version of fovea reads ${VERSION}: update fovea`,
    );
  return version !== undefined;
}

function parseState(text: string | undefined, file: string): ResumeState {
  try {
    const state = JSON.parse(text ?? '') as ResumeState;
    const { epoch, batch, step, updates, pending } = state.position;
    const whole = [epoch, batch, step, updates, pending].every((n) => Number.isSafeInteger(n) && n >= 0);
    if (whole && epoch >= 1 && typeof state.sums.images === 'number' && 'best' in state.monitor) return state;
  } catch {
    // The sentence below says it.
  }
  throw new Error(`${file}: the saved position of the run is damaged; the weights in it can still be read`);
}

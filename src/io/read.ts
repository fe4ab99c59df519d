import type { HostTensor } from '../tensor/shape.js';
import { isPth, readPth } from './pth/index.js';
import { readSafetensors } from './safetensors.js';

/** Tensors of a file of weights. */
export interface TensorFile {
  readonly format: 'safetensors' | 'pth';
  readonly tensors: Map<string, HostTensor>;
  /** What a safetensors file says beside its tensors. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Keys under which the weights lay inside of a PyTorch checkpoint. */
  readonly within: readonly string[];
}

/** Endings of files of weights. */
export const WEIGHT_ENDINGS: readonly string[] = ['.safetensors', '.pth', '.pt', '.bin', '.ckpt', '.tar'];

/**
 * Reads a safetensors or PyTorch file, whichever it is by its first bytes.
 * @param file name for messages
 * @throws Error, one sentence that names the file
 */
export function readTensors(bytes: Uint8Array, file: string): TensorFile {
  if (isPth(bytes)) {
    const { tensors, within } = readPth(bytes, file);
    return { format: 'pth', tensors, metadata: {}, within };
  }
  if (bytes[8] === 0x7b || file.endsWith('.safetensors'))
    return { format: 'safetensors', within: [], ...readSafetensors(bytes, file) };
  throw new Error(`${file} is neither a safetensors file nor one that torch.save wrote`);
}

import { availableParallelism } from 'node:os';
import type { Backend } from '../backends/backend.js';
import { createReferenceBackend } from '../backends/reference/index.js';
import './tuning.js';

export type DeviceName = 'auto' | 'native' | 'reference';

export interface DeviceOptions {
  /** `auto` takes the fastest there is; a device asked for by name is taken or is an error. */
  readonly device?: DeviceName;
  /** Default: all cores. */
  readonly threads?: number;
}

export interface OpenedDevice {
  readonly backend: Backend;
  /** For people: what runs, with how many threads, and why a faster device does not. */
  readonly line: string;
}

/**
 * Opens the device that runs a command. Never falls back in silence: the line says why the native engine is not used.
 * @throws Error in one sentence if the device asked for by name cannot be had
 */
export async function openDevice({ device = 'auto', threads }: DeviceOptions = {}): Promise<OpenedDevice> {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1))
    throw new RangeError(`threads must be a whole number above 0, got ${threads}`);
  let why = 'asked for by --device reference';
  if (device !== 'reference') {
    try {
      const { createNativeBackend } = await import('../backends/native/index.js');
      const backend = await createNativeBackend({ threads: threads ?? availableParallelism() });
      return { backend, line: describe(backend) };
    } catch (error) {
      why = (error as Error).message;
      if (device === 'native') throw new Error(`the native device is not available: ${why}`);
    }
  }
  const backend = createReferenceBackend();
  return { backend, line: `${describe(backend)}; native not used: ${why}` };
}

function describe({ device: { description, threads } }: Backend): string {
  return `device: ${description}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

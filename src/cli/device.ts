import type { Backend } from '../backends/backend.js';
import { type DeviceName, openDevice } from '../node/device.js';
import type { Values } from './options.js';
import type { Terminal } from './terminal.js';

/** Opens the device that the options ask for and says so: the first line of every command. */
export async function startDevice({ device, threads }: Values, terminal: Terminal): Promise<Backend> {
  const { backend, line } = await openDevice({
    device: device as DeviceName | undefined,
    threads: threads as number | undefined,
  });
  terminal.say(line);
  return backend;
}

/** The device line of commands that run no network: what would run one. */
export async function announceDevice(terminal: Terminal): Promise<void> {
  (await startDevice({}, terminal)).dispose();
}

/** Why the native engine cannot be used, or undefined if it can. */
export async function nativeProblem(): Promise<string | undefined> {
  try {
    (await openDevice({ device: 'native', threads: 1 })).backend.dispose();
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^the native device is not available: /, '');
  }
}

/** What the add-on knows of itself and the machine. */
export interface NativeInfo {
  readonly path?: string;
  readonly onednn?: string;
  readonly isa?: string;
  readonly features?: readonly string[];
}

export async function nativeInfo(): Promise<NativeInfo | undefined> {
  const url = new URL('../backends/native/index.js', import.meta.url).href;
  const module = (await import(url)) as Partial<{ nativeInfo(): NativeInfo }>;
  return module.nativeInfo?.();
}

import type { Backend } from '../backends/backend.js';
import { setTuningWarning } from '../backends/tuning.js';
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
  setTuningWarning((message) => terminal.warn(message));
  return backend;
}

/** The device line of commands that run no network: what would run one. */
export async function announceDevice(terminal: Terminal): Promise<void> {
  (await startDevice({}, terminal)).dispose();
}

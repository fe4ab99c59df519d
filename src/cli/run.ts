import type { Command } from 'commander';
import type { Backend } from '../backends/backend.js';
import type { Fields } from './fields.js';
import type { Interrupt } from './interrupt.js';
import type { Values } from './options.js';
import type { Terminal } from './terminal.js';

/** What the body of a command works with. */
export interface Context {
  /** Options and arguments, from the command line and the configuration file, checked. */
  readonly values: Values;
  readonly terminal: Terminal;
  readonly interrupt: Interrupt;
  /** Opens the device (once) and prints the line about it. */
  device(): Promise<Backend>;
}

/**
 * Wraps the body of a command: options are merged and checked, failures become one sentence and an exit code, devices
 * and signal handlers are given back. `extra` are the command's arguments, by name and in order; the last one takes
 * several if it is declared so.
 */
export function action(fields: Fields, extra: Fields, body: (context: Context) => Promise<void>) {
  return async (...parameters: unknown[]): Promise<void> => {
    const command = parameters.at(-1) as Command;
    const given: Record<string, unknown> = { ...command.opts() };
    for (const [i, name] of Object.keys(extra).entries()) {
      const value = parameters[i];
      if (value !== undefined && !(Array.isArray(value) && value.length === 0)) given[name] = value;
    }
    const [{ Terminal }, { Interrupt }, { resolveOptions }, { Interrupted, exitCodeOf, ExitCode }] = await Promise.all([
      import('./terminal.js'),
      import('./interrupt.js'),
      import('./options.js'),
      import('./errors.js'),
    ]);
    let terminal = new Terminal(given.json === true, given.quiet === true);
    const interrupt = new Interrupt();
    let backend: Promise<Backend> | undefined;
    try {
      const values = await resolveOptions(given, fields, extra);
      terminal = new Terminal(values.json === true, values.quiet === true);
      await body({
        values,
        terminal,
        interrupt,
        device: () => (backend ??= import('./device.js').then(({ startDevice }) => startDevice(values, terminal))),
      });
    } catch (error) {
      if (interrupt.happened && !(error instanceof Interrupted)) {
        // Whatever gave way did so because it was told to.
        process.exitCode = interrupt.exitCode;
        terminal.note('interrupted');
      } else {
        process.exitCode = exitCodeOf(error);
        if (error instanceof Interrupted) terminal.say(error.message);
        else terminal.fail(error);
      }
      if (process.exitCode === ExitCode.ok) process.exitCode = ExitCode.badInput;
    } finally {
      interrupt.dispose();
      const opened = await backend?.catch(() => undefined);
      opened?.dispose();
    }
  };
}

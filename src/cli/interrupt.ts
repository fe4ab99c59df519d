import { ExitCode } from './errors.js';

/**
 * Ctrl-C: the first asks the work to end well (`signal`), the second ends the process at once. The same for SIGTERM.
 * `onFirst` tells the person that it was heard.
 */
export class Interrupt {
  private readonly controller = new AbortController();
  /** What a shell expects of a process that a signal ended. */
  exitCode: number = ExitCode.interrupted;
  onFirst: (() => void) | undefined;

  private readonly handler = (name: NodeJS.Signals) => {
    this.exitCode = name === 'SIGTERM' ? 143 : ExitCode.interrupted;
    if (this.controller.signal.aborted) {
      // The cursor may be hidden by a progress bar.
      if (process.stderr.isTTY) process.stderr.write('\u001b[?25h\n');
      process.exit(this.exitCode);
    }
    this.controller.abort();
    this.onFirst?.();
  };

  constructor() {
    process.on('SIGINT', this.handler);
    process.on('SIGTERM', this.handler);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get happened(): boolean {
    return this.controller.signal.aborted;
  }

  dispose(): void {
    process.off('SIGINT', this.handler);
    process.off('SIGTERM', this.handler);
  }
}

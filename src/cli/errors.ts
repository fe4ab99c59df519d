/** Exit codes of the command. */
export const ExitCode = { ok: 0, badInput: 1, usage: 2, interrupted: 130 } as const;

/** A failure with a code of its own; the message is one sentence. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly exitCode: number = ExitCode.badInput,
  ) {
    super(message);
    this.name = 'CommandError';
  }
}

/** Ended by a signal. The message, if any, is for the person at the terminal. */
export class Interrupted extends CommandError {
  constructor(message = 'interrupted', exitCode: number = ExitCode.interrupted) {
    super(message, exitCode);
    this.name = 'Interrupted';
  }
}

/** One line for a person, whatever was thrown. */
export function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.replace(/\s*\n\s*/g, ' ').trim() || 'something failed and gave no reason';
  return isDefect(error) ? `${line} (a defect in fovea or in the network; FOVEA_DEBUG=1 shows where)` : line;
}

/** Messages that the JavaScript engine writes are not about what the user gave. */
function isDefect(error: unknown): boolean {
  if (error instanceof ReferenceError) return true;
  return (
    error instanceof TypeError &&
    /^Cannot (read|set|destructure|convert|access|mix)|is not (a function|iterable|a constructor|defined)/.test(
      error.message,
    )
  );
}

export const exitCodeOf = (error: unknown): number =>
  error instanceof CommandError ? error.exitCode : ExitCode.badInput;

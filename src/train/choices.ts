import type { CompileOptions } from '../backends/backend.js';
import { type ConvolutionTuning, choicesFromJson, choicesToJson, machineTuning } from '../backends/tuning.js';
import type { TrainerOptions } from './options.js';
import { type RunDirectory, TUNING_FILE } from './run.js';

/**
 * How the programs of a network are compiled.
 * @throws Error if the options contradict each other
 */
export function compileOptions(
  { exact, tune }: Pick<TrainerOptions, 'exact' | 'tune'>,
  warn?: (message: string) => void,
): Omit<CompileOptions, 'name'> {
  if (exact && tune)
    throw new Error('exact leaves nothing to tune: it takes direct convolution only; give one of them');
  return { exact: exact ?? false, ...(tune ? { tuning: machineTuning(warn) } : {}) };
}

const FORMAT = 1;

/**
 * Writes the choices of a run to its `tuning.json`, and goes on with those it holds already, so that a run that was stopped
 * computes the same bits whatever the machine's cache says by then.
 * @returns false if programs compiled before have other algorithms
 */
export async function followRun(
  tuning: ConvolutionTuning,
  directory: RunDirectory,
  resumed: boolean,
  warn: (message: string) => void,
): Promise<boolean> {
  const read = async () => {
    const name = directory.nameOf(TUNING_FILE);
    try {
      const bytes = await directory.storage.read(TUNING_FILE);
      if (!bytes) throw new Error(`${name} is missing`);
      const content = parse(new TextDecoder().decode(bytes), name);
      if (content?.format !== FORMAT) throw new Error(`${name} is not a record of version ${FORMAT}`);
      return choicesFromJson(content.choices);
    } catch (error) {
      warn(
        `${(error as Error).message}; algorithms are chosen anew, so the last digits may differ from a run in one go`,
      );
      return new Map();
    }
  };
  return tuning.follow(resumed ? await read() : new Map(), (choices) =>
    directory.storage.writeAtomic(
      TUNING_FILE,
      `${JSON.stringify({ format: FORMAT, choices: choicesToJson(choices) }, null, 1)}\n`,
    ),
  );
}

function parse(text: string, name: string): { format?: unknown; choices?: unknown } | null {
  try {
    return JSON.parse(text) as { format?: unknown; choices?: unknown } | null;
  } catch {
    throw new Error(`${name} is damaged: it is not JSON`);
  }
}

import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { DeviceInfo } from '../backends/backend.js';
import {
  type ChoiceCache,
  type ConvolutionChoices,
  choicesFromJson,
  choicesToJson,
  setChoiceCache,
} from '../backends/tuning.js';
import { cacheDirectory } from './cache.js';
import { fileError, isMissing } from './errors.js';
import { writeFileAtomic } from './storage.js';

const FORMAT = 1;

/** Choices of all machines that share this cache (a home directory on a network), by {@link machineName}. */
type Machines = Record<string, unknown>;

/** Measured algorithms in `tuning.json` of the user's cache directory. */
export class TuningFile implements ChoiceCache {
  constructor(readonly path = join(cacheDirectory(), 'tuning.json')) {}

  async load(device: DeviceInfo): Promise<ConvolutionChoices> {
    const choices = (await this.read())[machineName(device)] ?? {};
    try {
      return choicesFromJson(choices);
    } catch (error) {
      throw new Error(`${this.path} is damaged: ${(error as Error).message}`);
    }
  }

  async save(device: DeviceInfo, choices: ConvolutionChoices): Promise<void> {
    // Other processes may have added to it.
    const machines = await this.read().catch(() => ({}) as Machines);
    const before = await this.load(device).catch(() => new Map());
    machines[machineName(device)] = choicesToJson(new Map([...choices, ...before]));
    await writeFileAtomic(this.path, `${JSON.stringify({ format: FORMAT, machines }, null, 1)}\n`);
  }

  private async read(): Promise<Machines> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (isMissing(error)) return {};
      throw fileError(error, this.path, 'read');
    }
    let content: { format?: unknown; machines?: unknown } | null;
    try {
      content = JSON.parse(text);
    } catch {
      throw new Error(`${this.path} is damaged: it is not JSON`);
    }
    const { format, machines } = content ?? {};
    if (format !== FORMAT || typeof machines !== 'object' || machines === null)
      throw new Error(`${this.path} is damaged: it is not a cache of version ${FORMAT}`);
    return machines as Machines;
  }
}

/** All that a measurement depends on beside the shapes: processor, engine with its version and instruction set, threads. */
export function machineName({ description, threads }: DeviceInfo): string {
  const cpu = cpus()[0]?.model.trim() || process.arch;
  return `${cpu}; ${description}; ${threads} thread${threads === 1 ? '' : 's'}`;
}

setChoiceCache(() => new TuningFile());

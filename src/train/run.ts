import type { Json, RunConfig } from './config.js';
import type { EpochRecord } from './events.js';
import { LIVE_FILE } from './liveLog.js';
import { openStorage, type Storage, TEMPORARY_SUFFIX } from './storage.js';

export const CONFIG_FILE = 'config.json';
export const METRICS_FILE = 'metrics.jsonl';
export const BEST_FILE = 'best.safetensors';
export const LAST_FILE = 'last.safetensors';
/** Algorithms that were chosen by measurement. */
export const TUNING_FILE = 'tuning.json';
/** What the evaluation at the end found. */
export const EVALUATION_FILE = 'evaluation.json';

/** The files of one run: configuration, a line an epoch, two checkpoints, measured choices. */
export class RunDirectory {
  readonly storage: Storage;

  constructor(at: string | Storage) {
    this.storage = openStorage(at);
  }

  /** Name of a file in messages. */
  nameOf(file: string): string {
    return `${this.storage.location}/${file}`;
  }

  /** Whether a run was ever started here. */
  async holdsRun(): Promise<boolean> {
    return (await this.storage.exists(CONFIG_FILE)) || (await this.storage.exists(LAST_FILE));
  }

  /** Removes what an earlier run left, checkpoints first: a crash in between leaves nothing that looks whole. */
  async clear(): Promise<void> {
    for (const file of [LAST_FILE, BEST_FILE, METRICS_FILE, LIVE_FILE, EVALUATION_FILE, TUNING_FILE, CONFIG_FILE])
      await this.storage.remove(file);
    await this.removeTemporaries();
  }

  /** Removes leftovers of writes that a crash interrupted. */
  async removeTemporaries(): Promise<void> {
    for (const file of await this.storage.list()) if (file.endsWith(TEMPORARY_SUFFIX)) await this.storage.remove(file);
  }

  writeConfig(config: RunConfig): Promise<void> {
    return this.storage.writeAtomic(CONFIG_FILE, `${JSON.stringify(config, null, 2)}\n`);
  }

  /** Throws one sentence if there is no run here or its configuration is damaged. */
  async readConfig(): Promise<RunConfig> {
    const text = await this.readText(CONFIG_FILE);
    if (text === undefined) throw new Error(`${this.storage.location} is no run directory: it has no ${CONFIG_FILE}`);
    let config: unknown;
    try {
      config = JSON.parse(text);
    } catch {
      throw new Error(`${this.nameOf(CONFIG_FILE)} is damaged: it is not JSON`);
    }
    return checkConfig(config, this.nameOf(CONFIG_FILE));
  }

  appendMetrics(record: EpochRecord): Promise<void> {
    return this.storage.append(METRICS_FILE, `${JSON.stringify(record)}\n`);
  }

  /** Records of whole lines; a last line that a crash cut short is left out. */
  async readMetrics(): Promise<EpochRecord[]> {
    const text = (await this.readText(METRICS_FILE)) ?? '';
    const lines = text.split('\n');
    lines.pop();
    return lines.map((line, i) => {
      try {
        return JSON.parse(line) as EpochRecord;
      } catch {
        throw new Error(`${this.nameOf(METRICS_FILE)}, line ${i + 1}, is damaged: it is not JSON`);
      }
    });
  }

  /**
   * Keeps the records of the first `epochs` epochs and drops what a crash left beyond the last checkpoint.
   * @throws Error if lines are missing that the checkpoint says were written
   */
  async truncateMetrics(epochs: number): Promise<EpochRecord[]> {
    const records = (await this.readMetrics()).slice(0, epochs);
    if (records.length < epochs || records.some((r, i) => r.epoch !== i + 1))
      throw new Error(
        `${this.nameOf(METRICS_FILE)} should hold the epochs 1 to ${epochs} that ${LAST_FILE} counts, but holds ${records.length}: it was changed by hand`,
      );
    await this.storage.writeAtomic(METRICS_FILE, records.map((r) => `${JSON.stringify(r)}\n`).join(''));
    return records;
  }

  private async readText(file: string): Promise<string | undefined> {
    const bytes = await this.storage.read(file);
    return bytes && new TextDecoder().decode(bytes);
  }
}

/** Gives back a configuration from JSON if it is one. Throws one sentence that names the file. */
export function checkConfig(config: unknown, file: string): RunConfig {
  const c = config as Partial<RunConfig> | null;
  const bad = (what: string): never => {
    throw new Error(`${file} is damaged: ${what}`);
  };
  if (typeof c !== 'object' || c === null) return bad('it is not an object');
  if (c.format !== 1) return bad(`its format is ${JSON.stringify(c.format)}, this version of fovea reads 1`);
  const shape = c.inputShape as Json | undefined;
  if (!Array.isArray(shape) || shape.length !== 3 || !shape.every((n) => Number.isSafeInteger(n) && (n as number) > 0))
    return bad(`inputShape is ${JSON.stringify(shape)}, expected [channels, height, width]`);
  if (!Array.isArray(c.classes)) return bad('it has no list of classes');
  if (!Array.isArray(c.normalize?.mean) || !Array.isArray(c.normalize.std)) return bad('it has no normalize values');
  if (typeof c.training !== 'object') return bad('it has no training options');
  return c as RunConfig;
}

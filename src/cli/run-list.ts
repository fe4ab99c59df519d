import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../node/errors.js';
import '../node/storage.js';
import type { ResumeState } from '../train/checkpoint.js';
import type { RunConfig } from '../train/config.js';
import type { EpochRecord } from '../train/events.js';
import { LAST_FILE, RunDirectory } from '../train/run.js';
import { dataOf } from './data-source.js';
import { readPosition } from './position.js';
import { fileName } from './spec.js';

/** A line of `fovea runs`. */
export interface RunListing {
  readonly run: string;
  readonly model: string;
  readonly data: string | null;
  /** Finished, of planned. */
  readonly epochs: number;
  readonly planned: number;
  readonly best: { readonly epoch: number; readonly value: number; readonly monitor: string } | null;
  /** Best validation accuracy (training accuracy without validation); null if it was not measured. */
  readonly accuracy: number | null;
  /** `damaged` runs have a reason. */
  readonly state: 'done' | 'stopped early' | 'unfinished' | 'damaged';
  readonly reason?: string;
  /** ISO time of the last checkpoint. */
  readonly changed: string | null;
}

/** Runs in a directory and below it (two levels), the newest last. A directory that is a run itself is listed alone. */
export async function listRuns(root: string): Promise<RunListing[]> {
  const runs = await Promise.all((await findRuns(root)).map(describeRun));
  return runs.sort((a, b) => (a.changed ?? '').localeCompare(b.changed ?? '') || a.run.localeCompare(b.run));
}

/**
 * Directories of runs in a directory and below it.
 * @param tolerant folders that cannot be read, or that go while they are looked at, hold no runs
 * @throws Error, one sentence, if the directory cannot be read
 */
export async function findRuns(root: string, tolerant = false): Promise<string[]> {
  const found: string[] = [];
  await search(root, 2, found, tolerant);
  return found;
}

async function search(directory: string, depth: number, found: string[], tolerant: boolean): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error) => {
    if (tolerant && depth < 2) return [];
    throw fileError(error, directory, 'read');
  });
  if (
    entries.some((e) => e.name === 'config.json') &&
    entries.some((e) => /^(metrics\.jsonl|last\.safetensors)$/.test(e.name))
  ) {
    found.push(directory);
    return;
  }
  if (depth === 0) return;
  for (const e of entries)
    if (e.isDirectory() && !e.name.startsWith('.')) await search(join(directory, e.name), depth - 1, found, tolerant);
}

async function describeRun(run: string): Promise<RunListing> {
  const directory = new RunDirectory(run);
  const changed = await stat(join(run, LAST_FILE)).then(
    (s) => s.mtime.toISOString(),
    () => null,
  );
  try {
    const config = await directory.readConfig();
    const history = await directory.readMetrics();
    const state = await readPosition(run);
    return { run, changed, ...summary(config, history, state) };
  } catch (error) {
    const reason = (error as Error).message;
    const nothing = { model: '?', data: null, epochs: 0, planned: 0, best: null, accuracy: null } as const;
    return { run, changed, ...nothing, state: 'damaged', reason };
  }
}

/** What a run's files say about where it is. */
export function summary(config: RunConfig, history: readonly EpochRecord[], state: ResumeState | undefined) {
  const { training, model } = config;
  const best = state?.monitor.best ?? null;
  const record = history.find((r) => r.epoch === best?.epoch);
  const accuracy = (record?.valid ?? record?.train)?.accuracy;
  const patience = training.earlyStopping?.patience;
  const exhausted = patience !== undefined && (state?.monitor.waited ?? 0) >= patience;
  const done = state !== undefined && state.position.epoch > training.epochs;
  return {
    model: !model ? 'own program' : 'path' in model ? fileName(model.path) : model.name,
    data: dataOf(config)?.name ?? null,
    epochs: state ? Math.min(state.position.epoch - 1, history.length) : history.length,
    planned: training.epochs,
    best: best && { ...best, monitor: training.monitor.of },
    accuracy: typeof accuracy === 'number' ? accuracy : null,
    state: done ? 'done' : exhausted ? 'stopped early' : 'unfinished',
  } as const;
}

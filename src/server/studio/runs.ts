import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readPosition } from '../../cli/position.js';
import { summary } from '../../cli/run-list.js';
import { modelEntry } from '../../models/index.js';
import type { RunConfig } from '../../train/config.js';
import type { EpochRecord } from '../../train/events.js';
import { LIVE_FILE } from '../../train/liveLog.js';
import { CONFIG_FILE, LAST_FILE, METRICS_FILE, RunDirectory } from '../../train/run.js';
import type { LiveState, RunState, RunSummary } from './api.js';
import { type LiveEnd, readLiveEnd } from './liveFile.js';
import { type Trains, trainingAt } from './process.js';
import type { RunsRoot } from './root.js';

/** A run as its files say, and who trains it. */
export interface RunView {
  readonly summary: RunSummary;
  readonly config: RunConfig | undefined;
  /** Of finished epochs. */
  readonly history: readonly EpochRecord[];
  readonly live: LiveEnd | undefined;
  /** The process that trains it now. */
  readonly trainer: { readonly pid: number; readonly command: Trains } | undefined;
}

/** Most points of the small curve in lists. */
const SPARK = 60;

/** Looks at runs, and remembers those whose files have not changed. */
export class Runs {
  private readonly seen = new Map<string, { stamp: string; view: RunView }>();

  constructor(private readonly root: RunsRoot) {}

  /** All runs, the last changed first. */
  async list(): Promise<RunSummary[]> {
    const ids = await this.root.list();
    for (const id of this.seen.keys()) if (!ids.includes(id)) this.seen.delete(id);
    const views: (RunView | undefined)[] = [];
    // A few at a time: the disk is the trainings' too.
    for (let from = 0; from < ids.length; from += 8)
      views.push(...(await Promise.all(ids.slice(from, from + 8).map((id) => this.view(id)))));
    return views.flatMap((view) => (view ? [view.summary] : [])).sort(byChange);
  }

  /** What is known of a run; undefined if its folder is gone. */
  async view(id: string): Promise<RunView | undefined> {
    const run = this.root.place(id);
    const { stamp, changed } = await stampOf(run);
    if (changed === null) return undefined;
    const cached = this.seen.get(id);
    // Whether its process still lives no file says.
    if (cached?.stamp === stamp && !cached.view.trainer) return cached.view;
    const view = await look(id, run, changed);
    this.seen.set(id, { stamp, view });
    return view;
  }
}

export const byChange = (a: RunSummary, b: RunSummary): number =>
  (b.changed ?? 0) - (a.changed ?? 0) || a.id.localeCompare(b.id);

async function stampOf(run: string): Promise<{ stamp: string; changed: number | null }> {
  const names = [CONFIG_FILE, METRICS_FILE, LAST_FILE, LIVE_FILE];
  const found = await Promise.all(names.map((name) => stat(join(run, name)).catch(() => undefined)));
  const times = found.flatMap((s) => (s ? [s.mtimeMs] : []));
  return {
    stamp: found.map((s) => (s ? `${s.mtimeMs}-${s.size}` : '')).join(),
    changed: found[0] ? Math.max(...times) : null,
  };
}

async function look(id: string, run: string, changed: number): Promise<RunView> {
  const live = await readLiveEnd(run).catch(() => undefined);
  const { start, end } = live ?? {};
  const command = start && !end ? await trainingAt(start) : undefined;
  const trainer = start && command && { pid: start.pid, command };
  let config: RunConfig | undefined;
  try {
    const directory = new RunDirectory(run);
    config = await directory.readConfig();
    const records = await directory.readMetrics();
    const position = await readPosition(run);
    const { state, accuracy: _, ...known } = summary(config, records, position);
    const history = records.slice(0, known.epochs);
    const best = history.find((r) => r.epoch === known.best?.epoch);
    return {
      config,
      history,
      live,
      trainer,
      summary: {
        id,
        ...known,
        task: taskOf(config),
        state: trainer ? 'running' : state === 'unfinished' ? 'interrupted' : state,
        ...(end?.reason === 'failed' && end.message && !trainer ? { reason: end.message } : {}),
        score: best ? scoreOf(best) : null,
        spark: thinned(history.map((r) => (r.valid ?? r.train).loss)),
        parameters: config.parameters,
        changed,
        ...(trainer && live ? { live: liveState(live, config) } : {}),
      },
    };
  } catch (error) {
    const nothing = { model: '?', data: null, task: null, epochs: 0, planned: 0, best: null, score: null } as const;
    const state: RunState = 'damaged';
    const reason = (error as Error).message;
    return {
      config,
      history: [],
      live,
      trainer,
      summary: { id, ...nothing, state, reason, spark: [], parameters: config?.parameters ?? 0, changed },
    };
  }
}

/** What a run's network does, where its name or its metrics tell. */
export function taskOf({ model, training }: RunConfig): RunSummary['task'] {
  try {
    if (model && !('path' in model)) return modelEntry(model.name).task;
  } catch {
    // A network that this version does not know.
  }
  const names = training.metrics.map((m) => (typeof m === 'string' ? m : (m as { name?: string } | null)?.name));
  if (names.includes('accuracy')) return 'classification';
  return names.some((name) => name === 'iou' || name === 'dice') ? 'segmentation' : null;
}

function scoreOf({ valid, train }: EpochRecord): RunSummary['score'] {
  const scores = valid ?? train;
  for (const name of ['accuracy', 'iou', 'dice']) {
    const value = scores[name];
    if (typeof value === 'number') return { name, value };
  }
  return null;
}

/** At most {@link SPARK} values, the first and the last among them. */
function thinned(values: readonly number[]): number[] {
  if (values.length <= SPARK) return [...values];
  return Array.from({ length: SPARK }, (_, k) => values[Math.round((k * (values.length - 1)) / (SPARK - 1))]!);
}

function liveState({ start, steps, evaluate, epoch, validSeconds = 0 }: LiveEnd, config: RunConfig): LiveState {
  const { epochs, batches } = start!;
  const batch = steps?.batch ?? 0;
  const imagesPerSecond = steps?.imagesPerSecond ?? 0;
  // An epoch is over with its line, the next has begun with its first step.
  const over = epoch !== undefined && epoch.record.epoch >= (steps?.epoch ?? 0);
  const present = over ? epoch.record.epoch + 1 : (steps?.epoch ?? 1);
  const done = over ? 0 : batch;
  const left = (epochs - present + 1) * batches - done;
  const validations = epochs - present + 1;
  const predicted = start!.predictedImagesPerSecond;
  const finished = present > epochs;
  return {
    epoch: Math.min(present, epochs),
    batch: finished ? batches : done,
    batches,
    imagesPerSecond,
    ...(predicted === undefined ? {} : { predictedImagesPerSecond: predicted }),
    secondsLeft: finished
      ? 0
      : imagesPerSecond > 0
        ? (left * config.training.batchSize) / imagesPerSecond + validations * validSeconds
        : null,
    phase: finished ? 'finishing' : evaluate || (!over && done === batches) ? 'validating' : 'training',
  };
}

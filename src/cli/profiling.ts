import type { Backend } from '../backends/backend.js';
import { measureConv } from '../backends/native/index.js';
import { chromeTrace } from '../inspect/chromeTrace.js';
import { type Attainable, type Profile, summarise } from '../inspect/profile.js';
import { Profiler, type ProfilerOptions } from '../inspect/profiler.js';
import { milliseconds, profileTables } from '../inspect/profileTable.js';
import { measureBandwidth } from '../inspect/time.js';
import { checkWritable, writeFileAtomic } from '../node/storage.js';
import type { Trainer } from '../train/trainer.js';
import type { Values } from './options.js';
import { style, type Terminal, table } from './terminal.js';

/** A profile in the making: programs that are compiled on `backend` are measured. */
export interface Profiling {
  readonly backend: Backend;
  /** All that was to be measured is. */
  readonly done: boolean;
  /** Begins, if it was `paused`. */
  start(): void;
  /** Writes the trace, if one was asked for. Undefined if nothing was measured. */
  finish(): Promise<{ readonly profile: Profile; readonly text: string; readonly trace?: string } | undefined>;
}

/** Whether the options ask for a profile. */
export const wantsProfile = (values: Values): boolean => values.profile === true || values.trace !== undefined;

/**
 * Prepares a profile, which also measures what the machine could do at best.
 * @throws Error, one sentence, where the device cannot time steps or the trace cannot be written
 */
export async function startProfile(
  values: Values,
  inner: Backend,
  title: string,
  options: ProfilerOptions,
): Promise<Profiling> {
  const trace = values.trace as string | undefined;
  const depth = values.depth as number | undefined;
  const profiler = new Profiler(inner, options);
  if (trace !== undefined) await checkWritable(trace);
  // Before a run, whose steps would be in the way; after a workload that was timed, whose peak memory it would be.
  const before = options.paused ? undefined : await attainableOn(inner);
  return {
    backend: profiler.backend,
    get done() {
      return profiler.done;
    },
    start: () => profiler.start(),
    finish: async () => {
      const { measured } = profiler;
      if (measured.length === 0) return undefined;
      if (trace !== undefined) await writeFileAtomic(trace, chromeTrace(measured, title));
      const profile = summarise(measured, { attainable: before ?? (await attainableOn(inner)), depth });
      return { profile, text: profileText(profile, title, trace), ...(trace === undefined ? {} : { trace }) };
    },
  };
}

const attainableOn = async (backend: Backend): Promise<Attainable> => ({
  gflops: (await measureConv(backend, 4)).gflops,
  gigabytesPerSecond: await measureBandwidth(backend),
});

/** Programs that make a training step, by the names that the trainer gives them. */
export const trainingPart = (name: string): string | undefined =>
  /^(train|gather) /.test(name) ? 'batch' : name === 'update from sums' ? 'update' : undefined;

/**
 * Shows the profile of a run as soon as it is measured.
 * @returns what to call when the run has ended: shows what there is by then, and gives the profile
 */
export function showWhenDone(trainer: Trainer, profiling: Profiling, terminal: Terminal) {
  let shown: Promise<Profile | undefined> | undefined;
  const show = async () => {
    try {
      const finished = await profiling.finish();
      if (finished) terminal.say(`\n${finished.text}\n`);
      else terminal.warn('the run was too short for a profile');
      return finished?.profile;
    } catch (error) {
      terminal.warn((error as Error).message);
      return undefined;
    }
  };
  trainer.on((event) => {
    if (event.type === 'step' && profiling.done) shown ??= show();
  });
  return () => (shown ??= show());
}

function profileText(profile: Profile, title: string, trace: string | undefined): string {
  const { kinds, layers } = profileTables(profile);
  const numbers = { right: layers[0]!.map((_, i) => i).slice(1) };
  const shown = (rows: readonly (readonly string[])[]) => {
    const [heading, ...rest] = table(rows, numbers).split('\n');
    return [style('bold', heading!), ...rest];
  };
  const { gflops, gigabytesPerSecond } = profile.attainable!;
  return [
    `${title}: ${milliseconds(profile.ms)} ms in ${profile.steps} steps, ${times(profile.runs)}`,
    '',
    ...shown(kinds),
    '',
    ...shown(layers),
    '',
    `limit: ${gflops.toFixed(0)} GFLOP/s (direct 3x3 convolution) and ${gigabytesPerSecond.toFixed(0)} GB/s from memory, measured just now;`,
    'above 100 % where Winograd saves operations or values stay in the caches',
    ...(trace === undefined ? [] : [`trace: ${trace} (open it in chrome://tracing or ui.perfetto.dev)`]),
  ].join('\n');
}

const times = (runs: number) => (runs === 1 ? 'measured once' : `medians of ${runs} runs`);

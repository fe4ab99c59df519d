import type { ProfiledStep } from '../backends/backend.js';
import { kindOf, PHASES } from './profile.js';

/**
 * Measured runs as a trace for chrome://tracing or ui.perfetto.dev: a lane for each part of a step and one for the runs,
 * one event a step. Steps are set one after the other as they ran; time between them and between runs is not known
 * and left out.
 * @param title name of the process in the trace
 * @returns JSON text
 */
export function chromeTrace(runs: readonly (readonly ProfiledStep[])[], title: string): string {
  const lanes = ['runs', ...PHASES];
  const metadata = (name: string, tid: number, args: object) => ({ ph: 'M', pid: 1, tid, name, args });
  const events: object[] = [
    metadata('process_name', 0, { name: title }),
    ...lanes.flatMap((name, tid) => [
      metadata('thread_name', tid, { name }),
      metadata('thread_sort_index', tid, { sort_index: tid }),
    ]),
  ];
  // Microseconds.
  let now = 0;
  for (const [number, run] of runs.entries()) {
    const begin = now;
    for (const step of run) {
      const { op, label, impl, phase, flops, bytes, ms } = step;
      if (ms === 0) continue;
      events.push({
        ph: 'X',
        pid: 1,
        tid: lanes.indexOf(phase),
        name: label ? `${label}: ${op}` : op,
        cat: kindOf(step),
        ts: now,
        dur: 1000 * ms,
        args: {
          layer: label,
          operation: op,
          implementation: impl,
          ...(flops > 0 ? { 'GFLOP/s': Math.round(flops / ms / 1e6) } : {}),
          ...(bytes > 0 ? { 'GB/s': Number((bytes / ms / 1e6).toPrecision(3)) } : {}),
        },
      });
      now += 1000 * ms;
    }
    events.push({
      ph: 'X',
      pid: 1,
      tid: 0,
      name: `run ${number + 1}`,
      cat: 'run',
      ts: begin,
      dur: now - begin,
      args: {},
    });
  }
  return `${JSON.stringify({ displayTimeUnit: 'ms', traceEvents: events })}\n`;
}

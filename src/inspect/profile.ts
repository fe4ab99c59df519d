import type { ProfiledStep, StepInfo } from '../backends/backend.js';
import type { Phase } from '../tensor/scope.js';
import { median } from '../util/numbers.js';

/** What the machine could do at best. */
export interface Attainable {
  /** 10^9 floating-point operations a second (a multiply-add is two) in direct convolution. */
  readonly gflops: number;
  /** 10^9 bytes a second from memory. */
  readonly gigabytesPerSecond: number;
}

/** What steps of one kind, or of one layer, took. */
export interface ProfileRow {
  readonly name: string;
  /** Milliseconds in each part of a step. */
  readonly phases: Readonly<Record<Phase, number>>;
  /** Milliseconds in all. */
  readonly ms: number;
  /** Of the whole, 0 to 1. */
  readonly share: number;
  /** 10^9 operations a second over the time of the steps that multiply matrices or convolve; null if there are none. */
  readonly gflops: number | null;
  /**
   * Time that the machine needs at best, over the time taken: operations at the rate of direct convolution, values read
   * and written once at the rate of memory, whichever takes longer. Above 1 where Winograd saves operations or values
   * stay in the caches; null where nothing is known of the work (changes of layout), or of the machine.
   */
  readonly efficiency: number | null;
}

/** Where the time of a step goes. */
export interface Profile {
  /** Runs that were measured; of each step the median counts. */
  readonly runs: number;
  /** All steps together, milliseconds. */
  readonly ms: number;
  readonly steps: number;
  readonly phases: Readonly<Record<Phase, number>>;
  readonly gflops: number;
  readonly attainable: Attainable | null;
  /** Slowest first. */
  readonly kinds: readonly ProfileRow[];
  /** In the order of the network. */
  readonly layers: readonly ProfileRow[];
}

export const PHASES: readonly Phase[] = ['forward', 'loss', 'backward', 'update'];

/**
 * Puts measured steps together by kind and by layer.
 * @param runs of one program: the same steps in each
 * @param depth layers are put together below this many parts of their paths
 */
export function summarise(
  runs: readonly (readonly ProfiledStep[])[],
  { attainable, depth }: { attainable?: Attainable; depth?: number } = {},
): Profile {
  const first = runs[0];
  if (!first) throw new Error('a profile needs at least one measured run');
  const steps = first.map((step, i) => ({ ...step, ms: median(runs.map((run) => run[i]!.ms)) }));
  const whole = steps.reduce((sum, s) => sum + s.ms, 0);
  const rows = (keyOf: (step: StepInfo) => string) => {
    const groups = new Map<string, ProfiledStep[]>();
    for (const step of steps) {
      const key = keyOf(step);
      groups.set(key, [...(groups.get(key) ?? []), step]);
    }
    return [...groups].map(([name, own]) => row(name, own, whole, attainable));
  };
  return {
    runs: runs.length,
    ms: whole,
    steps: steps.filter((s) => s.ms > 0).length,
    phases: phasesOf(steps),
    gflops: whole > 0 ? flopsOf(steps) / whole / 1e6 : 0,
    attainable: attainable ?? null,
    kinds: rows(kindOf).sort((a, b) => b.ms - a.ms),
    layers: inOrder(
      steps.map((step) => ({ name: layerOf(step, depth), phase: step.phase })),
      rows((step) => layerOf(step, depth)),
    ),
  };
}

/**
 * Rows in the order of the network, what is no layer at the end. A layer that only has work in the backward pass, because
 * another one does its forward work, goes before the one that the backward pass came from.
 */
function inOrder(steps: readonly { readonly name: string; readonly phase: Phase }[], rows: ProfileRow[]): ProfileRow[] {
  const names: string[] = [];
  let from: string | undefined;
  for (const { name, phase } of steps) {
    if (name.startsWith('(')) continue;
    const known = names.includes(name);
    if (!known && phase === 'backward' && from !== undefined) names.splice(names.indexOf(from), 0, name);
    else if (!known) names.push(name);
    if (phase === 'backward') from = name;
  }
  const rank = ({ name }: ProfileRow) => (name.startsWith('(') ? names.length : names.indexOf(name));
  return rows.sort((a, b) => rank(a) - rank(b));
}

function row(name: string, steps: readonly ProfiledStep[], whole: number, attainable?: Attainable): ProfileRow {
  const ms = steps.reduce((sum, s) => sum + s.ms, 0);
  const working = steps.filter((s) => s.flops > 0).reduce((sum, s) => sum + s.ms, 0);
  // Changes of layout are no work in themselves: of a layer they count as lost time, alone they say nothing.
  const known = ms > 0 && steps.some((s) => s.bytes > 0 || s.flops > 0);
  const best = attainable && steps.reduce((sum, s) => sum + bestTime(s, attainable), 0);
  return {
    name,
    phases: phasesOf(steps),
    ms,
    share: whole > 0 ? ms / whole : 0,
    gflops: working > 0 ? flopsOf(steps) / working / 1e6 : null,
    efficiency: known && best !== undefined ? best / ms : null,
  };
}

const flopsOf = (steps: readonly ProfiledStep[]) => steps.reduce((sum, s) => sum + s.flops, 0);

/** Milliseconds. A step that was left out, because nothing it depends on had changed, needs none. */
const bestTime = ({ flops, bytes, ms }: ProfiledStep, { gflops, gigabytesPerSecond }: Attainable): number =>
  ms === 0 ? 0 : Math.max(flops / gflops, bytes / gigabytesPerSecond) / 1e6;

function phasesOf(steps: readonly ProfiledStep[]): Record<Phase, number> {
  const phases = { forward: 0, loss: 0, backward: 0, update: 0 };
  for (const { phase, ms } of steps) phases[phase] += ms;
  return phases;
}

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^(conv2d|convTranspose2d)/, 'convolution'],
  [/^matmul$/, 'matrix product'],
  [/^batchNorm/, 'batch norm'],
  [/^localResponseNorm/, 'local response norm'],
  [/[pP]ool2d/, 'pooling'],
  [/^resize2d/, 'resizing'],
  [/^(reorder|update)$/, 'change of layout'],
  [/^(concat|slice|pad|permute|reshape|broadcastTo)$/, 'copy'],
  [/^(crossEntropy|lovasz)/, 'loss'],
];

/** What kind of work a step is. Element-wise chains are `loss` and `update` where they belong to those. */
export function kindOf({ op, phase }: StepInfo): string {
  const known = KINDS.find(([pattern]) => pattern.test(op))?.[1];
  if (known) return known;
  if (phase === 'update') return 'update';
  if (phase === 'loss') return 'loss';
  return /^(sum|mean|max|argmax|softmax|logSoftmax|allFinite)$/.test(op) ? 'reduction' : 'element-wise';
}

/** The layer of a step, in brackets where it belongs to none. */
function layerOf({ label, phase }: StepInfo, depth: number | undefined): string {
  if (label !== '') return depth === undefined ? label : label.split('.').slice(0, depth).join('.');
  if (phase === 'update') return '(update)';
  return phase === 'loss' ? '(loss)' : '(outside of layers)';
}

import type { Backend } from '../backends/backend.js';
import type { ConvolutionTuning } from '../backends/tuning.js';
import { milliseconds } from '../inspect/profileTable.js';
import { shortBytes } from '../inspect/table.js';
import { parseLoss } from '../losses/registry.js';
import type { ImageShape } from '../models/registry.js';
import type { Module } from '../nn/module.js';
import { parseOptimizer } from '../optim/registry.js';
import { formatCount, formatPercent } from '../report/format.js';
import { openWorkload } from '../train/workload.js';
import { median } from '../util/numbers.js';
import type { Spec } from '../util/registry.js';
import type { Values } from './options.js';
import type { Profiling } from './profiling.js';
import { describeSpec, toSpec } from './spec.js';

/** What is timed. */
export interface About {
  readonly input: ImageShape;
  readonly batch: number;
  readonly mode: 'train' | 'infer';
  readonly exact: boolean;
  readonly tune: boolean;
}

export interface Timed {
  readonly repeats: number;
  readonly medianMs: number;
  readonly minMs: number;
  /** Half the range of the middle half of the runs, as a fraction of the median. */
  readonly spread: number;
  /** Effective: operations of convolutions and matrix products by definition, over the median. */
  readonly gflops: number;
  readonly imagesPerSecond: number;
  /** The most memory the process has taken. */
  readonly peakBytes: number;
  /** Of that, the program's values, scratch and copies of weights. */
  readonly programBytes: number;
  readonly parameters: number;
  /** Building and compiling, with the first values of all weights. */
  readonly preparationMs: number;
  /** With `tune`: convolutions by what was chosen for them, and how many of them had to be measured for that. */
  readonly algorithms?: { readonly direct: number; readonly winograd: number; readonly measured: number };
  readonly loss?: string;
  readonly optimizer?: string;
}

/** Times a network on made-up data: a few runs to warm up, then the timed ones, then those of the profile. */
export async function timeWorkload(
  net: Module,
  backend: Backend,
  { input, batch, mode, exact, tune }: About,
  { repeats, loss, optimizer }: Values,
  signal: AbortSignal,
  profiling: Profiling | undefined,
): Promise<Timed> {
  const begin = performance.now();
  const work = await openWorkload(net, profiling?.backend ?? backend, {
    inputShape: input,
    batch,
    mode,
    exact,
    tune,
    ...(loss === undefined ? {} : { loss: parseLoss(toSpec(loss as string | Spec)) }),
    ...(optimizer === undefined ? {} : { optimizer: parseOptimizer(toSpec(optimizer as string | Spec)) }),
  });
  const preparationMs = performance.now() - begin;
  try {
    const once = async () => {
      signal.throwIfAborted();
      const start = performance.now();
      await work.run();
      return performance.now() - start;
    };
    // The first runs make memory and settle the caches.
    let last = await once();
    for (let spent = last, n = 1; n < 3 || (spent < 300 && n < 50); n++, spent += last) last = await once();
    const count = (repeats as number | undefined) ?? Math.min(100, Math.max(5, Math.round(2000 / last)));
    const ms: number[] = [];
    while (ms.length < count) ms.push(await once());
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    profiling?.start();
    while (profiling && !profiling.done) await once();
    const middle = median(ms);
    const sorted = [...ms].sort((a, b) => a - b);
    const quartile = (q: number) => sorted[Math.floor(q * (sorted.length - 1))]!;
    return {
      repeats: count,
      medianMs: middle,
      minMs: sorted[0]!,
      spread: (quartile(0.75) - quartile(0.25)) / 2 / middle,
      gflops: work.flops / middle / 1e6,
      imagesPerSecond: (1000 * batch) / middle,
      peakBytes,
      programBytes: work.programBytes,
      parameters: net.parameterCount(),
      preparationMs,
      ...(work.tuning ? { algorithms: countAlgorithms(work.tuning) } : {}),
      ...(work.loss ? { loss: describeSpec(work.loss.spec) } : {}),
      ...(work.optimizer ? { optimizer: describeSpec(work.optimizer.spec ?? work.optimizer.name) } : {}),
    };
  } finally {
    work.dispose();
  }
}

/** What was timed and what came out, one fact a line. */
export function workloadFacts(title: string, { exact }: About, t: Timed): [name: string, value: string][] {
  const ways = [t.loss, t.optimizer, exact ? 'direct convolution only' : undefined].filter(Boolean).join(', ');
  return [
    ['workload', ways ? `${title} (${ways})` : title],
    [
      'time',
      `${milliseconds(t.medianMs)} ms (${t.repeats === 1 ? 'one run' : `median of ${t.repeats}, within ${formatPercent(t.spread, 0)}; fastest ${milliseconds(t.minMs)} ms`}), ${rate(t.imagesPerSecond)} images/s`,
    ],
    ['speed', `${rate(t.gflops)} GFLOP/s effective: convolutions and matrix products only, by their definition`],
    ['memory', `${shortBytes(t.peakBytes)} at most, ${shortBytes(t.programBytes)} of it for the program's values`],
    ['parameters', formatCount(t.parameters)],
    ...(t.algorithms ? [['algorithms', algorithmsText(t.algorithms)] as [string, string]] : []),
    ['preparation', `${milliseconds(t.preparationMs)} ms: first weights and compiling`],
  ];
}

function countAlgorithms({ choices, measured }: ConvolutionTuning): NonNullable<Timed['algorithms']> {
  const winograd = [...choices.values()].filter(({ algorithm }) => algorithm === 'winograd').length;
  return { direct: choices.size - winograd, winograd, measured };
}

const algorithmsText = ({ direct, winograd, measured }: NonNullable<Timed['algorithms']>): string =>
  direct + winograd === 0
    ? 'no convolution has a choice on this device'
    : `${winograd} convolutions by Winograd, ${direct} direct, ${measured === 0 ? 'all known before' : `${measured} measured now`}`;

/** Whole numbers, or two digits below ten. */
const rate = (n: number) => (n < 9.95 ? n.toPrecision(2) : formatCount(n));

import type { Backend } from '../backends/backend.js';
import { hasMasks } from '../data/masks.js';
import type { OpenedData } from '../data/open.js';
import type { Evaluation } from '../report/data.js';
import { formatCount, formatDuration, formatMetric, formatNumber, formatPlain, metricTitle } from '../report/format.js';
import type { RunConfig } from '../train/config.js';
import type { FitResult } from '../train/events.js';
import { loadRun, objectiveOf } from '../train/load.js';
import { openStorage } from '../train/storage.js';
import { chooseSplit, dataOf, type Split, splitTitle } from './data-source.js';
import { measure, measuringBatch } from './measure.js';
import { networkOf } from './network.js';
import { titleOf } from './plan.js';
import { describeSpec } from './spec.js';
import { facts, style, type Terminal } from './terminal.js';

/** What `fovea train` hands back when a run is done. */
export interface Finished {
  readonly split: Split['split'];
  readonly evaluation: Evaluation;
  readonly config: RunConfig;
  /** Paths of the pictures; the page is the last. */
  readonly files: readonly string[];
}

/** Measures the best weights of a run, on the test set if there is one, and writes its report. */
export async function finishRun(
  out: string,
  result: FitResult,
  data: OpenedData,
  backend: Backend,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<Finished> {
  const { config, net, file } = await loadRun(out, { make: networkOf });
  const { split, dataset } = chooseSplit(data, undefined, true);
  const evaluation = await measure(
    net,
    { ...objectiveOf(config), backend },
    dataset,
    {
      split: splitTitle(split),
      weights: file.replace('.safetensors', ''),
      batchSize: measuringBatch(dataset, config),
      signal,
      samples: true,
    },
    terminal,
  );
  const { writeReport } = await import('../report/report.js');
  // The photos that were looked at while it trained, whatever the figures are measured on.
  const watched = data.valid ? { dataset: data.valid, split: 'validation' } : { dataset, split: splitTitle(split) };
  const { maskReport } = await import('./looking.js');
  const masks = hasMasks(watched.dataset)
    ? await maskReport(net, { ...objectiveOf(config), backend }, watched.dataset, watched.split, out, signal)
    : undefined;
  const extra = config.extra as { command?: string } | undefined;
  const files = await writeReport(openStorage(out), {
    title: titleOf(config),
    location: out,
    history: result.history,
    ...(result.best ? { best: result.best } : {}),
    ...(result.reason === 'early-stopping'
      ? { state: `Stopped early, after epoch ${result.history.length} of ${config.training.epochs}: no improvement.` }
      : {}),
    evaluation,
    ...(masks ? { masks } : {}),
    classes: config.classes,
    parameters: config.parameters,
    device: config.device,
    configuration: configurationOf(config),
    ...(extra?.command ? { command: extra.command } : {}),
    written: new Date().toISOString().replace('T', ' ').slice(0, 16),
    versions: config.versions,
  });
  return { split, evaluation, config, files: files.map((f) => `${out}/${f}`) };
}

/** The settings of a run in the order a person asks for them. */
function configurationOf(config: RunConfig): [string, string][] {
  const { training: t, inputShape, normalize } = config;
  const data = dataOf(config);
  const rows: [string, string | undefined][] = [
    ['network', config.model && ('path' in config.model ? config.model.path : describeSpec(config.model))],
    ['data', data?.name],
    ['input', `${inputShape.join(' x ')}, ${config.classes.length} classes`],
    [
      'normalised by',
      `mean ${normalize.mean.map(formatPlain).join(', ')}, std ${normalize.std.map(formatPlain).join(', ')}`,
    ],
    ['augmentation', data?.options.augment?.map((a) => describeSpec(a)).join(', ')],
    ['limit', data?.options.limit === undefined ? undefined : `${formatCount(data.options.limit)} training images`],
    ['frozen', t.frozen.length > 0 ? frozenText(t.frozen) : undefined],
    ['recipe', (config.extra as { recipe?: string } | undefined)?.recipe],
    ['epochs', String(t.epochs)],
    [
      'batch size',
      `${t.batchSize}${t.accumulate ? `, gradients of ${t.accumulate} batches added up` : ''}${t.dropLast ? ', smaller last batch left out' : ''}`,
    ],
    ['loss', describeSpec(t.loss)],
    ['optimizer', describeSpec(t.optimizer)],
    ['scheduler', t.scheduler === undefined ? undefined : describeSpec(t.scheduler)],
    ['averaged weights', t.ema === undefined ? undefined : `decay ${t.ema}`],
    [
      'gradient clipping',
      t.clip &&
        Object.entries(t.clip)
          .map(([k, v]) => `${k} ${v}`)
          .join(', '),
    ],
    ['best epoch by', `${t.monitor.direction === 'lower' ? 'lowest' : 'highest'} ${t.monitor.of}`],
    ['early stopping', t.earlyStopping && `after ${t.earlyStopping.patience} epochs without improvement`],
    ['convolution', t.exact ? 'direct only (--exact)' : t.tune ? 'chosen by measurement (--tune)' : undefined],
    ['seed', String(t.seed)],
    [
      'device',
      `${config.device.description}, ${config.device.threads} thread${config.device.threads === 1 ? '' : 's'}`,
    ],
  ];
  return rows.filter((row): row is [string, string] => Boolean(row[1]));
}

/** `12 tensors of features, classifier`. */
const frozenText = (paths: readonly string[]) =>
  `${formatCount(paths.length)} tensors of ${[...new Set(paths.map((path) => path.split('.')[0]))].join(', ')}`;

/** The table at the end of `train`, `demo` and `eval`. */
export function evaluationFacts({ split, loss, metrics, images }: Evaluation): [string, string][] {
  const rows: [string, string][] = [];
  for (const [name, value] of Object.entries(metrics)) {
    const wrong =
      name === 'accuracy' ? ` (${formatCount(Math.round((1 - value) * images))} wrong of ${formatCount(images)})` : '';
    const shown = formatMetric(name, value);
    rows.push([
      `${split} ${metricTitle(name).toLowerCase()}`,
      `${name === 'accuracy' ? style('bold', shown) : shown}${wrong}`,
    ]);
  }
  rows.push([`${split} loss`, formatNumber(loss)]);
  return rows;
}

export function runSummary(out: string, result: FitResult, { evaluation, config, files }: Finished): string {
  const seconds = result.history.reduce((sum, r) => sum + r.seconds, 0);
  const speeds = result.history.map((r) => r.imagesPerSecond).sort((a, b) => a - b);
  const speed = speeds[Math.floor(speeds.length / 2)] ?? 0;
  const best = result.best;
  return facts([
    ...evaluationFacts(evaluation),
    ...(best
      ? [
          [
            'best epoch',
            `${best.epoch} of ${result.history.length} (${best.monitor.replace('.', ' ')} ${formatNumber(best.value)})`,
          ] as [string, string],
        ]
      : []),
    ['training time', `${formatDuration(seconds)} (${formatCount(speed)} images/s)`],
    ['parameters', formatCount(config.parameters)],
    ['run', out],
    ['report', files.at(-1)!],
  ]);
}

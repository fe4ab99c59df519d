import type { Backend } from '../backends/backend.js';
import { hasMasks } from '../data/masks.js';
import type { OpenedData } from '../data/open.js';
import type { Evaluation } from '../report/data.js';
import { formatCount, formatDuration, formatMetric, formatNumber, metricTitle } from '../report/format.js';
import type { RunConfig } from '../train/config.js';
import type { FitResult } from '../train/events.js';
import { loadRun, objectiveOf } from '../train/load.js';
import { EVALUATION_FILE } from '../train/run.js';
import { openStorage } from '../train/storage.js';
import { chooseSplit, type Split, splitTitle } from './data-source.js';
import { measure, measuringBatch } from './measure.js';
import { networkOf } from './network.js';
import { titleOf } from './plan.js';
import { settingsOf } from './settings.js';
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
  const storage = openStorage(out);
  await storage.writeAtomic(EVALUATION_FILE, evaluationJson(evaluation));
  const files = await writeReport(storage, {
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
    configuration: settingsOf(config),
    ...(extra?.command ? { command: extra.command } : {}),
    written: new Date().toISOString().replace('T', ' ').slice(0, 16),
    versions: config.versions,
  });
  return { split, evaluation, config, files: files.map((f) => `${out}/${f}`) };
}

/** A table of more classes is not read by anybody, and large. */
const TABLE_CLASSES = 200;

/** What the evaluation at the end found, for who shows the run later: one line. */
function evaluationJson({ split, images, weights, loss, metrics, confusion }: Evaluation): string {
  const table = confusion && confusion.length <= TABLE_CLASSES ? { confusion } : {};
  return `${JSON.stringify({ split, images, weights, loss, metrics, ...table })}\n`;
}

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

import { formatCount, formatPlain } from '../report/format.js';
import type { RunConfig } from '../train/config.js';
import { dataOf } from './data-source.js';
import { describeSpec } from './spec.js';

/** The settings of a run in the order a person asks for them. */
export function settingsOf(config: RunConfig): [string, string][] {
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

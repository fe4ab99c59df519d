import { Registry, type Spec, type SpecOptions } from '../util/registry.js';
import { readSpec } from '../util/spec.js';
import { normaliseName, unknownName } from '../util/suggest.js';
import { accuracy } from './accuracy.js';
import { boundaryF1 } from './boundary.js';
import { confusionMatrix } from './confusion.js';
import { emptyMasks, thresholdSweep } from './masks.js';
import type { Metric } from './metric.js';
import { type AverageOptions, dice, f1, iou, precision, recall } from './scores.js';

/**
 * All metrics by name; more can be registered. `iou`, `dice`, `precision`, `recall` and `f1` also with `_micro`,
 * `_per_class` and `_per_image`.
 */
export const metricRegistry: Registry<Metric> = new Registry<Metric>('metric')
  .register('accuracy', accuracy, 'acc', 'top1', 'pixel-accuracy')
  .register('confusion', confusionMatrix, 'confusion-matrix')
  .register('boundary_f1', boundaryF1, 'bf1')
  .register('threshold_sweep', thresholdSweep)
  .register('empty_masks', emptyMasks);

const SCORES: readonly [string, (options: AverageOptions) => Metric, ...aliases: string[]][] = [
  ['precision', precision],
  ['recall', recall],
  ['f1', f1],
  ['iou', iou, 'miou', 'mean_iou', 'jaccard'],
  ['dice', dice],
];
for (const [name, make, ...aliases] of SCORES)
  metricRegistry
    .register(name, make, `${name}_macro`, ...aliases)
    .register(`${name}_micro`, (o: SpecOptions) => make({ ...o, average: 'micro' }))
    .register(`${name}_per_class`, (o: SpecOptions) => make({ ...o, average: 'none' }))
    .register(`${name}_per_image`, (o: SpecOptions) => make({ ...o, over: 'image' }));

/** Options that hold for every metric of a run that does not say otherwise. */
export interface SharedMetricOptions {
  /** Value of the target that is not counted, as the data set declares it. */
  readonly ignoreIndex?: number;
}

/** Names of the metrics here whose options hold `ignoreIndex`: all of them, but not those that others register. */
const IGNORING: readonly string[] = [
  ...['accuracy', 'confusion', 'boundary_f1', 'threshold_sweep', 'empty_masks'],
  ...SCORES.map(([name]) => name),
];

/**
 * A metric from its name, with options where wanted (`accuracy`, `top5`, `iou_per_image`, `iou:threshold=0.4`), or from
 * `{ name, options }`.
 *
 * @param shared options for every metric that knows them and does not say otherwise
 * @throws Error in one sentence for an unknown name or option (with the nearest known) or a value out of range
 */
export function parseMetric(spec: string | Spec, shared: SharedMetricOptions = {}): Metric {
  const given = typeof spec === 'string' ? readSpec(spec) : spec;
  const made = makeMetric(given);
  const { ignoreIndex } = shared;
  const missing = ignoreIndex !== undefined && made.spec.options?.ignoreIndex === undefined;
  if (!missing || !IGNORING.includes(made.spec.name)) return made;
  return makeMetric({ name: made.spec.name, options: { ...made.spec.options, ignoreIndex } });
}

function makeMetric({ name, options = {} }: Spec): Metric {
  if (metricRegistry.has(name)) return metricRegistry.make({ name, options });
  const top = /^top(\d+)$/.exec(normaliseName(name));
  if (top) return accuracy({ ...options, k: Number(top[1]) });
  throw new Error(unknownName('metric', name, [...metricRegistry.names(), 'top5']));
}

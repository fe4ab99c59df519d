import { Registry, type Spec, type SpecOptions } from '../util/registry.js';
import { normaliseName, unknownName } from '../util/suggest.js';
import { accuracy } from './accuracy.js';
import { type AverageOptions, confusionMatrix, f1, precision, recall } from './confusion.js';
import type { Metric } from './metric.js';

/** All metrics by name; more can be registered. `f1`, `precision`, `recall` also as `f1_micro` and `f1_per_class`. */
export const metricRegistry: Registry<Metric> = new Registry<Metric>('metric')
  .register('accuracy', accuracy, 'acc', 'top1')
  .register('confusion', confusionMatrix, 'confusion-matrix');

const SCORES: readonly [string, (options: AverageOptions) => Metric][] = [
  ['precision', precision],
  ['recall', recall],
  ['f1', f1],
];
for (const [name, make] of SCORES)
  metricRegistry
    .register(name, make, `${name}_macro`)
    .register(`${name}_micro`, (o: SpecOptions) => make({ ...o, average: 'micro' }))
    .register(`${name}_per_class`, (o: SpecOptions) => make({ ...o, average: 'none' }));

/**
 * A metric from its name (`accuracy`, `top5`, `f1_micro`, ...) or `{ name, options }`.
 * @throws Error in one sentence for an unknown name or option (with the nearest known) or a value out of range
 */
export function parseMetric(spec: string | Spec): Metric {
  const { name, options = {} } = typeof spec === 'string' ? { name: spec } : spec;
  if (metricRegistry.has(name)) return metricRegistry.make(spec);
  const top = /^top(\d+)$/.exec(normaliseName(name));
  if (top) return accuracy({ ...options, k: Number(top[1]) });
  throw new Error(unknownName('metric', name, [...metricRegistry.names(), 'top5']));
}

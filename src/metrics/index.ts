export { type AccuracyOptions, accuracy } from './accuracy.js';
export {
  type Average,
  type AverageOptions,
  type ConfusionOptions,
  confusionMatrix,
  f1,
  precision,
  recall,
} from './confusion.js';
export { Accumulator, type Metric, type MetricValue, type Total } from './metric.js';
export { metricRegistry, parseMetric } from './registry.js';

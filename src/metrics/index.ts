export { type AccuracyOptions, accuracy } from './accuracy.js';
export { type BoundaryOptions, boundaryF1 } from './boundary.js';
export type { ClassMetricOptions } from './classes.js';
export { type ConfusionOptions, confusionMatrix } from './confusion.js';
export { emptyMasks, type ThresholdSweepOptions, thresholdSweep } from './masks.js';
export { Accumulator, type Metric, type MetricValue, type Total } from './metric.js';
export { metricRegistry, parseMetric, type SharedMetricOptions } from './registry.js';
export { type Average, type AverageOptions, dice, f1, iou, precision, recall } from './scores.js';

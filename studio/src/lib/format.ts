export {
  formatBytes,
  formatCount,
  formatDuration,
  formatMetric,
  formatNumber,
  formatPercent,
  metricTitle,
} from '../../../src/report/format.js';

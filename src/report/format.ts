/** 431080 -> "431,080". */
export const formatCount = (n: number): string => Math.round(n).toLocaleString('en-US');

/** Megabytes of a million: "0.43 MB", "31 MB", "1.2 GB". */
export const formatBytes = (bytes: number): string =>
  bytes < 1e9 ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;

/** A fraction as percent: 0.98912 -> "98.91 %"; never rounds a value below 1 up to "100.00 %". */
export function formatPercent(fraction: number, digits = 2): string {
  if (!Number.isFinite(fraction)) return 'n/a';
  const scale = 10 ** digits;
  const percent = fraction * 100;
  const rounded = Math.round(percent * scale) / scale;
  const shown = rounded >= 100 && fraction < 1 ? 100 - 1 / scale : rounded;
  return `${shown.toFixed(digits)} %`;
}

/** Four significant digits, for losses and rates: 0.034567 -> "0.03457", 0.00001 -> "1e-5". */
export function formatNumber(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6)
    return value
      .toExponential(digits - 1)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  return value.toPrecision(digits);
}

/** As a person would type it: no trailing zeros. */
export const formatPlain = (value: number): string => {
  const text = formatNumber(value);
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text;
};

/** Seconds as "0.4 s", "12 s", "3 min 05 s", "2 h 10 min". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return 'n/a';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (n: number) => String(n).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** Metrics that are fractions of 1 read best as percent; what each metric of the library is called in words. */
const fractions = /^(accuracy|top\d+|precision|recall|f1|iou|dice|boundary_?f1|specificity)/i;
export const isFraction = (metric: string): boolean => fractions.test(metric);

export const formatMetric = (metric: string, value: number): string =>
  isFraction(metric) ? formatPercent(value) : formatNumber(value);

/** "accuracy" -> "Accuracy", "f1" -> "F1", "topK" -> "Top K". */
export function metricTitle(metric: string): string {
  const words = metric
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll(/[._-]/g, ' ')
    .toLowerCase()
    .replace(/\biou\b/, 'IoU')
    .replace(/\bf1\b/, 'F1');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

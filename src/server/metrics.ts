/**
 * Numbers about a server in Prometheus' text format (exposition format 0.0.4): counters, gauges that are read when
 * asked for, and histograms.
 */
export class Metrics {
  private readonly families: (() => string)[] = [];

  /** A number that only grows, for each combination of labels. */
  counter(name: string, help: string): Counter {
    const counter = new Counter();
    this.add(name, help, 'counter', () => [...counter.values].map(([labels, value]) => `${name}${labels} ${value}`));
    return counter;
  }

  /** A number that is read now. */
  gauge(name: string, help: string, read: () => number): void {
    this.add(name, help, 'gauge', () => [`${name} ${read()}`]);
  }

  /** As {@link gauge}, for a number that only grows. */
  total(name: string, help: string, read: () => number): void {
    this.add(name, help, 'counter', () => [`${name} ${read()}`]);
  }

  /** How often values fell below each bound. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const histogram = new Histogram(bounds);
    this.add(name, help, 'histogram', () => histogram.lines(name));
    return histogram;
  }

  text(): string {
    return this.families.map((family) => family()).join('');
  }

  private add(name: string, help: string, type: string, lines: () => string[]): void {
    this.families.push(() => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines(), ''].join('\n'));
  }
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string | number>>;

const labelText = (labels: Labels): string => {
  const escaped = (value: string | number) =>
    String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
};

export class Counter {
  readonly values = new Map<string, number>();

  add(labels: Labels = {}): void {
    const key = labelText(labels);
    this.values.set(key, (this.values.get(key) ?? 0) + 1);
  }
}

interface Series {
  readonly labels: Labels;
  readonly counts: number[];
  sum: number;
  count: number;
}

export class Histogram {
  private readonly series = new Map<string, Series>();

  constructor(private readonly bounds: readonly number[]) {}

  observe(value: number, labels: Labels = {}): void {
    const key = labelText(labels);
    let series = this.series.get(key);
    if (!series) {
      series = { labels, counts: this.bounds.map(() => 0), sum: 0, count: 0 };
      this.series.set(key, series);
    }
    for (const [i, bound] of this.bounds.entries()) if (value <= bound) series.counts[i]!++;
    series.sum += value;
    series.count++;
  }

  /** Sum of all values. */
  get sum(): number {
    return [...this.series.values()].reduce((total, { sum }) => total + sum, 0);
  }

  lines(name: string): string[] {
    return [...this.series].flatMap(([key, { labels, counts, sum, count }]) => [
      ...this.bounds.map((bound, i) => `${name}_bucket${labelText({ ...labels, le: bound })} ${counts[i]}`),
      `${name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count}`,
      `${name}_sum${key} ${sum}`,
      `${name}_count${key} ${count}`,
    ]);
  }
}

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { cssColour } from '../../../lib/theme.js';
import { type Drawable, drawNever, drawSoon } from './frames.js';
import { follow } from './hand.js';
import type { Line } from './line.js';
import { type Mapping, paintLine, xPixel, yPixel } from './paint.js';
import { valueRange } from './range.js';
import { nearest } from './thin.js';
import type { View } from './view.js';

export interface PlotOptions {
  readonly height: number;
  readonly log: boolean;
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
  /** Values are fractions, written as percent at the axis. */
  readonly percent: boolean;
  /** Values of the lines where the pointer is, or their last ones; `at` is undefined then. */
  readonly onValues: (values: readonly (number | undefined)[], at: number | undefined) => void;
}

/** A small value must not be written as 0. */
const tick = (value: number, step: number): string => {
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential(1).replace('.0', '').replace('e+', 'e');
  return value.toFixed(digitsOf(step));
};

/** Decimals that tell multiples of `step` exactly: 3 for 0.025. */
function digitsOf(step: number): number {
  for (let digits = 0; digits < 6; digits++) {
    const scaled = step * 10 ** digits;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return digits;
  }
  return 6;
}

/** Distances between ticks of the time: whole epochs, parts of them only where no two whole ones are seen. */
const powers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => i + from).flatMap((e) => [1, 2, 5].map((m) => m * 10 ** e));
const WHOLE = powers(0, 9);
const PARTS = [...powers(-4, 0), ...WHOLE];

/** Of 1 to 9 in each power of ten, those that are written: 1, 2 and 5, or 1 alone where there are many. */
const logTicks: uPlot.Axis.Filter = (_u, at) => {
  const many = at.length > 1 && Math.log10(at[at.length - 1]! / at[0]!) > 3;
  return at.map((v) => ((many ? /^1(\.0*)?e/ : /^[125](\.0*)?e/).test(v.toExponential(6)) ? v : null));
};

/**
 * A chart of lines over time. uPlot keeps scales, axes and the canvas; the lines, each with its own x, are drawn here, thinned
 * to what the pixels show, and the pointer belongs to the {@link View} that all charts of a page share.
 */
export class Plot implements Drawable {
  private readonly u: uPlot;
  private lines: readonly Line[] = [];
  private colours: Record<string, string> = {};
  private readonly cross = document.createElement('div');
  private readonly marks: HTMLElement[] = [];
  private readonly stops: (() => void)[] = [];
  private seen = true;
  private stale = true;
  private held = false;

  constructor(
    host: HTMLElement,
    private readonly view: View,
    private readonly options: PlotOptions,
  ) {
    this.u = new uPlot(
      this.settings(host.clientWidth || 600),
      [
        [0, 1],
        [null, null],
      ] as uPlot.AlignedData,
      host,
    );
    this.cross.className = 'cross';
    this.u.over.append(this.cross);
    const sized = new ResizeObserver(() => {
      const width = host.clientWidth;
      if (width > 0 && width !== this.u.width) this.u.setSize({ width, height: options.height });
      this.touch();
    });
    sized.observe(host);
    // Charts that are scrolled away wait.
    const shown = new IntersectionObserver(
      (entries) => {
        this.seen = entries[entries.length - 1]!.isIntersecting;
        if (this.seen && this.stale) drawSoon(this);
      },
      { rootMargin: '200px' },
    );
    shown.observe(host);
    const recolour = () => {
      this.colours = {};
      this.touch();
    };
    addEventListener('themechange', recolour);
    this.stops.push(
      () => sized.disconnect(),
      () => shown.disconnect(),
      () => removeEventListener('themechange', recolour),
      view.listen(() => this.touch()),
      follow(this.u.over, host, view, (held) => {
        this.held = held;
      }),
    );
  }

  get first(): boolean {
    return this.held;
  }

  setLines(lines: readonly Line[]): void {
    this.lines = lines;
    this.touch();
  }

  destroy(): void {
    drawNever(this);
    for (const stop of this.stops) stop();
    this.u.destroy();
  }

  private touch(): void {
    this.stale = true;
    if (this.seen) drawSoon(this);
  }

  draw(): void {
    this.stale = false;
    const [x0, x1] = this.view.range;
    const [low, high] = valueRange(this.lines, x0, x1, this.options.log);
    const { x, y } = this.u.scales;
    if (x!.min !== x0 || x!.max !== x1 || y!.min !== low || y!.max !== high || this.drawn !== this.lines)
      this.u.batch(() => {
        this.u.setScale('x', { min: x0, max: x1 });
        this.u.setScale('y', { min: low, max: high });
      });
    this.point();
  }

  private drawn: readonly Line[] | undefined;

  private readonly paint = (u: uPlot): void => {
    this.drawn = this.lines;
    const { ctx } = u;
    const map = this.mapping();
    ctx.save();
    ctx.beginPath();
    // Marks at the end of the time stand across the border.
    ctx.rect(map.left, map.top, map.width + 4 * map.ratio, map.height);
    ctx.clip();
    for (const faint of [true, false])
      for (const line of this.lines)
        if (Boolean(line.faint) === faint) paintLine(ctx, line, this.colour(line.colour), map);
    ctx.restore();
  };

  private mapping(): Mapping {
    const { left, top, width, height } = this.u.bbox;
    const { x, y } = this.u.scales;
    return {
      left,
      top,
      width,
      height,
      x: [x!.min ?? 0, x!.max ?? 1],
      y: [y!.min ?? 0, y!.max ?? 1],
      log: this.options.log,
      ratio: uPlot.pxRatio,
    };
  }

  /** Cross and marks where the pointer is, in any of the charts. */
  private point(): void {
    const { at } = this.view;
    const map = this.mapping();
    const inside = at !== undefined && at >= map.x[0] && at <= map.x[1];
    this.cross.hidden = !inside;
    if (inside) this.cross.style.transform = `translateX(${(xPixel(map, at) - map.left) / map.ratio}px)`;
    const values = this.lines.map((line, i) => {
      const index = inside ? nearest(line.x, at) : line.x.length - 1;
      const value = line.y[index];
      this.mark(i, inside && !line.faint && value !== undefined ? line : undefined, index, map);
      return value;
    });
    for (let i = this.lines.length; i < this.marks.length; i++) this.marks[i]!.hidden = true;
    this.options.onValues(values, inside ? at : undefined);
  }

  private mark(i: number, line: Line | undefined, index: number, map: Mapping): void {
    if (!line) {
      if (this.marks[i]) this.marks[i]!.hidden = true;
      return;
    }
    let mark = this.marks[i];
    if (!mark) {
      mark = this.marks[i] = document.createElement('div');
      mark.className = 'mark';
      this.u.over.append(mark);
    }
    const value = line.y[index]!;
    const x = (xPixel(map, line.x[index]!) - map.left) / map.ratio;
    const y = (yPixel(map, value) - map.top) / map.ratio;
    mark.hidden = !(y >= 0 && y <= map.height / map.ratio && x >= 0 && x <= map.width / map.ratio);
    mark.style.background = `var(${line.colour})`;
    mark.style.transform = `translate(${x}px, ${y}px)`;
  }

  private colour(name: string): string {
    return (this.colours[name] ??= cssColour(name));
  }

  private settings(width: number): uPlot.Options {
    const { height, log, formatX, formatY, percent } = this.options;
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis: uPlot.Axis = {
      stroke: () => this.colour('--muted'),
      grid: { stroke: () => this.colour('--line'), width: 1 },
      ticks: { show: false },
      font,
      gap: 7,
    };
    return {
      width,
      height,
      padding: [8, 14, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, auto: false, range: (_u, min, max) => [min ?? 0, max ?? 1] },
        y: { auto: false, distr: log ? 3 : 1, range: () => (log ? [0.1, 1] : [0, 1]) },
      },
      axes: [
        {
          ...axis,
          incrs: (_u, _axis, from, to) => (to - from >= 2 ? WHOLE : PARTS),
          size: 30,
          space: 70,
          values: (_u, at) => at.map(formatX),
        },
        {
          ...axis,
          ...(log && { filter: logTicks, grid: { ...axis.grid, filter: logTicks } }),
          // As wide as its numbers.
          size: (_u, values) => 16 + 7 * Math.max(3, ...(values ?? []).map((v) => String(v ?? '').length)),
          space: 34,
          values: (_u, at, _axis, _space, step) =>
            at.map((v) =>
              v === null
                ? ''
                : log
                  ? formatY(v)
                  : percent
                    ? `${tick(100 * v, 100 * (step || 1))} %`
                    : tick(v, step || 1),
            ),
        },
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: { draw: [this.paint] },
    };
  }
}

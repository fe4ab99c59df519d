import { type ReactNode, useEffect, useRef, useState } from 'react';
import { formatPlain } from '../../../../../src/report/format.js';
import { formatNumber } from '../../../lib/format.js';
import { Card } from '../../../ui/index.js';
import type { Line } from './line.js';
import { Plot } from './plot.js';
import type { View } from './view.js';
import './plot.css';

/** Numbers of epochs and steps, as short as they can be told apart. */
export const plainNumber = (x: number): string =>
  Number.isInteger(x) ? x.toLocaleString('en-US') : String(+x.toFixed(3));

/** Lines over time with a legend that tells their values under the pointer, or their last ones. */
export function Chart({
  title,
  lines,
  view,
  unit,
  height = 230,
  log = false,
  percent = false,
  format = formatNumber,
  end,
}: {
  title: string;
  lines: readonly Line[];
  view: View;
  /** Of the time: `epoch` or `step`. */
  unit: string;
  height?: number;
  log?: boolean;
  /** Values are fractions. */
  percent?: boolean;
  format?: (value: number) => string;
  end?: ReactNode;
}) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot>(undefined);
  const legend = useRef<HTMLUListElement>(null);
  const time = useRef<HTMLSpanElement>(null);
  const [off, setOff] = useState<ReadonlySet<string>>(new Set());
  const shown = lines.filter((line) => !off.has(line.key));
  const state = useRef({ shown, format, unit });
  state.current = { shown, format, unit };

  useEffect(() => {
    const element = host.current!;
    // Written past React: this happens at every move of the pointer.
    const tell = (values: readonly (number | undefined)[], at: number | undefined) => {
      const { shown, format, unit } = state.current;
      const said: string[] = [];
      for (const [i, line] of shown.entries()) {
        const place = legend.current?.querySelector(`[data-line="${CSS.escape(line.key)}"]`);
        if (!place) continue;
        const value = values[i];
        const text = value === undefined || value === null ? '' : Number.isNaN(value) ? 'n/a' : format(value);
        if (place.textContent !== text) place.textContent = text;
        if (text) said.push(`${line.name} ${text}`);
      }
      const when = at === undefined ? '' : `${unit} ${unit === 'step' ? plainNumber(Math.round(at)) : at.toFixed(2)}`;
      if (time.current && time.current.textContent !== when) time.current.textContent = when;
      element.setAttribute('aria-valuenow', String(+(at ?? 0).toFixed(3)));
      element.setAttribute(
        'aria-valuetext',
        at === undefined ? `last values: ${said.join(', ')}` : `${when}: ${said.join(', ')}`,
      );
    };
    plot.current = new Plot(element, view, {
      height,
      log,
      percent,
      formatX: plainNumber,
      formatY: formatPlain,
      onValues: tell,
    });
    plot.current.setLines(state.current.shown);
    return () => plot.current?.destroy();
  }, [view, height, log, percent]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a plot that was made anew needs its lines too
  useEffect(
    () => plot.current?.setLines(lines.filter((line) => !off.has(line.key))),
    [lines, off, log, height, view, percent],
  );

  const toggle = (key: string) =>
    setOff((old) => {
      const next = new Set(old);
      // What is drawn faintly behind a line goes with it.
      for (const k of [key, `${key}/faint`]) if (!next.delete(k)) next.add(k);
      return next;
    });
  return (
    <Card
      title={title}
      end={
        <>
          <span ref={time} className="muted small numbers" />
          {end}
        </>
      }
      className="chart"
    >
      <ul className="legend" ref={legend}>
        {lines
          .filter((line) => !line.faint)
          .map((line) => (
            <li key={line.key}>
              <button type="button" aria-pressed={!off.has(line.key)} onClick={() => toggle(line.key)}>
                <i style={{ borderTop: `3px ${line.dashed ? 'dashed' : 'solid'} var(${line.colour})` }} />
                <span>{line.name}</span>
                <b data-line={line.key} />
              </button>
            </li>
          ))}
      </ul>
      <div
        ref={host}
        className="plot"
        style={{ minHeight: height }}
        role="slider"
        tabIndex={0}
        aria-label={`${title} over time`}
        aria-valuemin={0}
        aria-valuenow={0}
      />
    </Card>
  );
}

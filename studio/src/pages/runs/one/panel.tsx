import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { isFraction } from '../../../../../src/report/format.js';
import { formatMetric, formatNumber } from '../../../lib/format.js';
import { Segmented } from '../../../ui/index.js';
import {
  type Curves,
  measureLines,
  measures,
  measureTitle,
  rateLines,
  span,
  stepLines,
  type Unit,
} from '../data/curves.js';
import { Chart } from '../plot/chart.js';
import { View } from '../plot/view.js';

/** How people last wanted to see curves. */
const KEY = 'fovea-curves';
interface Look {
  unit: Unit;
  smoothing: number;
  log: boolean;
}
function kept(): Look {
  const plain: Look = { unit: 'epoch', smoothing: 0.9, log: false };
  try {
    return { ...plain, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Look>) };
  } catch {
    return plain;
  }
}

/** All curves of some runs, with one time for all of them. */
export function CurvePanel({ runs, end }: { runs: readonly Curves[]; end?: ReactNode }) {
  const [look, setLook] = useState(kept);
  const { smoothing, log } = look;
  const single = runs.some(({ steps }) => (steps?.step.length ?? 0) > 0);
  // Without single steps it is not known how many an epoch has.
  const unit = single ? look.unit : 'epoch';
  const change = (part: Partial<Look>) => setLook((old) => ({ ...old, ...part }));
  useEffect(() => localStorage.setItem(KEY, JSON.stringify(look)), [look]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another unit begins with the whole time
  const view = useMemo(() => new View(), [unit]);
  const zoomed = useSyncExternalStore(
    (changed) => view.listen(changed),
    () => view.zoomed,
  );
  useEffect(() => view.setWhole(...span(runs, unit)), [view, runs, unit]);

  const names = measures(runs).filter((name) => name !== 'loss');
  const loss = useMemo(
    () => [...stepLines(runs, unit, smoothing), ...measureLines(runs, 'loss', unit)],
    [runs, unit, smoothing],
  );
  const rate = useMemo(() => rateLines(runs, unit), [runs, unit]);
  const others = useMemo(
    () => measures(runs).map((name) => [name, measureLines(runs, name, unit)] as const),
    [runs, unit],
  );
  const shared = { view, unit };
  return (
    <>
      <div className="row curve-tools">
        {single && (
          <Segmented
            label="Time in"
            value={unit}
            options={[
              ['epoch', 'Epochs'],
              ['step', 'Steps'],
            ]}
            onChange={(value) => change({ unit: value })}
          />
        )}
        {single && (
          <label className="row">
            Smoothing
            <input
              type="range"
              min={0}
              max={0.995}
              step={0.005}
              value={smoothing}
              onChange={(e) => change({ smoothing: Number(e.target.value) })}
            />
            <span className="numbers muted smoothing">{smoothing === 0 ? 'off' : smoothing.toFixed(3)}</span>
          </label>
        )}
        <label className="row">
          <input type="checkbox" checked={log} onChange={(e) => change({ log: e.target.checked })} />
          Logarithmic loss
        </label>
        <button type="button" className="button quiet" disabled={!zoomed} onClick={() => view.reset()}>
          Whole run
        </button>
        <span className="end row">{end}</span>
      </div>
      <Chart title="Loss" lines={loss} {...shared} height={320} log={log} />
      <div className="columns measures">
        {others.map(
          ([name, lines]) =>
            names.includes(name) &&
            lines.length > 0 && (
              <Chart
                key={name}
                title={measureTitle(name)}
                lines={lines}
                {...shared}
                format={(v) => formatMetric(name, v)}
                percent={isFraction(name)}
              />
            ),
        )}
        {rate.length > 0 && <Chart title="Learning rate" lines={rate} {...shared} format={formatNumber} />}
      </div>
      <p className="small muted hint">
        Drag over a chart to look closer, or turn the wheel; then drag or use Shift and the wheel to move. A double
        click shows the whole run. By keyboard: arrows, + and −, Shift with arrows, 0.
      </p>
    </>
  );
}

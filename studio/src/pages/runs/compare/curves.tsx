import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { isFraction } from '../../../../../src/report/format.js';
import { formatMetric, formatNumber } from '../../../lib/format.js';
import { go } from '../../../lib/router.js';
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
import { writeIds } from '../words.js';

type Parts = 'valid' | 'train' | 'both';

/** One measure of several runs in one chart. */
export function ComparePanel({
  runs,
  ids,
  asked,
}: {
  runs: readonly Curves[];
  ids: readonly string[];
  asked: URLSearchParams;
}) {
  const [wantedUnit, setUnit] = useState<Unit>('epoch');
  const single = runs.some(({ steps }) => (steps?.step.length ?? 0) > 0);
  const unit = single ? wantedUnit : 'epoch';
  const [parts, setParts] = useState<Parts>('valid');
  const [log, setLog] = useState(false);
  const there = [
    ...measures(runs).map((name) => [name, measureTitle(name)] as const),
    ...(single ? ([['steps', 'Loss of each step']] as const) : []),
    ['lr', 'Learning rate'] as const,
  ];
  const wanted = asked.get('measure');
  const measure = there.find(([name]) => name === wanted)?.[0] ?? there[0]![0];
  const choose = (name: string) => go(['runs'], { compare: writeIds(ids), measure: name }, true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another unit begins with the whole time
  const view = useMemo(() => new View(), [unit]);
  const zoomed = useSyncExternalStore(
    (changed) => view.listen(changed),
    () => view.zoomed,
  );
  useEffect(() => view.setWhole(...span(runs, unit)), [view, runs, unit]);
  const lines = useMemo(() => {
    if (measure === 'lr') return rateLines(runs, unit);
    if (measure === 'steps') return stepLines(runs, unit, 0.95);
    const found = measureLines(runs, measure, unit, parts);
    // Runs without validation data are compared by their training.
    return found.length > 0 ? found : measureLines(runs, measure, unit, 'train');
  }, [runs, unit, measure, parts]);
  const plain = measure !== 'lr' && measure !== 'steps';
  const title = there.find(([name]) => name === measure)![1];
  return (
    <>
      <div className="row curve-tools">
        <select
          className="select measure"
          aria-label="Measure to compare"
          value={measure}
          onChange={(e) => choose(e.target.value)}
        >
          {there.map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
        {plain && (
          <Segmented
            label="Measured on"
            value={parts}
            options={[
              ['valid', 'Validation'],
              ['train', 'Training'],
              ['both', 'Both'],
            ]}
            onChange={setParts}
          />
        )}
        {single && (
          <Segmented
            label="Time in"
            value={unit}
            options={[
              ['epoch', 'Epochs'],
              ['step', 'Steps'],
            ]}
            onChange={setUnit}
          />
        )}
        {(measure === 'loss' || measure === 'steps') && (
          <label className="row">
            <input type="checkbox" checked={log} onChange={(e) => setLog(e.target.checked)} />
            Logarithmic
          </label>
        )}
        <button type="button" className="button quiet" disabled={!zoomed} onClick={() => view.reset()}>
          Whole runs
        </button>
      </div>
      <Chart
        title={plain && parts !== 'both' ? `${title}, ${parts === 'valid' ? 'validation' : 'training'}` : title}
        lines={lines}
        view={view}
        unit={unit}
        height={380}
        log={log && (measure === 'loss' || measure === 'steps')}
        percent={isFraction(measure)}
        format={plain ? (v) => formatMetric(measure, v) : formatNumber}
      />
    </>
  );
}

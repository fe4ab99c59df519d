import './panel.css';
import { type ReactNode, useMemo, useState } from 'react';
import type { NetworkGraph } from '../../../../src/server/studio/api.js';
import { runPath } from '../../lib/api.js';
import { formatCount } from '../../lib/format.js';
import { Looking } from './looking.js';
import { amountOf, followerWords, type Measure, measureWords, share, shortNumber } from './model/measures.js';
import { sights } from './model/sees.js';
import { type BlockItem, lastStep, type Shown, shapeWords, wordsOf } from './model/tree.js';
import type { Chosen } from './picture.js';
import { Receptive } from './receptive.js';

const MODULES: Readonly<Record<string, string>> = { stage: 'maps of one size' };

/** Everything about the chosen layer or block. */
export function Panel({
  graph,
  item,
  run,
  open,
  chosen,
  onChoose,
  onFold,
  onSelect,
  onClose,
}: {
  graph: NetworkGraph;
  item: Shown;
  run: string | undefined;
  open: boolean;
  chosen: Chosen | undefined;
  onChoose: (c: Chosen) => void;
  onFold: (block: BlockItem) => void;
  onSelect: (step: number) => void;
  onClose: () => void;
}) {
  const sight = useMemo(() => sights(graph), [graph]);
  const last = lastStep(item);
  const seen = sight.get(last.id);
  const [, height, width] = graph.inputShape;
  const map = last.shape.length === 3 ? ([last.shape[1]!, last.shape[2]!] as const) : ([1, 1] as const);
  const step = item.type === 'step' ? item.step : undefined;
  const path = item.type === 'block' ? item.path : item.step.path;
  return (
    <aside className="net-panel" aria-label="About the chosen layer">
      <header>
        <div>
          <h2>{item.type === 'block' ? item.title : wordsOf(item.step)}</h2>
          {path && <code>{path}</code>}
        </div>
        <button type="button" className="button quiet" onClick={onClose} aria-label="Close">
          ✕
        </button>
      </header>
      <dl className="net-facts">
        {item.type === 'block' && <Fact name="Kind">{MODULES[item.kind] ?? item.kind}</Fact>}
        {step?.kernel && <Fact name="Kernel">{shapeWords(step.kernel)}</Fact>}
        {step?.stride && <Fact name="Stride">{stride(step.stride)}</Fact>}
        {step && step.followedBy.length > 0 && <Fact name="Followed by">{followerWords(step.followedBy)}</Fact>}
        <Fact name="Gives">{shapeWords(last.shape)}</Fact>
        {last.trainingOnly && <Fact name="Runs">in training only</Fact>}
        <Cost item={item} measure="parameters" name="Parameters" total={graph.totals.parameters} exact />
        <Cost
          item={item}
          measure="multiplyAdds"
          name="Multiply-adds"
          total={last.trainingOnly ? 0 : graph.totals.multiplyAdds}
        />
        <Cost
          item={item}
          measure="activationBytes"
          name="Activations"
          total={last.trainingOnly ? 0 : graph.totals.activationBytes}
        />
      </dl>
      {item.type === 'block' && (
        <section>
          <h3>Made of</h3>
          <button type="button" className="button" onClick={() => onFold(item)}>
            {open ? 'Fold' : 'Unfold'}
          </button>
          <ul className="net-parts">
            {item.steps.map((s) => (
              <li key={s.id}>
                <button type="button" onClick={() => onSelect(s.id)}>
                  {wordsOf(s)}
                </button>
                <span className="muted numbers">
                  {s.parameters > 0 ? shortNumber(s.parameters) : shapeWords(s.shape)}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {run !== undefined && seen && (
        <Looking run={run} graph={graph} step={last} sight={seen} chosen={chosen} onChoose={onChoose} />
      )}
      {run !== undefined && step?.kind === 'conv' && <Filters key={step.path} run={run} path={step.path} />}
      {seen && last.kind !== 'input' && (
        <section>
          <h3>What it sees</h3>
          <Receptive sight={seen} image={[height, width]} map={map} />
        </section>
      )}
    </aside>
  );
}

const stride = (s: readonly [number, number]) => (s[0] === s[1] ? String(s[0]) : shapeWords(s));

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

function Cost({
  item,
  measure,
  name,
  total,
  exact = false,
}: {
  item: Shown;
  measure: Measure;
  name: string;
  total: number;
  exact?: boolean;
}) {
  const value = amountOf(item, measure);
  const part = total > 0 ? Math.min(1, value / total) : 0;
  return (
    <Fact name={name}>
      {exact ? formatCount(value) : measureWords(measure, value)}
      {part > 0 && (
        <>
          <span className="muted"> · {share(value, total)}</span>
          <i className="net-share" aria-hidden="true">
            <i style={{ width: `${100 * part}%` }} />
          </i>
        </>
      )}
    </Fact>
  );
}

/** The weights of a convolution as pictures. */
function Filters({ run, path }: { run: string; path: string }) {
  const [failed, setFailed] = useState(false);
  return (
    <section>
      <h3>Its filters</h3>
      {failed ? (
        <p className="muted small">The filters cannot be shown: this run has no weights yet.</p>
      ) : (
        <img
          className="net-filters"
          src={runPath(run, `/filters?layer=${encodeURIComponent(path)}`)}
          alt={`Filters of ${path}: grey is 0, dark is negative, bright is positive`}
          onError={() => setFailed(true)}
        />
      )}
    </section>
  );
}
